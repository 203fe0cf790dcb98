"""The wire between producer and batcher: what an SQS message holds.

- plain: the body is one event's JSON. Any SQS reader understands it.
- packed: the body is base64(zstd(lines)); a line is one event's JSON, ended by `\\n`. Lines are split on `\\n`
  alone: raw U+2028 and U+0085 occur in real events. The pack id is the SHA-256 of exactly the lines' bytes,
  so that a reader can tell a damaged pack from a whole one.

What an event's JSON does not hold travels in attributes: ids that nobody could derive in `sluice-ids`, one a
line, SSE types and ids in `sluice-beside` (`beside`), and there the ids, too, when a line cannot hold one. A
plain message has its own in attributes that anybody can read, and in `sluice-beside` what these would change.
A reader that knows only some of these reads the rest.

A message without `sluice-codec` is plain, whoever sent it, unless it begins as only a pack does: a tool that moves
messages may drop their attributes, and no JSON begins like base64 of zstd. A reader needs no setting.
"""

import base64
import binascii
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pybase64
import zstandard

from sluice_core import reasons
from sluice_core.aws.messages import OutMessage, allowed, escape, plain_message
from sluice_core.errors import DeadLetterError, UnknownCodecError
from sluice_core.wire.beside import DEFAULT_TYPE, READ_BYTES, Beside, dump, load
from sluice_core.wire.event_id import is_utf8
from sluice_core.wire.lines import Lines

CODEC: Final = "zstd+base64;v1"
A_CODEC: Final = "sluice-codec"
A_COUNT: Final = "sluice-count"
A_PACK_ID: Final = "sluice-pack-id"
A_SOURCE: Final = "sluice-source"
A_FIRST_ID: Final = "sluice-first-id"
A_MARK: Final = "sluice-mark"
"""Not a producer's: whoever sends a message with it finds its text in the metadata of the objects of its batch."""
A_LAST_ID: Final = "sluice-last-id"
A_IDS: Final = "sluice-ids"
A_BESIDE: Final = "sluice-beside"
A_EVENT_TYPE: Final = "sluice-event-type"
A_SSE_ID: Final = "sluice-sse-id"

TEXT_MAX_CHARS: Final = 2048
"""What a text for people may have in an attribute; a longer one is cut there, and whole in `sluice-beside`."""
_MAGIC: Final = base64.b64encode(zstandard.FRAME_HEADER).decode()[:5]
"""How every pack begins: zstd's magic number (RFC 8878, 3.1.1), as far as it fills characters of base64."""
_LEVEL: Final = 3
_WINDOW_LOG_MAX: Final = 24
"""A frame that asks for a window over 16 MiB is refused before any of it is allocated."""
_NOTHING: Final = Beside()
_ALONE: Final = frozenset({A_SOURCE, A_FIRST_ID, A_EVENT_TYPE, A_SSE_ID})
_STEP: Final = 256
"""Bytes of input a step: a block of 128 KiB can be 4 bytes of input, so that a step gives 8 MiB at most."""


@dataclass(frozen=True)
class Decoded:
    """What a message holds.

    `events`: one bytes object an event, without the newline; a pack's are `lines.Lines`. `ids`: the events' ids as their producer told
    them, "" or None where a reader derives one. `types`: their SSE types, None when nothing was told, which is
    `message` for all. `sse_ids`: the SSE ids of their own. `problems`: (reason, detail) of a pack whose events
    are readable but whose count or hash does not fit: one dead letter tells of it, the events are still rows.
    """

    events: Sequence[bytes]
    ids: list[str] | None = None
    pack_id: str | None = None
    source: str | None = None
    problems: list[tuple[str, str]] = field(default_factory=list)
    types: list[str] | None = None
    sse_ids: list[str | None] | None = None

    @property
    def size(self) -> int:
        """Bytes of the events, without newlines."""
        events = self.events
        if isinstance(events, Lines):
            return events.size
        return sum(map(len, events))

    def attributes_of(self, position: int) -> dict[str, str]:
        """What a message of its own needs to tell of the event at `position`: see `event_attributes`."""
        return event_attributes(
            self.ids[position] if self.ids else None,
            self.types[position] if self.types else DEFAULT_TYPE,
            self.sse_ids[position] if self.sse_ids else None,
        )


def encode_plain(
    event: bytes,
    *,
    source: str,
    event_id: str | None,
    event_type: str = DEFAULT_TYPE,
    sse_id: str | None = None,
) -> OutMessage:
    """One event as one message. `event` is valid JSON in UTF-8; characters that SQS forbids become JSON escapes."""
    attributes: dict[str, str | int] = {A_SOURCE: _source_text(source)}
    attributes.update(event_attributes(event_id, event_type, sse_id))
    return plain_message(event, attributes)


def event_attributes(event_id: str | None, event_type: str, sse_id: str | None) -> dict[str, str]:
    """The attributes that tell of a lone event: for people where that changes nothing, else in `sluice-beside`."""
    attributes: dict[str, str] = {}
    hidden: dict[str, list[str]] = {}
    if event_id and _plain_word(event_id):
        attributes[A_FIRST_ID] = event_id
    elif event_id:
        # Always there, for readers that know nothing else; a reader believes it when it is surely unchanged.
        attributes[A_FIRST_ID] = attribute_text(event_id)
        if not (_readable(event_id) and _unchanged(event_id)):
            hidden["ids"] = [event_id]
    if event_type != DEFAULT_TYPE:
        if _readable(event_type):
            attributes[A_EVENT_TYPE] = event_type
        else:
            hidden["types"] = [event_type]
    if sse_id:
        if _readable(sse_id):
            attributes[A_SSE_ID] = sse_id
        else:
            hidden["sse_ids"] = [sse_id]
    text = dump(**hidden) if hidden else None
    if text is not None:
        attributes[A_BESIDE] = _squeeze(text, _LEVEL)
    return attributes


def _plain_word(text: str) -> bool:
    """Whether `text` is surely readable and unchanged in an attribute, as an id nearly always is."""
    return (
        text.isascii()
        and text.isprintable()
        and "\\" not in text
        and 1 < len(text) < TEXT_MAX_CHARS
    )


def encode_pack(
    events: Sequence[bytes],
    *,
    source: str,
    ids: Sequence[str],
    carry_ids: bool = False,
    types: Sequence[str] | None = None,
    sse_ids: Sequence[str | None] | None = None,
    level: int = _LEVEL,
) -> OutMessage:
    """Many events as one message.

    `events` are JSON without newlines, `ids` their ids in the same order (for first and last; with
    `carry_ids` all of them travel, because a reader would derive another for one). `types`: their SSE types,
    None when all are `message`; `sse_ids`: their own SSE ids, None when none has one. Raises ValueError for
    no events, an event with a newline, or a number of ids, types or SSE ids that differs.
    """
    if not events or any(
        len(part) != len(events) for part in (ids, types, sse_ids) if part is not None
    ):
        raise ValueError("a pack holds at least one event and one id an event")
    lines = b"\n".join(events) + b"\n"
    if b"\n" in b"".join(events):
        raise ValueError("an event of a pack holds a newline: write it as a space first")
    attributes: dict[str, str | int] = {
        A_CODEC: CODEC,
        A_COUNT: len(events),
        A_PACK_ID: hashlib.sha256(lines).hexdigest(),
        A_SOURCE: _source_text(source),
        A_FIRST_ID: attribute_text(ids[0]),
        A_LAST_ID: attribute_text(ids[-1]),
    }
    hidden = ids if carry_ids else None
    if hidden is not None and _lines_hold(hidden):
        attributes[A_IDS] = _squeeze("\n".join(hidden).encode(), level)
        hidden = None
    if hidden is not None or types is not None or sse_ids is not None:
        beside = dump(ids=hidden, types=types, sse_ids=sse_ids)
        if beside is not None:
            attributes[A_BESIDE] = _squeeze(beside, level)
    return OutMessage(_squeeze(lines, level), attributes)


def decode(body: str, attributes: Mapping[str, str], *, max_unpacked_bytes: int) -> Decoded:
    """The events of a message, whatever its wire.

    Never uses more than about `max_unpacked_bytes` of memory for what it unpacks. Raises DeadLetterError
    (bad base64, bad or truncated zstd, a decompression bomb, bad UTF-8) and UnknownCodecError.
    """
    source = attributes.get(A_SOURCE)
    codec = attributes.get(A_CODEC)
    problems: list[tuple[str, str]] = []
    if not is_packed(body, attributes):
        events: Sequence[bytes] = [_plain(body)]
        told = told_alone(attributes)
        pack_id = None
    elif codec is not None and codec != CODEC:
        raise UnknownCodecError(codec)
    else:
        lines = _unsqueeze(body, max_unpacked_bytes)
        events = Lines(lines)
        pack_id = attributes.get(A_PACK_ID)
        _compare(lines, len(events), attributes, problems)
        told = Beside(ids=_ids(attributes, len(events), problems))
    if A_BESIDE in attributes:
        more = _beside(attributes[A_BESIDE], len(events), problems)
        told = Beside(more.ids or told.ids, more.types or told.types, more.sse_ids or told.sse_ids)
    return Decoded(events, told.ids, pack_id, source, problems, told.types, told.sse_ids)


def is_alone(body: str, attributes: Mapping[str, str]) -> bool:
    """Whether a message is one event of which `told_alone` tells all: most plain ones are. Any other is for `decode`."""
    return attributes.keys() <= _ALONE and not body.startswith(_MAGIC)


def told_alone(attributes: Mapping[str, str]) -> Beside:
    """What the attributes that anybody can read tell of a plain message's event."""
    if not attributes:
        return _NOTHING
    first = attributes.get(A_FIRST_ID)
    event_type, sse_id = attributes.get(A_EVENT_TYPE), attributes.get(A_SSE_ID)
    return Beside(
        ids=[first] if first and _unchanged(first) else None,
        types=[event_type] if event_type else None,
        sse_ids=[sse_id] if sse_id else None,
    )


def _compare(
    lines: bytes, found: int, attributes: Mapping[str, str], problems: list[tuple[str, str]]
) -> None:
    count, pack_id = attributes.get(A_COUNT), attributes.get(A_PACK_ID)
    if count is not None and count != str(found):
        problems.append(
            (reasons.COUNT_MISMATCH, f"{A_COUNT} says {count[:20]}, the pack holds {found} lines")
        )
    if pack_id is not None and hashlib.sha256(lines).hexdigest() != pack_id:
        problems.append(
            (reasons.HASH_MISMATCH, f"{A_PACK_ID} is not the SHA-256 of the unpacked lines")
        )


def _ids(
    attributes: Mapping[str, str], count: int, problems: list[tuple[str, str]]
) -> list[str] | None:
    if A_IDS not in attributes:
        return None
    ids = _unsqueeze(attributes[A_IDS], READ_BYTES).decode("utf-8", "replace").split("\n")
    if len(ids) == count:
        return ids
    problems.append((reasons.COUNT_MISMATCH, f"{A_IDS} holds {len(ids)} ids for {count} lines"))
    return None


def _beside(text: str, count: int, problems: list[tuple[str, str]]) -> Beside:
    try:
        beside = load(_unsqueeze(text, READ_BYTES), count)
    except ValueError as error:
        raise DeadLetterError(reasons.NOT_JSON, f"{A_BESIDE}: {str(error)[:200]}") from error
    misfits = beside.misfits(count)
    if not misfits:
        return beside
    detail = f"{A_BESIDE} holds {' and '.join(misfits)} for another number of events than {count}"
    problems.append((reasons.COUNT_MISMATCH, detail))
    return Beside()


def _lines_hold(ids: Sequence[str]) -> bool:
    """Whether ids come back unchanged from lines of UTF-8."""
    text = "\n".join(ids)
    return text.count("\n") == len(ids) - 1 and (text.isascii() or is_utf8(text))


def _readable(text: str) -> bool:
    """Whether an attribute may hold `text` as it is, and shows it."""
    return text.isprintable() and len(text) <= TEXT_MAX_CHARS and allowed(text) and text != ""


def _unchanged(text: str) -> bool:
    """Whether an id in an attribute is surely what it was: neither cut, nor escaped, nor a stand-in."""
    return len(text) < TEXT_MAX_CHARS and "\\u" not in text and text != "-"


def is_packed(body: str, attributes: Mapping[str, str]) -> bool:
    """Whether a message is a pack: by its codec, or by its beginning when it has lost its attributes."""
    return A_CODEC in attributes or body.startswith(_MAGIC)


@functools.lru_cache(maxsize=64)
def _source_text(source: str) -> str:
    return attribute_text(source)


def attribute_text(value: str, limit: int = TEXT_MAX_CHARS) -> str:
    """`value` as a message attribute takes it: never empty, a body's characters, `limit` of them at most."""
    return escape(value.encode("utf-8", "backslashreplace").decode())[:limit] or "-"


def _squeeze(data: bytes, level: int) -> str:
    return pybase64.b64encode(zstandard.ZstdCompressor(level=level).compress(data)).decode("ascii")


def _unsqueeze(text: str, limit: int) -> bytes:
    try:
        packed = pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DeadLetterError(reasons.BAD_BASE64, str(error)) from error
    try:
        declared = zstandard.get_frame_parameters(packed).content_size
        if declared == zstandard.CONTENTSIZE_UNKNOWN:
            return _stream(packed, limit)
        if declared > limit:
            raise DeadLetterError(
                reasons.BOMB, f"the pack says it unpacks to {declared} bytes; {limit} are allowed"
            )
        return _decompressor().decompress(packed, max_output_size=limit, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DeadLetterError(_fault(str(error), packed), str(error)) from error


def _stream(packed: bytes, limit: int) -> bytes:
    """For a frame that does not tell its size: unpacked step by step, up to `limit` and one step more."""
    out = bytearray()
    unpacker = _decompressor().decompressobj()
    for start in range(0, len(packed), _STEP):
        out += unpacker.decompress(packed[start : start + _STEP])
        if len(out) > limit:
            raise DeadLetterError(reasons.BOMB, f"the pack unpacks to more than {limit} bytes")
        if unpacker.eof:
            if unpacker.unused_data or start + _STEP < len(packed):
                raise DeadLetterError(reasons.BAD_ZSTD, "there are bytes after the zstd frame")
            return bytes(out)
    raise DeadLetterError(
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
        raise DeadLetterError(
            reasons.BAD_UTF8, f"lone surrogate at character {error.start}"
        ) from error
