"""The wire between producer and batcher: what an SQS message holds.

- plain: the body is one event's JSON. Any SQS reader understands it.
- packed: the body is base64(zstd(lines)); a line is one event's JSON, ended by `\\n`. Lines are split on `\\n`
  alone: raw U+2028 and U+0085 occur in real events. The pack id is the SHA-256 of exactly the lines' bytes,
  so that a reader can tell a damaged pack from a whole one.

A message without `sluice-codec` is plain, whoever sent it. A reader needs no setting.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import zstandard

from sluice_core import reasons
from sluice_core.errors import PoisonError, UnknownCodecError
from sluice_core.sqs import OutMessage, escape

CODEC: Final = "zstd+base64;v1"
A_CODEC: Final = "sluice-codec"
A_COUNT: Final = "sluice-count"
A_PACK_ID: Final = "sluice-pack-id"
A_SOURCE: Final = "sluice-source"
A_FIRST_ID: Final = "sluice-first-id"
A_LAST_ID: Final = "sluice-last-id"
A_IDS: Final = "sluice-ids"

ID_MAX_CHARS: Final = 2048
"""What an id may have in an attribute; a longer one is cut, and its event may then share it with another."""
_LEVEL: Final = 3
_WINDOW_LOG_MAX: Final = 24
"""A frame that asks for a window over 16 MiB is refused before any of it is allocated."""
_STEP: Final = 256
"""Bytes of input a step: a block of 128 KiB can be 4 bytes of input, so that a step gives 8 MiB at most."""


@dataclass(frozen=True)
class Decoded:
    """What a message holds.

    `events`: one bytes object an event, without the newline. `ids`: the SSE ids of the events, where the
    source's events carry none of their own. `problems`: (reason, detail) of a pack whose events are
    readable but whose count or hash does not fit: one dead letter tells of it, the events are still rows.
    """

    events: list[bytes]
    ids: list[str] | None = None
    pack_id: str | None = None
    source: str | None = None
    problems: list[tuple[str, str]] = field(default_factory=list)


def encode_plain(event: bytes, *, source: str, event_id: str | None) -> OutMessage:
    """One event as one message. `event` is valid JSON in UTF-8; characters that SQS forbids become JSON escapes."""
    attributes: dict[str, str | int] = {A_SOURCE: attribute_text(source)}
    if event_id:
        attributes[A_FIRST_ID] = attribute_text(event_id)
    return OutMessage(escape(event.decode("utf-8")), attributes)


def encode_pack(
    events: Sequence[bytes],
    *,
    source: str,
    ids: Sequence[str],
    carry_ids: bool = False,
    level: int = _LEVEL,
) -> OutMessage:
    """Many events as one message.

    `events` are JSON without newlines, `ids` their ids in the same order (for first and last; with
    `carry_ids` all of them travel, for a source whose events hold no id). Raises ValueError for no events,
    an event with a newline, or a number of ids that differs.
    """
    if not events or len(ids) != len(events):
        raise ValueError("a pack holds at least one event and one id an event")
    lines = b"\n".join(events) + b"\n"
    if lines.count(b"\n") != len(events):
        raise ValueError("an event of a pack holds a newline: write it as a space first")
    attributes: dict[str, str | int] = {
        A_CODEC: CODEC,
        A_COUNT: len(events),
        A_PACK_ID: hashlib.sha256(lines).hexdigest(),
        A_SOURCE: attribute_text(source),
        A_FIRST_ID: attribute_text(ids[0]),
        A_LAST_ID: attribute_text(ids[-1]),
    }
    if carry_ids:
        attributes[A_IDS] = _squeeze("\n".join(_one_line(i) for i in ids).encode(), level)
    return OutMessage(_squeeze(lines, level), attributes)


def decode(body: str, attributes: Mapping[str, str], *, max_unpacked_bytes: int) -> Decoded:
    """The events of a message, whatever its wire.

    Never uses more than about `max_unpacked_bytes` of memory for what it unpacks. Raises PoisonError
    (bad base64, bad or truncated zstd, a decompression bomb, bad UTF-8) and UnknownCodecError.
    """
    source = attributes.get(A_SOURCE)
    codec = attributes.get(A_CODEC)
    if codec is None:
        first = attributes.get(A_FIRST_ID)
        return Decoded([_plain(body)], [first] if first else None, None, source)
    if codec != CODEC:
        raise UnknownCodecError(codec)
    lines = _unsqueeze(body, max_unpacked_bytes)
    events = lines.split(b"\n")
    if events[-1] == b"":
        events.pop()
    problems: list[tuple[str, str]] = []
    pack_id = attributes.get(A_PACK_ID)
    count = attributes.get(A_COUNT)
    if count is not None and count != str(len(events)):
        problems.append(
            (
                reasons.COUNT_MISMATCH,
                f"{A_COUNT} says {count[:20]}, the pack holds {len(events)} lines",
            )
        )
    if pack_id is not None and hashlib.sha256(lines).hexdigest() != pack_id:
        problems.append(
            (reasons.HASH_MISMATCH, f"{A_PACK_ID} is not the SHA-256 of the unpacked lines")
        )
    ids: list[str] | None = None
    if A_IDS in attributes:
        ids = (
            _unsqueeze(attributes[A_IDS], max_unpacked_bytes).decode("utf-8", "replace").split("\n")
        )
        if len(ids) != len(events):
            problems.append(
                (reasons.COUNT_MISMATCH, f"{A_IDS} holds {len(ids)} ids for {len(events)} lines")
            )
            ids = None
    return Decoded(events, ids, pack_id, source, problems)


def attribute_text(value: str, limit: int = ID_MAX_CHARS) -> str:
    """`value` as a message attribute takes it: never empty, a body's characters, `limit` of them at most."""
    return escape(value.encode("utf-8", "backslashreplace").decode())[:limit] or "-"


def _squeeze(data: bytes, level: int) -> str:
    return base64.b64encode(zstandard.ZstdCompressor(level=level).compress(data)).decode("ascii")


def _unsqueeze(text: str, limit: int) -> bytes:
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PoisonError(reasons.BAD_BASE64, str(error)) from error
    try:
        declared = zstandard.get_frame_parameters(packed).content_size
        if declared == zstandard.CONTENTSIZE_UNKNOWN:
            return _stream(packed, limit)
        if declared > limit:
            raise PoisonError(
                reasons.BOMB, f"the pack says it unpacks to {declared} bytes; {limit} are allowed"
            )
        return _decompressor().decompress(packed, max_output_size=limit, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise PoisonError(_fault(str(error), packed), str(error)) from error


def _stream(packed: bytes, limit: int) -> bytes:
    """For a frame that does not tell its size: unpacked step by step, up to `limit` and one step more."""
    out = bytearray()
    unpacker = _decompressor().decompressobj()
    for start in range(0, len(packed), _STEP):
        out += unpacker.decompress(packed[start : start + _STEP])
        if len(out) > limit:
            raise PoisonError(reasons.BOMB, f"the pack unpacks to more than {limit} bytes")
        if unpacker.eof:
            if unpacker.unused_data or start + _STEP < len(packed):
                raise PoisonError(reasons.BAD_ZSTD, "there are bytes after the zstd frame")
            return bytes(out)
    raise PoisonError(
        reasons.TRUNCATED, f"the zstd frame ends early, after {len(out)} unpacked bytes"
    )


def _decompressor() -> zstandard.ZstdDecompressor:
    return zstandard.ZstdDecompressor(max_window_size=2**_WINDOW_LOG_MAX)


def _fault(message: str, packed: bytes) -> str:
    magic = packed[:4] == zstandard.FRAME_HEADER
    cut_short = "did not decompress full frame" in message or "Src size is incorrect" in message
    return reasons.TRUNCATED if magic and cut_short else reasons.BAD_ZSTD


def _plain(body: str) -> bytes:
    try:
        return body.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PoisonError(reasons.BAD_UTF8, f"lone surrogate at character {error.start}") from error


def _one_line(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode().replace("\n", " ")
