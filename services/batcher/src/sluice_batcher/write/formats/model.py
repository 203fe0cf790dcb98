"""What a format is: a table in, the bytes of one object out."""

from typing import ClassVar, Final, Protocol

import pyarrow as pa

from sluice_batcher.write.compress import Compression


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
