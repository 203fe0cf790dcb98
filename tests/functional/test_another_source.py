"""The how-to's settings and columns files, word for word, on streams of their shapes: ids in are ids out."""

import re
import shlex
from collections import Counter
from pathlib import Path

import pytest
from harness.account import data_keys
from harness.others import Others, mastodon, page_change, stellar
from sluice_batcher.settings import BatcherSettings
from sluice_producer.settings import ProducerSettings

pytestmark = pytest.mark.functional

HOW_TO = (Path(__file__).resolve().parents[2] / "docs/how-to/another-source.md").read_text()


def written(language: str, name: str) -> str:
    """The fenced block whose first line is the comment `# name`."""
    (block,) = re.findall(rf"```{language}\n# {re.escape(name)}\n(.*?)```", HOW_TO, re.DOTALL)
    return block


def settings_of(shape: str, directory: Path) -> dict[str, str]:
    """The exports of the document's block, its columns file beside them."""
    words = shlex.split(written("sh", f"{shape}.env"))
    settings = dict(word.split("=", 1) for word in words if word != "export")
    columns = directory / settings["SLUICE_COLUMNS"]
    columns.write_text(written("yaml", columns.name))
    return settings | {"SLUICE_COLUMNS": str(columns)}


def source_of(shape: str, settings: dict[str, str]) -> Others:
    if shape == "mastodon":
        name, value = settings["SLUICE_SOURCE_HEADERS"].split(": ", 1)
        # A producer that knows no headers yet cannot be asked for one.
        return mastodon(
            (name, value) if "source_headers" in ProducerSettings.model_fields else None
        )
    return {"stellar": stellar, "page_change": page_change}[shape]()


@pytest.mark.parametrize("wire", ["packed", "plain"])
@pytest.mark.parametrize("shape", ["mastodon", "stellar", "page_change"])
def test_the_how_to_s_examples(make_pipeline, tmp_path, shape, wire):
    settings = settings_of(shape, tmp_path)
    source = source_of(shape, settings)
    pipeline = make_pipeline(
        source=source, settings=settings | {"SLUICE_SOURCE_URL": source.url, "SLUICE_WIRE": wire}
    )
    producer, _batcher = pipeline.start()

    pipeline.drain()
    pipeline.stop()

    rows = pipeline.rows()
    assert Counter(row["event_id"] for row in rows) == Counter(source.expected())
    by_id = {told.event_id: told for told in source.told}
    for row in rows:
        told = by_id[row["event_id"]]
        assert {name: row[name] for name in told.values} == told.values
    hours = Counter(f"dt={told.at:%Y-%m-%d}/hour={told.at:%H}" for told in source.told)
    found = Counter(
        key.split("/", 1)[1].rsplit("/", 1)[0]
        for key in data_keys(pipeline.cloud)
        for _ in pipeline._rows[key]
    )
    # A batcher that is not asked for other times yet knows only the usual ones.
    assert found == hours or "event_time" not in BatcherSettings.model_fields
    assert pipeline.cloud.dead_letters() == []
    if shape != "mastodon":
        assert len(source.requests) >= 3, "it was cut and resumed"
    assert "my-token" not in producer.output()


def test_the_full_example_of_a_columns_file_is_one(tmp_path):
    from sluice_batcher.rows.columns import Kind, load_columns

    path = tmp_path / "columns.yaml"
    path.write_text(written("yaml", "columns.yaml"))
    columns = load_columns(str(path)).columns
    assert {column.kind for column in columns} == set(Kind)
    assert {c.path[0] for c in columns if c.path[0].startswith("@")} == {
        "@event_id",
        "@event_type",
        "@sse_id",
        "@event_time",
    }
