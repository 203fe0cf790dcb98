"""How objects are compressed: by whoever makes a size for the least CPU.

gzip is zlib-ng at level 6, which gives what gzip's own level 6 gives, for half of the CPU. Level 1 is ISA-L's: a
fifth to a quarter larger, for a tenth of it. zstd is the library's own.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

import zstandard
from isal import igzip
from zlib_ng import zlib_ng


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
