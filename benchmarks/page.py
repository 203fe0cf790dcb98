"""The page: Markdown with machine, versions and commands, its figures as JSON, and plots."""

import json
import math
import os
import platform
import statistics
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from contenders import bento_program
from measure import Run
from rich.table import Table

_LIBRARIES: Final = ("boto3", "pandas", "pyarrow", "msgspec", "zstandard", "prometheus-client")
_PAYLOAD: Final = 65_536
"""Bytes that SQS bills as one request."""
_ORDER: Final = ("article", "bento", "sluice")
_COLOURS: Final = {"article": "#9aa5b1", "bento": "#d9822b", "sluice": "#2f7ed8"}


@dataclass
class Report:
    """All runs of one call, with list prices ($ a million requests), and the tables beside."""

    runs: list[Run]
    sqs_price: float
    put_price: float
    extras: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def jobs(self) -> dict[str, dict[str, list[Run]]]:
        """Runs by job and contender."""
        found: dict[str, dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
        for run in self.runs:
            found[run.job][run.contender].append(run)
        return found

    def median(self, job: str, contender: str) -> float | None:
        """Median µs of CPU an event, if it ran."""
        runs = self.jobs().get(job, {}).get(contender)
        return statistics.median(run.microseconds for run in runs) if runs else None

    def ratios(self) -> dict[str, float]:
        """Job → how many times the article's loop Sluice is (its batcher's one job, or its producer's)."""
        found = {}
        for job in self.jobs():
            base = self.median(
                "SSE → plain" if job.startswith("SSE") else "plain → CSV of 100", "article"
            )
            own = self.median(job, "sluice")
            if base and own:
                found[job] = base / own
        return found

    def requests(self, run: Run) -> tuple[float, float]:
        """SQS requests as they are billed (each 64 KiB of payload is one), and dollars, a million events."""
        calls, producer = run.requests, run.job.startswith("SSE")
        payload = run.megabytes * 1e6 if producer else self._weight(run.job) * run.events
        bodies = max(calls["sends"] + calls["receives"], math.ceil(payload / _PAYLOAD))
        sqs = bodies + calls["deletes"] + calls["extends"]
        scale = 1e6 / run.events
        money = (sqs * self.sqs_price + calls["puts"] * self.put_price) / 1e6 * scale
        return sqs * scale, money

    def _weight(self, job: str) -> float:
        """Bytes of an event in the queue: what a producer of that wire sent, where one ran; else 0."""
        wire = "packed" if job.startswith("packed") else "plain"
        for runs in self.jobs().get(f"SSE → {wire}", {}).values():
            if runs[0].megabytes:
                return runs[0].megabytes * 1e6 / runs[0].events
        return 0.0

    def starts(self) -> list[dict[str, Any]]:
        """From nothing to the first request: medians by contender and side."""
        rows = []
        for contender in _ORDER:
            for side in ("producer", "batcher"):
                runs = [
                    run
                    for run in self.runs
                    if run.contender == contender
                    and run.job.startswith("SSE") == (side == "producer")
                ]
                if runs:
                    wall = statistics.median(run.start_wall for run in runs)
                    cpu = statistics.median(run.start_cpu for run in runs)
                    row = {"contender": contender, "side": side, "seconds": round(wall, 2)}
                    rows.append(row | {"seconds of CPU": round(cpu, 2)})
        return rows


def summary(report: Report) -> Table:
    """The table for a terminal."""
    table = Table(title="µs of CPU an event, medians")
    table.add_column("job")
    for name in (*_ORDER, "× bento", "× article"):
        table.add_column(name, justify="right")
    for row in _rows(report):
        table.add_row(*row)
    return table


def _rows(report: Report) -> list[list[str]]:
    ratios, rows = report.ratios(), []
    for job in report.jobs():
        medians = [report.median(job, contender) for contender in _ORDER]
        beside = f"{medians[1] / medians[2]:.1f}" if medians[1] and medians[2] else "–"
        shown = [_figure(report, job, contender) for contender in _ORDER]
        rows.append([job, *shown, beside, f"{ratios[job]:.0f}" if job in ratios else "–"])
    return rows


def _figure(report: Report, job: str, contender: str) -> str:
    runs = report.jobs()[job].get(contender)
    if not runs:
        return "–"
    found = sorted(run.microseconds for run in runs)
    middle = statistics.median(found)
    spread = f" ({found[0]:,.1f}–{found[-1]:,.1f})" if len(found) > 1 else ""
    return f"{middle:,.1f}{spread}"


def write(report: Report, folder: Path, targets: list[dict[str, str]]) -> None:
    """Writes benchmarks.md, benchmarks.json and the plots into `folder`; `targets`: rows for the page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.md").write_text(_markdown(report, targets))
    told = {
        "machine": _machine(),
        "runs": [asdict(run) for run in report.runs],
        "targets": targets,
        "extras": report.extras,
    }
    (folder / "benchmarks.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    _plot(report, folder / "images" / "benchmarks.svg")


def _machine() -> dict[str, str]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "?")
    found = {
        "processor": f"{model}, {len(os.sched_getaffinity(0))} cores",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
    }
    if bento_program():
        found["bento"] = "1.20.0, as benchmarks/bento.py configures it"
    return found


def _markdown(report: Report, targets: list[dict[str, str]]) -> str:
    head = "| job | the article's loop | Bento | Sluice | × Bento | × article |\n|---|---:|---:|---:|---:|---:|\n"
    parts = [
        '<!-- made by `make bench ARGS="--page docs"` -->\n# Benchmarks\n',
        (
            "What an event costs in µs of CPU: medians of one run of `make bench`, lowest and highest in brackets. "
            "Contenders take turns against a stub of SQS, S3 and the SSE source on loopback, each pinned to one core, the "
            "stub to another; every output is read back and must hold each event once before its figure counts. Packs "
            "hold 250 events; an event has some 1.3 kB. Quote the ratios: machines differ, and the figures of one wander "
            "by 15 % with its load.\n"
        ),
        *(f"- {name}: {text}" for name, text in _machine().items()),
        "",
        head + "\n".join("| " + " | ".join(row) + " |" for row in _rows(report)) + "\n",
        "*× article*: beside the article's loop at its only job (plain messages → CSV of 100; SSE → one message an event).\n",
        "![µs of CPU an event](images/benchmarks.svg)\n",
        "## Targets\n",
        _table(targets) if targets else "None of them was measured in this run.\n",
        "## Requests and money\n",
        (
            f"A million events, at ${report.sqs_price:.2f} a million SQS requests and ${report.put_price:.2f} a million "
            "PUTs (list prices; `--sqs-price`, `--put-price`), as billed: each 64 KiB of a request's payload is one. The bytes are those of "
            "the objects, or of a producer's messages.\n"
        ),
        _requests(report),
        "## Cold start\n",
        "From the start of the process to its first request for messages or events; with the CPU that it took.\n",
        _table(report.starts()),
        "## The stub\n",
        _ceiling(report),
    ]
    for title, rows in report.extras.items():
        if rows:
            parts += [f"## {title}\n", _table(rows)]
    return "\n".join(parts)


def _requests(report: Report) -> str:
    rows = []
    for job, contenders in report.jobs().items():
        for contender in _ORDER:
            if runs := contenders.get(contender):
                sqs, money = report.requests(runs[0])
                puts = runs[0].requests["puts"] * 1e6 / runs[0].events
                size = runs[0].megabytes * 1e6 / runs[0].events
                row = {"job": job, "contender": contender, "SQS requests": f"{sqs:,.0f}"}
                row |= {"PUTs": f"{puts:,.0f}", "$": f"{money:.3f}"}
                rows.append(row | {"bytes an event": f"{size:,.0f}"})
    return _table(rows)


def _ceiling(report: Report) -> str:
    """What the stub can do, from the CPU that it took itself."""
    busiest = max(report.runs, key=lambda run: run.stub_cpu / max(run.wall, 0.001))
    calls = sum(busiest.requests.values())
    return (
        f"Python, one thread. It was never more than {busiest.stub_cpu / busiest.wall:.0%} busy ({busiest.case}), at "
        f"{busiest.stub_cpu / max(calls, 1) * 1e6:,.0f} µs of its own CPU a request: its ceiling there is "
        f"{calls / max(busiest.stub_cpu, 0.001):,.0f} requests/s, and {busiest.events / max(busiest.stub_cpu, 0.001):,.0f} events/s.\n"
    )


def _table(rows: list[dict[str, Any]]) -> str:
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_cell(row[name]) for name in names) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _plot(report: Report, path: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415  (slow to load, and only this needs it)

    mpl.use("svg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    mpl.rcParams["svg.hashsalt"] = "sluice"
    jobs = [job for job in report.jobs() if report.median(job, "sluice")]
    figure, axes = plt.subplots(figsize=(9, 0.55 * len(jobs) + 1.2))
    height = 0.27
    for index, contender in enumerate(_ORDER):
        places, values = [], []
        for place, job in enumerate(reversed(jobs)):
            if value := report.median(job, contender):
                places.append(place + (1 - index) * height)
                values.append(value)
        bars = axes.barh(places, values, height, label=contender, color=_COLOURS[contender])
        axes.bar_label(bars, fmt=lambda value: f"{value:,.3g}", padding=3, fontsize=7)
    axes.set_xscale("log")
    axes.set_yticks(range(len(jobs)), list(reversed(jobs)), fontsize=8)
    axes.set_xlabel("µs of CPU an event (logarithmic; less is better)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
