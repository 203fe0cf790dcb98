"""Raw objects' bytes, asked for side by side and given in order: a GET takes longer than what comes of it."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from sluice_core.aws.s3 import BucketLike, Fetched
from sluice_core.errors import NotFoundError

from sluice_compactor.raw.listing import RawObject

SIDE_BY_SIDE: Final = 16


@dataclass(frozen=True)
class Body:
    """An object's content and user metadata."""

    raw: RawObject
    content: bytes
    metadata: Mapping[str, str]


def fetch(bucket: BucketLike, raws: Sequence[RawObject], *, ahead: int) -> Iterator[Body]:
    """Each object's body, in the order of `raws`; those that are gone are left out.

    `ahead`: bytes that may be under way or wait, beside one object of whatever size. An object that is gone was
    compacted by another, whose commit our own would notice.
    """
    waiting: deque[tuple[RawObject, Future[Fetched]]] = deque()
    size = 0
    rest = deque(raws)
    with ThreadPoolExecutor(SIDE_BY_SIDE, "fetch") as pool:
        try:
            while rest or waiting:
                while rest and len(waiting) < SIDE_BY_SIDE and (size < ahead or not waiting):
                    raw = rest.popleft()
                    size += raw.size
                    waiting.append((raw, pool.submit(bucket.get, raw.key)))
                raw, future = waiting.popleft()
                size -= raw.size
                try:
                    found = future.result()
                except NotFoundError:
                    continue
                yield Body(raw, found.body, found.metadata)
        finally:
            for _, future in waiting:
                future.cancel()
