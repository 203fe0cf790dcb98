"""Who runs, on what, and how: one list of cases."""

import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import bento
from data import PACK

HERE: Final = Path(__file__).resolve().parent
_LAKE: Final = {"COLUMNS": "recentchange", "BATCH_MAX_BYTES": "128MiB"}
_ENOUGH: Final = {"BATCH_MAX_BYTES": "128MiB"}
_BY_BYTES: Final = {"PACK_MAX_EVENTS": str(PACK), "PACK_MAX_BYTES": "256KiB"}


@dataclass(frozen=True)
class Case:
    """One contender at one job.

    `job`: the row of the table; the same for all contenders whose work is alike. `wire`: what is read:
    `plain`, `packed` or `sse`. `events`: how many, for a figure that start-up does not blur.
    `output`: of a Bento; `settings`: of a Sluice, without `SLUICE_`.
    """

    job: str
    contender: str
    wire: str
    events: int
    output: str = ""
    rows: int = 0
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Contender and job."""
        return f"{self.contender}: {self.job}"

    @property
    def producer(self) -> bool:
        """Whether it reads the stream."""
        return self.wire == "sse"

    def command(self, folder: Path) -> list[str]:
        """What to run; a configuration is written into `folder`."""
        if self.contender == "sluice":
            return [sys.executable, "-m", f"sluice_{'producer' if self.producer else 'batcher'}"]
        if self.contender == "article":
            side = "producer" if self.producer else "batcher"
            return [sys.executable, str(HERE / "article.py"), side, str(self.events)]
        config = (
            bento.producer(self.output, PACK)
            if self.producer
            else bento.batcher(self.wire, self.output, self.rows)
        )
        path = folder / "bento.json"
        path.write_text(json.dumps(config, indent=1))
        return [str(bento_program()), "run", str(path)]

    def environ(self, stub: str, folder: Path) -> dict[str, str]:
        """Its environment, but for what the machine's own has."""
        found = {
            "STUB": stub,
            "AWS_ENDPOINT_URL": stub,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "SLUICE_QUEUE": f"{stub}/000000000000/q",
            "SLUICE_BUCKET": "bench",
            "SLUICE_SOURCE_URL": f"{stub}/sse?chunk=event",
        }
        if self.contender == "sluice":
            found |= {
                "SLUICE_DLQ": f"{stub}/000000000000/q",
                "SLUICE_HTTP_HOST": "127.0.0.1",
                "SLUICE_HTTP_PORT": "0",
                "SLUICE_LOG_LEVEL": "WARNING",
                "SLUICE_PARTITION_BY": "none",
            }
            if self.producer:
                found |= {
                    "SLUICE_SOURCE_PRESET": "wikimedia",
                    "SLUICE_MAX_EVENTS": str(self.events),
                    "SLUICE_CHECKPOINT": f"file://{folder}/checkpoint.json",
                    # What has been read when enough has come is sent, however slow the machine.
                    "SLUICE_SHUTDOWN_GRACE": "300s",
                }
            found |= {f"SLUICE_{name}": value for name, value in self.settings.items()}
        return found


def bento_program() -> str | None:
    """Where Bento is, if it is."""
    return shutil.which("bento")


def _sluice(job: str, wire: str, events: int, rows: int, **settings: str) -> Case:
    own = {"BATCH_MAX_ROWS": str(rows), **settings}
    return Case(job, "sluice", wire, events, settings=own)


def cases() -> list[Case]:
    """All cases; of one job the article's first, then Bento's, then Sluice's."""
    csv = {"FORMAT": "csv"}
    gzip = {"FORMAT": "jsonl", "COMPRESSION": "gzip"}
    zstd = {"FORMAT": "jsonl", "COMPRESSION": "zstd"}
    raw = {"COLUMNS": "raw"} | _ENOUGH
    parquet = {"FORMAT": "parquet"}
    found = [Case("plain → CSV of 100", "article", "plain", 5_000)]
    for wire, output, rows, events in (
        ("plain", "csv", 100, 50_000),
        ("plain", "gzip", 10_000, 100_000),
        ("plain", "parquet", 10_000, 100_000),
        ("packed", "gzip", 100, 100_000),
        ("packed", "gzip", 10_000, 200_000),
        ("packed", "zstd", 10_000, 200_000),
        ("packed", "csv", 10_000, 100_000),
        ("packed", "parquet", 10_000, 200_000),
    ):
        found.append(Case(_job(wire, output, rows), "bento", wire, events, output, rows))
    found += [
        _sluice("plain → CSV of 100", "plain", 50_000, 100, **csv),
        _sluice("plain → JSON lines, gzip, of 10,000", "plain", 100_000, 10_000, **gzip, **raw),
        _sluice("plain → Parquet of 10,000", "plain", 100_000, 10_000, **parquet, **_LAKE),
        _sluice("packed → JSON lines, gzip, of 100", "packed", 100_000, 100, **gzip, **raw),
        _sluice("packed → JSON lines, gzip, of 10,000", "packed", 200_000, 10_000, **gzip, **raw),
        _sluice(
            "packed → JSON lines, gzip at level 4, of 10,000",
            "packed",
            200_000,
            10_000,
            COMPRESSION_LEVEL="4",
            **gzip,
            **raw,
        ),
        _sluice("packed → JSON lines, zstd, of 10,000", "packed", 200_000, 10_000, **zstd, **raw),
        _sluice("packed → CSV of 100", "packed", 100_000, 100, **csv),
        _sluice("packed → CSV of 10,000", "packed", 200_000, 10_000, **csv, **_ENOUGH),
        _sluice("packed → CSV of 10,000, all columns", "packed", 200_000, 10_000, **csv, **_LAKE),
        _sluice("packed → Parquet of 10,000", "packed", 200_000, 10_000, **parquet, **_LAKE),
        _sluice(
            "packed → JSON lines, gzip, of 10,000, all columns",
            "packed",
            200_000,
            10_000,
            **gzip,
            **_LAKE,
        ),
    ]
    found += [
        Case("SSE → plain", "article", "sse", 5_000),
        Case("SSE → plain", "bento", "sse", 100_000, "plain"),
        Case("SSE → packed", "bento", "sse", 200_000, "packed"),
        Case("SSE → plain", "sluice", "sse", 50_000, settings={"WIRE": "plain"}),
        Case("SSE → packed", "sluice", "sse", 200_000, settings=_BY_BYTES),
    ]
    return found


def _job(wire: str, output: str, rows: int) -> str:
    names = {
        "csv": "CSV",
        "gzip": "JSON lines, gzip,",
        "zstd": "JSON lines, zstd,",
        "parquet": "Parquet",
    }
    return f"{wire} → {names[output]} of {rows:,}"
