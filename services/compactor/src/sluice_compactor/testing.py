"""A lake in a folder: raw objects, passes, and the rows of the table, without a network. Public: use it in your tests."""

import gzip
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.table import Table
from sluice_core.keys import COLUMNS_METADATA, RAW
from sluice_core.lake.csv_text import encode_csv
from sluice_core.lake.folder import METADATA
from sluice_core.settings import load_settings

from sluice_compactor.app import Service
from sluice_compactor.compact.partition import Point, nowhere
from sluice_compactor.compact.passes import Report
from sluice_compactor.lake import Lake, quiet_runtime
from sluice_compactor.settings import CompactorSettings

DAY: Final = "dt=2026-11-23"
HOUR: Final = f"{DAY}/hour=14"


class FolderLake:
    """One folder with raw objects under `events/` and a table under `lake/`; `settings` are `SLUICE_*` variables."""

    def __init__(self, root: Path, settings: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.settings = load_settings(
            CompactorSettings, {"SLUICE_LAKE_SETTLE": "0", **(settings or {})}
        )
        self.runtime = quiet_runtime()

    def put(
        self, name: str, rows: Sequence[Mapping[str, Any]], schema: pa.Schema | None = None
    ) -> Path:
        """Writes a raw object `events/<name>`; its ending tells the format (csv, jsonl, parquet)."""
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
        if name.endswith(".parquet"):
            sink = pa.BufferOutputStream()
            pq.write_table(table, sink)
            return self.put_bytes(name, sink.getvalue().to_pybytes())
        if name.endswith(".jsonl"):
            return self.put_bytes(name, b"".join(orjson.dumps(row) + b"\n" for row in rows))
        return self.put_bytes(name, encode_csv(table))

    def put_bytes(self, name: str, body: bytes) -> Path:
        """The same of whatever bytes."""
        path = self.root / "events" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return path

    def put_events(self, name: str, lines: Sequence[bytes]) -> Path:
        """The same of events as they came; `name` ends as the batcher's, `.jsonl` or `.jsonl.gz`."""
        body = b"".join(line + b"\n" for line in lines)
        told = self.root / METADATA
        told.parent.mkdir(exist_ok=True)
        known = orjson.loads(told.read_bytes()) if told.exists() else {}
        told.write_bytes(orjson.dumps(known | {f"events/{name}": {COLUMNS_METADATA: RAW}}))
        return self.put_bytes(name, gzip.compress(body) if name.endswith(".gz") else body)

    def age(self, path: Path, seconds: float) -> None:
        """Makes a file so much older."""
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))

    def compact(
        self, *, point: Point = nowhere, opened: Callable[[Lake], Lake] = lambda lake: lake
    ) -> Report:
        """One pass. `opened` may change the lake that it works on."""
        return Service(self.settings, self.runtime, lambda: opened(self.open()), point=point).once()

    def open(self) -> Lake:
        """The lake, opened anew."""
        return Lake.open(self.settings, self.root)

    def table(self) -> Table:
        """The table as it is now."""
        table = self.open().table()
        if table is None:
            raise LookupError("there is no table yet")
        return table

    def rows(self) -> list[dict[str, Any]]:
        """All rows of the table, by id."""
        rows = self.table().scan().to_arrow().to_pylist()
        return sorted(rows, key=lambda row: str(row[self.settings.lake_id_column]))

    def ids(self) -> list[str]:
        """The ids of all rows, as often as they stand there."""
        return [str(row[self.settings.lake_id_column]) for row in self.rows()]

    def raw(self) -> list[str]:
        """Names of the raw objects that are left."""
        events = self.root / "events"
        return sorted(p.relative_to(events).as_posix() for p in events.rglob("*") if p.is_file())


def events(*ids: str | int, **more: Any) -> list[dict[str, Any]]:
    """Rows with these ids."""
    return [{"event_id": str(name), "title": f"title {name}", **more} for name in ids]
