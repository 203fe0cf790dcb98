"""Output formats: a new one is a new module here and a line in `REGISTRY`."""

from sluice_batcher.write.compress import Compression
from sluice_batcher.write.formats.csv import CsvFormat
from sluice_batcher.write.formats.jsonl import JsonLinesFormat
from sluice_batcher.write.formats.model import Format
from sluice_batcher.write.formats.parquet import ParquetFormat

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


__all__ = ["REGISTRY", "Compression", "Format", "default_compression", "make_format"]
