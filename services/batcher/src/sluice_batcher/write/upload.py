"""Objects into S3: each under its own name, created or not at all, tried for as long as it takes."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from sluice_core.aws.s3 import BucketLike
from sluice_core.errors import NotFoundError, PermanentError, PreconditionError, TemporaryError
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Backoff, Waiting, retry_forever
from sluice_core.service.runtime import Runtime

from sluice_batcher.metrics import Metrics
from sluice_batcher.write.objects import Outgoing

_log = get_logger(__name__)
_REFUSED_PAUSE: Final = 5.0


class Uploader:
    """Stores objects, several at once. A forced stop of `runtime` ends its patience."""

    def __init__(
        self,
        bucket: BucketLike,
        runtime: Runtime[Metrics],
        *,
        at_once: int,
        stage: str = "flusher",
    ) -> None:
        self._bucket = bucket
        self._clock = runtime.clock
        self._stop = runtime.stop
        self._rng = runtime.rng
        self._metrics = runtime.metrics
        self._health = runtime.health
        self._waiting = Waiting("bucket", runtime.health, stage=stage)
        self._stage = stage
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="upload")

    def store(self, objects: list[Outgoing]) -> None:
        """Comes back when all are stored. Raises retry.Stopped when the stop is forced before."""
        if len(objects) == 1:
            self._store(objects[0])
            return
        for future in [self._pool.submit(self._store, outgoing) for outgoing in objects]:
            future.result()

    def close(self) -> None:
        """Lets the idle threads go; one that still waits for S3 ends by itself, or with the process."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _store(self, outgoing: Outgoing) -> None:
        retry_forever(
            partial(self._put, outgoing),
            stop=self._stop,
            clock=self._clock,
            backoff=Backoff(cap=15.0, rng=self._rng),
            on_error=self._failed,
        )
        self._waiting.over()
        self._health.beat(self._stage)
        metrics = self._metrics
        if not outgoing.rows:
            return
        metrics.objects.inc()
        metrics.object_bytes.inc(len(outgoing.body))
        metrics.rows.inc(outgoing.rows)
        now = self._clock.now()
        # Clocks differ, and ours may jump: a row is never stored before its event happened.
        metrics.freshness.observe_many(
            (max(0.0, now - at), count) for at, count in outgoing.seconds
        )

    def _put(self, outgoing: Outgoing) -> None:
        if self._stop.forced:
            raise TemporaryError("stopping")
        try:
            self._bucket.put(
                outgoing.key,
                outgoing.body,
                content_type=outgoing.content_type,
                metadata=outgoing.metadata,
                if_none_match=True,
            )
        except PreconditionError:
            self._written_already(outgoing)
        except PermanentError as error:
            # A closed bucket may be opened again, and the rows are safe in the queue meanwhile.
            raise TemporaryError(str(error), delay=_REFUSED_PAUSE) from error

    def _written_already(self, outgoing: Outgoing) -> None:
        """The name is ours alone, so that what is there is our own earlier try, whose answer was lost.

        S3 says the same (409) while that try is still under way: then it is not there yet.
        """
        try:
            self._bucket.head(outgoing.key)
        except NotFoundError as error:
            raise TemporaryError(f"{outgoing.key}: another try is under way") from error
        except PermanentError:
            # Reading may not be allowed; 412 says that the object is there.
            _log.info("object was written already", key=outgoing.key)

    def _failed(self, error: TemporaryError, delay: float) -> None:
        self._metrics.put_failures.inc()
        self._waiting(error, delay)
