"""What Sluice is to reach in one run of `make bench`: each target with its figure, and by how much it is missed."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from page import Report

AHEAD: Final = {
    "plain → CSV of 100": 2.0,
    "plain → JSON lines, gzip, of 10,000": 2.0,
    "plain → Parquet of 10,000": 2.0,
    "packed → JSON lines, gzip, of 100": 2.0,
    "packed → JSON lines, gzip, of 10,000": 2.0,
    "packed → JSON lines, zstd, of 10,000": 1.0,
    "packed → CSV of 10,000": 1.0,
    "packed → Parquet of 10,000": 2.0,
    "SSE → plain": 1.0,
    "SSE → packed": 1.0,
}
"""Times as fast as Bento, by job."""
BESIDE_THE_LOOP: Final = {
    "plain → CSV of 100": 20.0,
    "plain → JSON lines, gzip, of 10,000": 20.0,
    "packed → CSV of 100": 80.0,
    "packed → JSON lines, gzip, of 10,000": 120.0,
    "packed → JSON lines, zstd, of 10,000": 90.0,
    "packed → Parquet of 10,000": 60.0,
    "SSE → plain": 25.0,
    "SSE → packed": 70.0,
}
"""Times as fast as the article's loop, by job."""
_MEMORY: Final = 350
_REQUESTS: Final = 8_000
_CORE: Final = 1.0


class Target(NamedTuple):
    """`least`, or `most`, is what is wanted; the other is None."""

    what: str
    found: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool:
        """Whether the figure is where it should be."""
        return (self.least is None or self.found >= self.least) and (
            self.most is None or self.found < self.most
        )

    def row(self) -> dict[str, str]:
        """For the page."""
        wanted = f"≥ {self.least:,g}" if self.least is not None else f"< {self.most:,g}"
        goal = self.least if self.least is not None else self.most or 1.0
        short = abs(self.found / goal - 1)
        return {
            "target": self.what,
            "wanted": f"{wanted}{self.unit}",
            "measured": f"{self.found:,.1f}{self.unit}",
            "met": "yes" if self.met else f"no, by {short:.0%}",
        }


def targets(report: Report) -> Iterator[Target]:
    """All that this run can tell of."""
    for job, least in AHEAD.items():
        own, bento = report.median(job, "sluice"), report.median(job, "bento")
        if own and bento:
            yield Target(f"{job}, beside Bento", bento / own, " ×", least=least)
    ratios = report.ratios()
    for job, least in BESIDE_THE_LOOP.items():
        if job in ratios:
            yield Target(f"{job}, beside the article's loop", ratios[job], " ×", least=least)
    yield from _requests(report)
    for row in report.extras.get("Memory against held rows", []):
        if row["rows of a batch"] == 50_000:
            yield Target("peak memory at 50,000 rows", row["peak MiB"], " MiB", most=_MEMORY)
    for row in report.extras.get("A quiet stream", []):
        what = f"the {row['service']} at {row['events/s']:g} events/s"
        yield Target(what, row["% of a core"], " % of a core", most=_CORE)


def _requests(report: Report) -> Iterator[Target]:
    jobs = ("SSE → packed", "packed → Parquet of 10,000")
    runs = [report.jobs().get(job, {}).get("sluice") for job in jobs]
    if all(runs):
        total = sum(report.requests(found[0])[0] for found in runs if found)
        yield Target("billed SQS requests a million events, packed", total, "", most=_REQUESTS + 1)
