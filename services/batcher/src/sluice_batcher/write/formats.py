"""Output formats, and how objects are compressed. A new format is a class here and a line in `REGISTRY`.

gzip is zlib-ng at level 6: never larger than what gzip's own level 6 gives, for half of the CPU. Nothing faster keeps
to that for every text: level 5, and libdeflate's 6, take a tenth to a fifth less and are up to 1 % larger. Level 1 is
ISA-L's: a quarter larger, for a fifth of the CPU. zstd is the library's own; a window of 8 MiB instead of level 3's 2
makes its objects 2 to 3 % smaller, for a fifth more CPU.
"""

import io
from collections.abc import Callable
from enum import StrEnum
from typing import ClassVar, Final, Protocol

import pyarrow as pa
import zstandard
from isal import igzip
from pyarrow import parquet
from sluice_core.lake.csv_text import encode_csv
from zlib_ng import zlib_ng

from sluice_batcher.rows.lines import EVENTS, lines_of
from sluice_batcher.write.json_lines import encode_json_lines


class Compression(StrEnum):
    """How an object is compressed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


LEVELS: Final = {Compression.GZIP: range(1, 10), Compression.ZSTD: range(1, 20)}
"""The levels that each knows."""

DEFAULT_LEVELS: Final = {Compression.GZIP: 6, Compression.ZSTD: 3}

_FASTEST: Final = 1
_ISAL_LEVEL: Final = 2
"""What ISA-L makes best; its level 3 takes four times the CPU for a hundredth of the size."""
_GZIP_WINDOW: Final = 31
"""zlib's way to ask for 32 KiB of window and gzip's header (https://zlib.net/manual.html, deflateInit2)."""

Compress = Callable[[bytes], bytes]


def compressor(compression: Compression, level: int | None = None) -> Compress:
    """What compresses an object as a whole; equal bytes give equal objects. `level` None: the default."""
    if compression is Compression.NONE:
        return bytes
    level = level or DEFAULT_LEVELS[compression]
    if compression is Compression.ZSTD:
        return lambda data: zstandard.ZstdCompressor(level=level, write_checksum=True).compress(
            data
        )
    if level == _FASTEST:
        return lambda data: igzip.compress(data, _ISAL_LEVEL, mtime=0)
    return lambda data: zlib_ng.compress(data, level, _GZIP_WINDOW)


class Format(Protocol):
    """Encodes tables. Safe to share between threads."""

    default_compression: ClassVar[Compression]
    extension: str
    content_type: str

    def __init__(self, compression: Compression, level: int | None = None) -> None: ...

    def encode(self, table: pa.Table) -> bytes:
        """The whole object, header and footer included."""
        ...


_SUFFIX: Final = {Compression.NONE: "", Compression.GZIP: ".gz", Compression.ZSTD: ".zst"}
_TYPE: Final = {Compression.GZIP: "application/gzip", Compression.ZSTD: "application/zstd"}


def text_extension(extension: str, compression: Compression) -> str:
    """`csv`, `csv.gz`, `csv.zst`: engines and pandas tell the compression from the name."""
    return extension + _SUFFIX[compression]


def text_content_type(content_type: str, compression: Compression) -> str:
    """The media type of the object as it is stored.

    Compressed text gets no Content-Encoding: a client that undoes it would be left with a name that lies.
    """
    return _TYPE.get(compression, content_type)


class CsvFormat:
    """CSV as `sluice_core.lake.csv_text` has it."""

    default_compression: ClassVar[Compression] = Compression.NONE

    def __init__(self, compression: Compression, level: int | None = None) -> None:
        self._compress = compressor(compression, level)
        self.extension = text_extension("csv", compression)
        self.content_type = text_content_type("text/csv; charset=utf-8", compression)

    def encode(self, table: pa.Table) -> bytes:
        """See `Format.encode`."""
        return self._compress(encode_csv(table))


class JsonLinesFormat:
    """JSON lines as `json_lines` has them; events as they came are the lines themselves.

    JSON columns stay text, as in the other formats, so that a column has one type whatever its events held.
    """

    default_compression: ClassVar[Compression] = Compression.NONE

    def __init__(self, compression: Compression, level: int | None = None) -> None:
        self._compress = compressor(compression, level)
        self.extension = text_extension("jsonl", compression)
        self.content_type = text_content_type("application/x-ndjson", compression)

    def encode(self, table: pa.Table) -> bytes:
        """See `Format.encode`."""
        if table.schema == EVENTS:
            return self._compress(lines_of(table))
        return self._compress(encode_json_lines(table))


class ParquetFormat:
    """Parquet: Arrow's schema, so every object of a column set has the same types, whatever its rows held.

    Compression is inside the file, page by page, so the name does not tell it.
    """

    default_compression: ClassVar[Compression] = Compression.ZSTD

    def __init__(self, compression: Compression, level: int | None = None) -> None:
        self._compression = compression
        self._level = level
        self.extension = "parquet"
        self.content_type = "application/vnd.apache.parquet"

    def encode(self, table: pa.Table) -> bytes:
        """See `Format.encode`."""
        sink = io.BytesIO()
        parquet.write_table(
            table, sink, compression=self._compression.value, compression_level=self._level
        )
        return sink.getvalue()


REGISTRY: dict[str, type[Format]] = {
    "csv": CsvFormat,
    "jsonl": JsonLinesFormat,
    "parquet": ParquetFormat,
}


def default_compression(name: str) -> Compression:
    """What the format of that name is compressed by when nothing is said."""
    return REGISTRY[name].default_compression


def make_format(name: str, compression: str | None, level: int | None = None) -> Format:
    """The format of that name; None is its own default, and its compression's. Raises KeyError, ValueError."""
    kind = REGISTRY[name]
    chosen = kind.default_compression if compression is None else Compression(compression)
    return kind(chosen, level)
