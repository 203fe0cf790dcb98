"""What else an operator asks: memory, start, sizes, processes, backlogs, a quiet stream. Sluice alone."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import data
from contenders import Case, cases
from measure import Run, Stub, clock, measure
from rich.console import Console

Table = list[dict[str, Any]]
_PARQUET: Final = next(c for c in cases() if c.name == "sluice: packed → Parquet of 10,000")
_SOON: Final = replace(_PARQUET, settings=_PARQUET.settings | {"BATCH_MAX_AGE": "1s"})
"""What is timed by the clock: it does not wait for the age of the last batch, which is no full one."""
_RATE: Final = 35.0
_QUIET_SECONDS: Final = 60.0


def all_of(against: Stub, cache: Path, console: Console) -> dict[str, Table]:
    """Each table by its title."""
    tables: dict[str, Table] = {}
    steps: tuple[tuple[str, Callable[[Stub, Path], Table]], ...] = (
        ("Memory against held rows", _memory),
        ("Size of an event", _sizes),
        ("Backlog", _backlogs),
        ("Processes", _processes),
        ("A quiet stream", _quiet),
        ("End to end on LocalStack", _localstack),
        ("Images", _images),
    )
    for title, step in steps:
        with console.status(title):
            tables[title] = step(against, cache)
        for row in tables[title]:
            console.print(
                f"{title}: " + ", ".join(f"{name} {value}" for name, value in row.items())
            )
    return tables


def _run(case: Case, against: Stub, cache: Path, **more: Any) -> Run:
    return measure(case, against, cache / "events", cache / "run", **more)


def _memory(against: Stub, cache: Path) -> Table:
    table = []
    for rows in (1_000, 10_000, 50_000, 100_000):
        case = replace(_PARQUET, settings=_PARQUET.settings | {"BATCH_MAX_ROWS": str(rows)})
        run = _run(case, against, cache)
        table.append(
            {
                "rows of a batch": rows,
                "peak MiB": round(run.memory),
                "µs an event": round(run.microseconds, 1),
            }
        )
    return table


def _sizes(against: Stub, cache: Path) -> Table:
    table = []
    for size, count in ((300, 50_000), (1_300, 50_000), (10_000, 10_000), (100_000, 1_000)):
        pack = max(1, min(data.PACK, 500_000 // size))
        folder = cache / f"events-{size}"
        data.make(folder, count, size, pack)
        case = replace(_PARQUET, events=count)
        run = measure(case, against, folder, cache / "run", pack=pack)
        table.append(
            {
                "bytes": size,
                "events": count,
                "µs an event": round(run.microseconds, 1),
                "MB/s and core": round(size / run.microseconds, 1),
            }
        )
    return table


def _backlogs(against: Stub, cache: Path) -> Table:
    table = []
    for events, times in ((1_000, 1), (100_000, 1), (1_000_000, 5)):
        run = _run(replace(_SOON, events=events), against, cache, times=times)
        table.append(
            {
                "events": events,
                "seconds": round(run.wall, 1),
                "events/s": round(events / run.wall),
                "peak MiB": round(run.memory),
            }
        )
    return table


def _processes(against: Stub, cache: Path) -> Table:
    table = []
    for processes in (1, 2):
        run = _run(_SOON, against, cache, processes=processes)
        table.append(
            {
                "batchers": processes,
                "µs an event": round(run.microseconds, 1),
                "events/s": round(run.events / run.wall),
                "started after s": round(run.start_wall, 1),
            }
        )
    return table


def _quiet(against: Stub, cache: Path) -> Table:
    """Both services at the default settings on a stream of 35 events/s; the share of a core that each takes."""
    against.ask(
        "load", file=cache / "events" / "plain", count=10_000, kind="sse", rate=_RATE, forward=1
    )
    folder = cache / "run"
    (folder / "checkpoint.json").unlink(missing_ok=True)
    pair = [
        Case("quiet", "sluice", "sse", 0),
        Case("quiet", "sluice", "packed", 0),
    ]
    children = [
        subprocess.Popen(
            case.command(folder),
            env=os.environ | case.environ(against.url, folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for case in pair
    ]
    try:
        while not all(against.ask("stats")[name] for name in ("readers", "receives")):
            time.sleep(0.1)
        against.ask("open")
        time.sleep(5)
        before = [clock(child.pid) for child in children]
        time.sleep(_QUIET_SECONDS)
        used = [clock(child.pid) - was for child, was in zip(children, before, strict=True)]
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(60)
    return [
        {"service": name, "events/s": _RATE, "% of a core": round(100 * cpu / _QUIET_SECONDS, 2)}
        for name, cpu in zip(("producer", "batcher"), used, strict=True)
    ]


def _localstack(_against: Stub, cache: Path) -> Table:
    """`sluice run` as a user runs it: source, LocalStack and both services share the machine."""
    folder = cache / "localstack"
    shutil.rmtree(folder, ignore_errors=True)
    events = 50_000
    command = [
        str(Path(sys.executable).parent / "sluice"),
        "run",
        "--source",
        "built-in",
        "--rate",
        "0",
    ]
    done = subprocess.run(
        [*command, "--events", str(events), "--data", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = float(re.search(r"in ([\d.]+) s, start and drain included", done.stdout)[1])
    return [{"events": events, "seconds": seconds, "events/s": round(events / seconds)}]


def _images(_against: Stub, _cache: Path) -> Table:
    """Sizes of the images that are on this machine, if Docker is."""
    if not shutil.which("docker"):
        return []
    form = "{{.Repository}} {{.Tag}} {{.Size}}"
    done = subprocess.run(
        ["docker", "images", "--format", form], capture_output=True, text=True, check=False
    )
    newest: dict[str, str] = {}
    for line in done.stdout.splitlines():
        name, _, size = line.split(" ", 2)
        if re.fullmatch(r"(.*/)?sluice(-\w+)?", name):
            newest.setdefault(name, size)
    return [{"image": name, "size": size} for name, size in sorted(newest.items())]
