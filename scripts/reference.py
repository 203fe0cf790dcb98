"""Writes the pages of docs/reference from what the code itself says.

`python scripts/reference.py` writes them; `--check` only compares, and fails. The alerts are helm's to render: without
it their page is left as it is (tests/chart compares it, too, and CI has helm).
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import alerts
import told
from chart_values import in_chart
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from sluice_batcher.metrics import Metrics as BatcherMetrics
from sluice_batcher.settings import BatcherSettings
from sluice_compactor.metrics import Metrics as CompactorMetrics
from sluice_compactor.settings import CompactorSettings
from sluice_core.service.telemetry import make_registry
from sluice_core.settings import CommonSettings, describe_settings
from sluice_producer.metrics import Metrics as ProducerMetrics
from sluice_producer.settings import ProducerSettings

REFERENCE: Final = Path(__file__).resolve().parent.parent / "docs" / "reference"
_MADE: Final = "<!-- made by scripts/reference.py (`make docs`): edit the code instead -->"
_PARTS_OF_A_TYPE: Final = ("_bucket", "_sum", "_count", "_created")

SETTINGS_HEAD: Final = f"""{_MADE}
# Settings
Environment variables. A bare number is seconds or bytes; `5s`, `2m`, `64MiB` work too. A wrong or contradictory value stops the start with one line that names the variable, the value and the rule ([exit code](exit-codes.md) 2). `python -m sluice_producer --print-config` shows what is in force, secrets hidden.

In the chart: the [value](../../deploy/helm/sluice/README.md#values) that sets it. What has none is set by `extraEnv` of the service, a list of `{{name: …, value: …}}`. An entry of `producers` may have any key of `producer` for itself.
"""

METRICS_HEAD: Final = f"""{_MADE}
# Metrics
At `/metrics` of each service, for Prometheus. A counter moves when SQS or S3 has answered, not before. Every value of a label is there from the start (HTTP statuses beyond the usual ones excepted), so that `increase` sees the first event. Beside these, each process tells of its CPU time, memory, file descriptors and garbage collection (`process_*`, `python_*`).
"""


def settings() -> str:
    """The page of settings, as Markdown."""
    common = {row.variable for row in describe_settings(CommonSettings)}
    parts = [SETTINGS_HEAD]
    for title, component, cls in (
        ("All services", None, CommonSettings),
        ("Producer", "producer", ProducerSettings),
        ("Batcher", "batcher", BatcherSettings),
        ("Compactor", "compactor", CompactorSettings),
    ):
        head = "| variable | kind | default | | in the chart |"
        parts += [f"## {title}", head, "|---|---|---|---|---|"]
        parts += [
            f"| `{row.variable}` | {row.kind} | {_code(row.default)} | {row.description} "
            f"| {in_chart(component, row.variable)} |"
            for row in describe_settings(cls)
            if cls is CommonSettings or row.variable not in common
        ]
        parts.append("")
    return "\n".join(parts)


def metrics() -> str:
    """The page of metrics, as Markdown."""
    parts = [METRICS_HEAD]
    for title, fill in _SERVICES:
        registry = CollectorRegistry()
        fill(registry)
        parts += [f"## {title}", "| metric | type | labels | |", "|---|---|---|---|"]
        parts += [_row(family) for family in registry.collect()]
        parts.append("")
    shared = [family for family in make_registry("x").collect() if family.name.startswith("sluice")]
    parts += [
        "## Both",
        "| metric | type | labels | |",
        "|---|---|---|---|",
        *map(_row, shared),
        "",
    ]
    return "\n".join(parts)


def _row(family: Metric) -> str:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels: dict[str, set[str]] = {}
    for sample in family.samples:
        if family.type == "histogram" and not sample.name.endswith(_PARTS_OF_A_TYPE):
            continue
        for label, value in sample.labels.items():
            if label != "le":
                labels.setdefault(label, set()).add(value)
    shown = "; ".join(_label(label, values) for label, values in sorted(labels.items()))
    return f"| `{name}` | {family.type} | {shown or '–'} | {family.documentation} |"


def _label(name: str, values: set[str]) -> str:
    if name in ("version", "component"):
        return f"`{name}`"
    return f"`{name}`: {', '.join(f'`{value}`' for value in sorted(values))}"


def _producer(registry: CollectorRegistry) -> None:
    ProducerMetrics(registry, "packed")


def _batcher(registry: CollectorRegistry) -> None:
    BatcherMetrics(registry, "csv")


def _compactor(registry: CollectorRegistry) -> None:
    CompactorMetrics(registry)


_SERVICES: Final[tuple[tuple[str, Callable[[CollectorRegistry], None]], ...]] = (
    ("Producer", _producer),
    ("Batcher", _batcher),
    ("Compactor", _compactor),
)


def _code(default: str) -> str:
    return default if default in ("–", "(required)") else f"`{default}`"


def pages() -> Iterator[tuple[Path, str]]:
    """Each page's path and text."""
    yield REFERENCE / "settings.md", settings()
    yield REFERENCE / "metrics.md", metrics()
    yield REFERENCE / "dead-letter-reasons.md", f"{_MADE}\n{told.reasons_page()}"
    yield REFERENCE / "exit-codes.md", f"{_MADE}\n{told.exit_codes_page()}"
    yield REFERENCE / "commands.md", f"{_MADE}\n{told.commands_page()}"
    helm = shutil.which("helm")
    if helm:
        yield REFERENCE / "alerts.md", alerts.page(alerts.render(helm), _MADE)
    else:
        sys.stderr.write("docs/reference/alerts.md is left as it is: helm is missing\n")


def main() -> int:
    """Writes the pages, or with `--check` tells whether they are up to date."""
    old = [path for path, text in pages() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in old:
            sys.stderr.write(f"docs/reference/{path.name} is out of date: run `make docs`\n")
        return 1 if old else 0
    for path, text in pages():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
