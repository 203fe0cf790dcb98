"""GETs side by side: so many are under way at once, and what they bring comes in order."""

import datetime
import threading

import pytest
from sluice_compactor.raw.fetch import SIDE_BY_SIDE, fetch
from sluice_compactor.raw.listing import RawObject
from sluice_core.aws import clients
from sluice_core.aws.s3 import Bucket
from sluice_core.settings import CommonSettings, load_settings
from sluice_core.testing.server import Answer, SseServer

GONE = b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"


class Store:
    """Answers an object with its key, once so many GETs are there at once. `most`: there at once at any time."""

    def __init__(self, together):
        self.barrier = threading.Barrier(together)
        self.lock, self.now, self.most = threading.Lock(), 0, 0

    def __call__(self, request):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            self.barrier.wait(30)
        finally:
            with self.lock:
                self.now -= 1
        if request.path.endswith("/gone"):
            return Answer([GONE], status=404, content_type="application/xml")
        return Answer([request.path.encode()], headers={"ETag": '"1"'}, content_type="text/csv")


@pytest.fixture
def bucket_of(monkeypatch):
    """`bucket_of(server)`: a real client of S3 whose S3 this server is."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")

    def make(server):
        environ = {"AWS_ENDPOINT_URL": server.url.removesuffix("/stream")}
        return Bucket(clients(load_settings(CommonSettings, environ)), "raw-bucket")

    return make


def raws(names, size=1):
    day = datetime.date(2026, 11, 23)
    return [RawObject(str(name), size, "1", 0, day, 14) for name in names]


def test_many_are_under_way_at_once_and_come_in_order(bucket_of):
    store = Store(SIDE_BY_SIDE)
    names = [*range(SIDE_BY_SIDE - 1), "gone", *range(100, 100 + SIDE_BY_SIDE)]
    with SseServer(store) as server:
        found = list(fetch(bucket_of(server), raws(names), ahead=2**20))
    wanted = [str(name) for name in names if name != "gone"]
    assert [body.raw.key for body in found] == wanted
    assert [body.content.decode() for body in found] == [f"/raw-bucket/{name}" for name in wanted]
    assert store.most == SIDE_BY_SIDE


def test_no_more_is_read_ahead_than_may_be(bucket_of):
    with SseServer(Store(1)) as server:
        found = fetch(bucket_of(server), raws(range(6), size=100), ahead=100)
        assert next(found).raw.key == "0"
        assert len(server.requests) == 1, "a second one would be beyond what may wait"
        assert len(list(found)) == 5
