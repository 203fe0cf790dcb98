"""`make bench`: what an event costs, for each contender and each output, from one run, as one page.

Contenders take turns against a stub of SQS, S3 and the SSE source on loopback (`stub/`), each pinned to a core,
the stub to another. What counts is the contender's own CPU from the first message to the last; every output
is read back and must hold each event once before its figure counts.

    python benchmarks/bench.py [--rounds 3] [--only packed] [--quick] [--page docs]

`--page DIR` writes DIR/benchmarks.md with its JSON and plots.
"""

import argparse
import fcntl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import data
import extras
from contenders import Case, bento_program, cases
from measure import FailedRunError, Run, Stub, measure, stub
from page import Report, summary, write
from rich.console import Console
from targets import BESIDE_THE_LOOP, targets
from verify import WrongOutputError

CACHE = Path(tempfile.gettempdir()) / "sluice-bench"
LEAST = {
    job: 0.8 * BESIDE_THE_LOOP[job]  # figures of one machine wander by 15 %
    for job in ("plain → CSV of 100", "packed → CSV of 100", "SSE → packed", "SSE → plain")
}
"""Times the article's loop that each job must reach, or the command fails."""


def rounds(wanted: list[Case], count: int, against: Stub, console: Console) -> list[Run]:
    """All cases in turn, `count` times. A contender whose output is wrong ends the benchmark."""
    folder, found = CACHE / "run", []
    for number in range(count):
        for case in wanted:
            with console.status(f"round {number + 1} of {count}: {case.name}"):
                try:
                    run = measure(case, against, CACHE / "events", folder)
                except (FailedRunError, WrongOutputError) as error:
                    raise SystemExit(f"{case.name}: {error}") from error
            found.append(run)
            console.print(
                f"{case.name:58} {run.microseconds:9,.1f} µs an event  {run.wall:6.1f} s  {run.memory:5.0f} MiB"
            )
    return found


@contextmanager
def alone(console: Console) -> Iterator[None]:
    """Only one benchmark runs on a machine at a time: two on the same cores, in one folder, would both be wrong."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        with console.status("waiting for another benchmark on this machine"):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Runs, shows the table, writes the page, and fails when Sluice is under `LEAST`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians are taken")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--quick", action="store_true", help="a tenth of the events, no extras")
    parser.add_argument(
        "--page", type=Path, help="where to write benchmarks.md, its JSON and plots"
    )
    parser.add_argument("--sqs-price", type=float, default=0.40, help="$ a million SQS requests")
    parser.add_argument("--put-price", type=float, default=5.00, help="$ a million S3 PUTs")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    wanted = [case for case in cases() if options.only in case.name or case.contender == "article"]
    if not bento_program():
        console.print("no bento on the PATH: without it (benchmarks/bento.py says how to get it)")
        wanted = [case for case in wanted if case.contender != "bento"]
    if options.quick:
        wanted = [replace(case, events=max(case.events // 10, 1_000)) for case in wanted]
    with alone(console), stub() as against:
        with console.status("making events"):
            data.make(CACHE / "events", max(case.events for case in wanted))
        found = rounds(wanted, options.rounds, against, console)
        report = Report(found, options.sqs_price, options.put_price)
        if not options.quick and not options.only:
            report.extras = extras.all_of(against, CACHE, console)
    console.print(summary(report))
    for target in targets(report):
        console.print(", ".join(f"{name}: {value}" for name, value in target.row().items()))
    if options.page:
        write(report, options.page, [target.row() for target in targets(report)])
        console.print(f"written: {options.page / 'benchmarks.md'}")
    slow = {job: ratio for job, ratio in report.ratios().items() if ratio < LEAST.get(job, 0)}
    if slow and not options.quick:
        told = ", ".join(
            f"{job} {ratio:.0f}× (of {LEAST[job]:.0f}×)" for job, ratio in slow.items()
        )
        raise SystemExit(f"below what is expected beside the article's loop: {told}")


if __name__ == "__main__":
    main()
