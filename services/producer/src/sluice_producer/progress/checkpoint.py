"""The checkpoint's owner: one producer writes it, and one that was replaced finds out.

A document names its owner, the owner's generation (one more than the predecessor's) and a sequence number.
Each write is conditional on the version seen last. When S3 says 412 there are three cases, told apart by
reading the document back: our own write arrived and only its reply was lost; an earlier write of ours arrived
late; or somebody else has taken over, and then we are the old one.

`claim` is a producer's very first step: on a first start the position is the start time, and it is written before
the first connection, so that a kill in the first second loses nothing: the next start asks for everything since.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec
from sluice_core.errors import (
    NotFoundError,
    OwnershipError,
    PermanentError,
    PreconditionError,
    TemporaryError,
)
from sluice_core.secrets import public_url
from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import wait_at_start

from sluice_producer.metrics import Runtime
from sluice_producer.progress.stores import Store
from sluice_producer.progress.tracker import TrackerState

_log = get_logger(__name__)

VERSION: Final = 1
_TRIES: Final = 4


class Document(msgspec.Struct):
    """A checkpoint as it is stored. `url` is where the stream was read, for people."""

    version: int
    source: str
    preset: str
    url: str
    owner: str
    generation: int
    sequence: int
    written_at: str
    position: TrackerState


class Checkpoint:
    """One producer's hold on a source's checkpoint; `owner` is unique to the process.

    `url` holds no secret. `former`: a store whose place does, and is therefore never told; the position is
    taken over from there when `store` has none.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        source: str,
        preset: str,
        url: str,
        owner: str,
        former: Store | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._source = source
        self._preset = preset
        self._url = url
        self._former = former
        self._owner = owner
        self._generation = 1
        self._sequence = 0
        self._tag: str | None = None

    def claim(self) -> TrackerState | None:
        """The position of the predecessor, None when there was none; the first `save` makes us the owner.

        Raises PermanentError for a document that is no checkpoint of this source, TemporaryError.
        """
        found = self._store.read()
        if found is None:
            self._tag, self._generation = None, 1
            return self._taken_over()
        document = self._parse(found[0])
        self._check(document)
        self._tag, self._generation = found[1], document.generation + 1
        return document.position

    def _taken_over(self) -> TrackerState | None:
        if self._former is None:
            return None
        try:
            found = self._former.read()
        except (PermanentError, TemporaryError) as error:
            kind = TemporaryError if isinstance(error, TemporaryError) else PermanentError
            # Its own text names the key.
            raise kind(
                f"cannot read the checkpoint that an earlier version kept beside {self._store.place} "
                f"({type(error).__name__}); SLUICE_SOURCE_NAME or SLUICE_CHECKPOINT begins anew without it"
            ) from None
        if found is None:
            return None
        document = self._parse(found[0])
        self._check(document)
        self._generation = document.generation + 1
        _log.warning(
            "position taken over from the checkpoint whose key holds the query of SLUICE_SOURCE_URL: "
            "delete that object, its name begins as the new one's",
            place=self._store.place,
        )
        return document.position

    def _check(self, document: Document) -> None:
        if document.preset != self._preset:
            raise PermanentError(
                f"{self._store.place} was written with SLUICE_SOURCE_PRESET={document.preset}, now it is "
                f"{self._preset}: set another SLUICE_SOURCE_NAME or SLUICE_CHECKPOINT"
            )
        then = public_url(document.url)  # earlier versions wrote all of it
        if then != self._url:
            _log.warning(
                "the checkpoint was written for another URL", written_for=then, url=self._url
            )

    def save(self, position: TrackerState) -> None:
        """Writes the position. Raises OwnershipError when another producer has taken over, TemporaryError."""
        self._sequence += 1
        for _ in range(_TRIES):
            try:
                self._tag = self._store.write(self._encode(position), self._tag)
            except PreconditionError:
                if self._is_ours():
                    return
            except NotFoundError:
                _log.warning("the checkpoint has vanished: written anew", place=self._store.place)
                self._tag = None
            else:
                return
        raise TemporaryError(f"{self._store.place} keeps changing")

    def _is_ours(self) -> bool:
        """After a refused write: True when it had arrived, False when it is to be tried again."""
        found = self._store.read()
        if found is None:
            self._tag = None
            return False
        document = self._parse(found[0])
        if document.owner != self._owner and document.generation >= self._generation:
            raise OwnershipError(
                f"{self._store.place} belongs to a newer producer ({document.owner}, generation "
                f"{document.generation}, written {document.written_at}); this one ({self._owner}, generation "
                f"{self._generation}) stops: one source takes one producer"
            )
        self._tag = found[1]
        return document.owner == self._owner and document.sequence == self._sequence

    def _encode(self, position: TrackerState) -> bytes:
        moment = datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="milliseconds")
        return msgspec.json.encode(
            Document(
                VERSION,
                self._source,
                self._preset,
                self._url,
                self._owner,
                self._generation,
                self._sequence,
                moment,
                position,
            )
        )

    def _parse(self, document: bytes) -> Document:
        try:
            parsed = msgspec.json.decode(document, type=Document)
        except msgspec.MsgspecError as error:
            raise PermanentError(
                f"{self._store.place} is no checkpoint ({error}): restore an earlier version, or move it away "
                "to begin at the present"
            ) from error
        if parsed.version != VERSION:
            raise PermanentError(
                f"{self._store.place} has version {parsed.version}, not {VERSION}: upgrade"
            )
        return parsed


def claim(checkpoint: Checkpoint, started_at: int, runtime: Runtime) -> TrackerState:
    """The position; `started_at` (epoch milliseconds) is that of a first start.

    Waits while the store is away. Raises retry.Stopped, OwnershipError, PermanentError.
    """

    def attempt() -> TrackerState:
        state = checkpoint.claim()
        if state is None:
            state = TrackerState(started_at)
            _log.info("first start: no checkpoint yet")
        checkpoint.save(state)
        return state

    runtime.health.set_ready("checkpoint", ready=False, why="not claimed yet")
    return wait_at_start("checkpoint", attempt, runtime)
