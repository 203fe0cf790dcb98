"""A message to send: what SQS lets into one, and what it weighs.

Sizes count as SQS counts them: the body plus each attribute's name, type and value
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TYPE_BYTES = len("String")
_CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\r"))
_NON_CHARACTERS = b"\xef\xbf"
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def allowed(text: str) -> bool:
    """Whether SQS accepts every character of `text` (the characters of XML 1.0)."""
    return text.isprintable() or _FORBIDDEN.search(text) is None


def escape(text: str) -> str:
    r"""`text` with each character that SQS refuses written as `\uXXXX`; inside JSON strings that changes nothing."""
    # What is printable is no control character, no half of a pair and no non-character; asking so costs half.
    if text.isprintable():
        return text
    return _FORBIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def plain_message(data: bytes, attributes: Mapping[str, str | int]) -> "OutMessage":
    """A message whose body is `escape` of this UTF-8. Raises UnicodeDecodeError.

    Seen in the bytes, what SQS refuses is a control character, or one of those few that begin with EF BF; half a
    pair is no UTF-8. To look for these costs a quarter of what to look at each character does.
    """
    text = data.decode()
    if _NON_CHARACTERS not in data and len(data.translate(None, _CONTROLS)) == len(data):
        return OutMessage(text, attributes, len(data))
    return OutMessage(escape(text), attributes)


@dataclass(slots=True)
class OutMessage:
    """A message to send: body, and attributes of SQS's types String (str) and Number (int); made once, never changed.

    `body_bytes`: what the body weighs in UTF-8, from who knows it; 0: it is worked out.
    """

    body: str
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    body_bytes: int = field(default=0, repr=False, compare=False)
    _size: int = field(default=0, init=False, repr=False, compare=False)

    @property
    def size(self) -> int:
        """Bytes as SQS counts them."""
        if not self._size:
            size = self.body_bytes or _bytes(self.body)
            for name, value in self.attributes.items():
                size += len(name) + _bytes(str(value)) + _TYPE_BYTES
            self._size = size
        return self._size


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
