"""Output formats: a new one is a new module here and a line in `REGISTRY`."""

from sluice_batcher.write.formats.csv import CsvFormat
from sluice_batcher.write.formats.jsonl import JsonLinesFormat
from sluice_batcher.write.formats.model import Compression, Format
from sluice_batcher.write.formats.parquet import ParquetFormat

REGISTRY: dict[str, type[Format]] = {
    "csv": CsvFormat,
    "jsonl": JsonLinesFormat,
    "parquet": ParquetFormat,
}


def make_format(name: str, compression: str | None) -> Format:
    """The format of that name; `compression` None is the format's own default. Raises KeyError, ValueError."""
    kind = REGISTRY[name]
    return kind(kind.default_compression if compression is None else Compression(compression))


__all__ = ["REGISTRY", "Compression", "Format", "make_format"]
