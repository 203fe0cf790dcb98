"""Fixtures of the fault tests; `conftest.py` makes them known to pytest."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sluice_local.localstack import EmbeddedLocalStack

from harness.cloud import CREDENTIALS, Cloud
from harness.pipeline import VISIBILITY, Pipeline
from harness.source import Source


@pytest.fixture(scope="session", autouse=True)
def credentials() -> Iterator[None]:
    """The test's own clients read them from the environment, as any AWS client does; no real ones are used."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("AWS_", "SLUICE_")):
                patch.delenv(name)
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def cloud(localstack: EmbeddedLocalStack) -> Cloud:
    """Queue, dead-letter queue and bucket of this test alone."""
    return Cloud.make(localstack.endpoint, visibility=VISIBILITY)


@pytest.fixture
def make_pipeline(cloud: Cloud, tmp_path: Path) -> Iterator[Callable[..., Pipeline]]:
    """Pipelines on this test's cloud: `make_pipeline(events, …)`, options as in `Pipeline` and `Source`."""
    made: list[Pipeline] = []

    def make(
        events: int = 2000,
        *,
        through_proxy: bool = False,
        settings: dict[str, str] | None = None,
        source: Any = None,
        on: Cloud | None = None,
        **options: Any,
    ) -> Pipeline:
        source = source or Source(tmp_path / f"ledger-{len(made)}.jsonl", events, **options)
        directory = tmp_path / f"pipeline-{len(made)}"
        directory.mkdir()
        made.append(
            Pipeline(on or cloud, source, directory, through_proxy=through_proxy, settings=settings)
        )
        return made[-1]

    make.made = made  # type: ignore[attr-defined] # for the report of a failed test
    yield make
    for pipeline in made:
        pipeline.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failed test shows the ends of its services' logs."""
    report = yield
    make = getattr(item, "funcargs", {}).get("make_pipeline")
    if report.when == "call" and report.failed and make is not None:
        for pipeline in make.made:
            report.sections.append(("services", pipeline.children.report()))
    return report
