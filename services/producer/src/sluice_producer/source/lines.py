"""Bytes to lines, as the HTML standard defines them, in linear time and bounded memory.

requests splits with `splitlines` and glues what is left over: a CRLF that two chunks share becomes two line
ends (one event becomes two), and a long line is copied once a chunk (8 MB take half a minute). Rule:
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from typing import Final

_BOM: Final = b"\xef\xbb\xbf"


class LineSplitter:
    """Splits one stream; a line ends with LF, CR or CRLF, and one leading byte order mark is dropped.

    `max_line`: bytes kept of a line. What a longer line has beyond is dropped and added to `dropped`, so
    that the event can be reported instead of filling the memory.
    """

    def __init__(self, max_line: int) -> None:
        self._max_line = max_line
        self._head: bytes | None = b""
        self._after_cr = False
        self._pending = bytearray()
        self.dropped = 0

    @property
    def open(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._pending)

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, without their ends. An unended line stays for the next chunk."""
        return self.split(self.clean(chunk))

    def clean(self, chunk: bytes) -> bytes:
        """The next chunk of the stream with LF as its only line end, and without the byte order mark."""
        if self._head is not None:
            chunk = self._without_bom(chunk)
        if chunk and (self._after_cr or b"\r" in chunk):
            chunk = self._only_lf(chunk)
        return chunk

    def split(self, chunk: bytes) -> list[bytes]:
        """As `feed`, of what `clean` gave."""
        if not chunk:
            return []
        lines = chunk.split(b"\n")
        tail = lines.pop()
        if lines and self._pending:
            self._hold(lines[0])
            lines[0] = bytes(self._pending)
            self._pending = bytearray()
        if tail:
            self._hold(tail)
        return lines

    def _without_bom(self, chunk: bytes) -> bytes:
        head = (self._head or b"") + chunk
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BOM)

    def _only_lf(self, chunk: bytes) -> bytes:
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _hold(self, fragment: bytes) -> None:
        room = self._max_line - len(self._pending)
        if len(fragment) > room:
            self.dropped += len(fragment) - max(room, 0)
            fragment = fragment[: max(room, 0)]
        self._pending += fragment
