"""In-memory stand-ins for SQS and S3, with the faults that the real ones have. Public: use them in your tests.

They keep the adapters' interface (`QueueLike`, `BucketLike`) and their errors. A fault is a function that is
called before (and, with `after`, once the action has happened: a lost reply) and may raise.
"""

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sluice_core.aws.messages import OutMessage, allowed
from sluice_core.aws.s3 import Fetched, Stored
from sluice_core.aws.sqs import QueueAttributes, Received, RefusedEntry
from sluice_core.errors import MissingResourceError, NotFoundError, PreconditionError
from sluice_core.limits import DEFAULT_RETENTION, SQS_BATCH_ENTRIES, SQS_MAX_BYTES
from sluice_core.service.clock import Clock
from sluice_core.service.threads import Stage

Fault = Callable[[str], None]
"""Gets the action's name (`send`, `receive`, `delete`, `extend`, `put`, `get` …) and may raise."""


def no_fault(action: str) -> None:
    """The fault that never happens."""


def work_off(stage: Stage) -> None:
    """What a thread does with a stage that is closed: its work, to the end."""
    stage.close()
    while stage.step():
        pass


class FakeClock:
    """A clock that moves only when told, or when somebody waits on it."""

    def __init__(self, start: float = 1_760_000_000.0) -> None:
        self._now = start
        self._monotonic = 1000.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """See `Clock.now`."""
        return self._now

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Moves both times forward."""
        with self._lock:
            self._now += seconds
            self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Moves the wall clock alone, also backwards."""
        with self._lock:
            self._now += seconds

    def wait(self, event: threading.Event, timeout: float) -> bool:
        """Returns at once, `timeout` seconds later; True when the event is set."""
        if event.is_set():
            return True
        self.advance(timeout)
        return event.is_set()


@dataclass
class _Message:
    message_id: str
    out: OutMessage
    sent_at: float
    visible_at: float
    receive_count: int = 0
    handle: str = ""


@dataclass
class FakeSqs:
    """One standard queue. `receive` never blocks: the clock decides what is visible.

    The clock cannot be exchanged: each starts from a second of its own, so that what one hides, another may
    show at once or never.
    """

    clock: Clock
    name: str = "queue"
    visibility_timeout: int = 30
    before: Fault = no_fault
    after: Fault = no_fault
    refuse: Callable[[str, int, OutMessage | None], RefusedEntry | None] = (
        lambda action, index, message: None
    )
    exists: bool = True
    created_at: int = 1_760_000_000
    retention: int = DEFAULT_RETENTION
    sent: list[OutMessage] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    _messages: dict[str, _Message] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __setattr__(self, name: str, value: object) -> None:
        if name == "clock" and "clock" in self.__dict__:
            raise AttributeError(f"{self.name} keeps the clock that it was made with")
        super().__setattr__(name, value)

    @property
    def url(self) -> str:
        """A URL as SQS's, that leads nowhere."""
        return f"http://fake/000000000000/{self.name}"

    def send(self, messages: Sequence[OutMessage]) -> list[RefusedEntry]:
        """See `QueueLike.send`; refuses what SQS refuses (number, size, characters)."""
        with self._action("send"):
            if not 0 < len(messages) <= SQS_BATCH_ENTRIES:
                raise AssertionError(f"SQS refuses a batch of {len(messages)} entries")
            if len(messages) > 1 and sum(m.size for m in messages) > SQS_MAX_BYTES:
                raise AssertionError("SQS refuses a batch over 1 MiB")
            refused: list[RefusedEntry] = []
            for index, message in enumerate(messages):
                no = self.refuse("send", index, message) or _refusal(index, message)
                if no is not None:
                    refused.append(no)
                    continue
                self.put_message(message)
            return refused

    def put_message(self, message: OutMessage) -> str:
        """Puts a message into the queue, past all faults; gives its id."""
        with self.lock:
            message_id = f"m{next(self._numbers)}"
            now = self.clock.now()
            self._messages[message_id] = _Message(message_id, message, now, self.clock.monotonic())
            self.sent.append(message)
            return message_id

    def receive(
        self, *, max_messages: int = 10, wait_seconds: int = 20, visibility: int | None = None
    ) -> list[Received]:
        """See `QueueLike.receive`."""
        with self._action("receive"):
            now = self.clock.monotonic()
            timeout = self.visibility_timeout if visibility is None else visibility
            result: list[Received] = []
            for message in self._messages.values():
                if len(result) == max_messages:
                    break
                if message.visible_at > now:
                    continue
                message.visible_at = now + timeout
                message.receive_count += 1
                message.handle = f"{message.message_id}#{message.receive_count}"
                result.append(_received(message))
            return result

    def delete(self, handles: Sequence[str]) -> list[RefusedEntry]:
        """See `QueueLike.delete`; an old receipt handle does not delete."""
        with self._action("delete"):
            refused: list[RefusedEntry] = []
            for index, handle in enumerate(handles):
                no = self.refuse("delete", index, None)
                if no is not None:
                    refused.append(no)
                    continue
                message = self._messages.get(handle.split("#")[0])
                if message is not None and message.handle == handle:
                    del self._messages[message.message_id]
                    self.deleted.append(message.message_id)
            return refused

    def extend(self, handles: Sequence[str], timeout: int) -> list[RefusedEntry]:
        """See `QueueLike.extend`; refuses messages that are visible again (MessageNotInflight)."""
        with self._action("extend"):
            refused: list[RefusedEntry] = []
            now = self.clock.monotonic()
            for index, handle in enumerate(handles):
                message = self._messages.get(handle.split("#")[0])
                no = self.refuse("extend", index, None)
                if no is not None:
                    refused.append(no)
                elif message is None or message.handle != handle or message.visible_at <= now:
                    refused.append(
                        RefusedEntry(index, "MessageNotInflight", "not in flight", permanent=True)
                    )
                else:
                    message.visible_at = now + timeout
            return refused

    def attributes(self) -> QueueAttributes:
        """See `QueueLike.attributes`."""
        with self._action("attributes"):
            now = self.clock.monotonic()
            visible = sum(m.visible_at <= now for m in self._messages.values())
            return QueueAttributes(
                visible=visible,
                in_flight=len(self._messages) - visible,
                delayed=0,
                visibility_timeout=self.visibility_timeout,
                max_message_bytes=SQS_MAX_BYTES,
                redrive_target=None,
                max_receive_count=None,
                created_at=self.created_at,
                retention=self.retention,
            )

    def __len__(self) -> int:
        """Messages that are not deleted."""
        return len(self._messages)

    def _action(self, name: str) -> "_Action":
        return _Action(self, name)


class _Action:
    """Lock and faults around one action."""

    def __init__(self, owner: "FakeSqs | FakeS3", name: str) -> None:
        self._owner = owner
        self._name = name

    def __enter__(self) -> None:
        self._owner.before(self._name)
        if not self._owner.exists:
            raise MissingResourceError(f"{self._owner.name} does not exist")
        self._owner.lock.acquire()

    def __exit__(self, kind: object, *_: object) -> None:
        self._owner.lock.release()
        if kind is None:
            self._owner.after(self._name)


def _refusal(index: int, message: OutMessage) -> RefusedEntry | None:
    if message.size > SQS_MAX_BYTES:
        return RefusedEntry(index, "InvalidParameterValue", "over 1 MiB", permanent=True)
    if not message.body or not allowed(message.body):
        return RefusedEntry(
            index, "InvalidMessageContents", "empty, or a forbidden character", permanent=True
        )
    return None


def _received(message: _Message) -> Received:
    return Received(
        message_id=message.message_id,
        receipt_handle=message.handle,
        body=message.out.body,
        attributes={name: str(value) for name, value in message.out.attributes.items()},
        sent_at=message.sent_at,
        receive_count=message.receive_count,
    )


@dataclass
class FakeS3:
    """One bucket with conditional writes. `past`: key → versions and delete markers, when it is `versioned`."""

    name: str = "bucket"
    before: Fault = no_fault
    after: Fault = no_fault
    exists: bool = True
    versioned: bool = False
    objects: dict[str, Fetched] = field(default_factory=dict)
    past: dict[str, int] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> str:
        """See `BucketLike.put`."""
        with _Action(self, "put"):
            there = self.objects.get(key)
            if if_none_match and there is not None:
                raise PreconditionError(f"{key} exists")
            if if_match is not None and there is None:
                raise NotFoundError(f"{key} does not exist")
            if if_match is not None and there is not None and there.etag != if_match:
                raise PreconditionError(f"{key} has changed")
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            kept = dict(metadata or {})
            for value in (*kept.keys(), *kept.values()):
                value.encode("ascii")
            self.objects[key] = Fetched(bytes(body), etag, kept, self._version(key))
            return etag

    def get(self, key: str) -> Fetched:
        """See `BucketLike.get`."""
        with _Action(self, "get"):
            if key not in self.objects:
                raise NotFoundError(f"{key} does not exist")
            return self.objects[key]

    def head(self, key: str) -> Fetched:
        """See `BucketLike.head`."""
        found = self.get(key)
        return Fetched(b"", found.etag, found.metadata, found.version)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """See `BucketLike.list`."""
        with _Action(self, "list"):
            found = sorted((k, v) for k, v in self.objects.items() if k.startswith(prefix))
        return iter([Stored(key, len(value.body), value.etag) for key, value in found])

    def delete(self, key: str) -> None:
        """See `BucketLike.delete`."""
        with _Action(self, "delete"):
            self._version(key)
            self.objects.pop(key, None)

    def erase(self, key: str) -> None:
        """See `BucketLike.erase`."""
        with _Action(self, "erase"):
            self.objects.pop(key, None)
            self.past.pop(key, None)

    def _version(self, key: str) -> str | None:
        if not self.versioned:
            return None
        self.past[key] = self.past.get(key, 0) + 1
        return f"v{self.past[key]}"

    def check(self) -> None:
        """See `BucketLike.check`."""
        with _Action(self, "check"):
            return
