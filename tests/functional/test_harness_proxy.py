"""The fault proxy does what the fault tests rest on."""

import threading

import pytest
from harness.cloud import CREDENTIALS, Cloud
from harness.proxy import Fault, FaultProxy
from harness.waiting import until
from sluice_core.aws import clients
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue
from sluice_core.errors import MissingResourceError, PreconditionError, TemporaryError
from sluice_core.settings import CommonSettings, load_settings

pytestmark = pytest.mark.functional


@pytest.fixture
def proxy(cloud):
    proxy = FaultProxy(cloud.endpoint)
    yield proxy
    proxy.close()


@pytest.fixture
def through(cloud: Cloud, proxy: FaultProxy):
    settings = load_settings(CommonSettings, {**CREDENTIALS, "AWS_ENDPOINT_URL": proxy.endpoint})
    aws = clients(settings)
    return Queue.resolve(aws, cloud.name), Bucket(aws, cloud.name)


def test_everything_goes_through_it_unchanged(cloud, proxy, through):
    queue, bucket = through
    body = bytes(range(256)) * 4096
    bucket.put("a/ключ with space", body, metadata={"rows": "3"}, if_none_match=True)
    fetched = bucket.get("a/ключ with space")
    assert (fetched.body, fetched.metadata) == (body, {"rows": "3"})
    assert [stored.key for stored in bucket.list("a/")] == ["a/ключ with space"]
    with pytest.raises(PreconditionError):
        bucket.put("a/ключ with space", b"", if_none_match=True)

    assert queue.send([OutMessage("héllo", {"n": 1})] * 10) == []
    received = queue.receive(wait_seconds=1)
    assert {(m.body, m.attributes["n"]) for m in received} == {("héllo", "1")}
    assert queue.delete([m.receipt_handle for m in received]) == []
    asked = proxy.requests
    assert asked["sqs", "SendMessageBatch"] == asked["sqs", "DeleteMessageBatch"] == 1
    assert asked["s3", "PutObject"] == 2


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.UNAVAILABLE])
def test_a_service_that_refuses_sees_nothing_and_the_other_works(cloud, proxy, through, fault):
    queue, bucket = through
    rule = proxy.inject(fault, service="sqs")
    with pytest.raises(TemporaryError) as caught:
        queue.send([OutMessage("x")])
    assert not isinstance(caught.value, MissingResourceError)
    bucket.put("k", b"v")
    rule.lift()
    assert cloud.queue.attributes().depth == 0
    assert queue.send([OutMessage("x")]) == []


def test_a_lost_reply_means_that_the_server_has_it(cloud, proxy, through):
    queue, bucket = through
    proxy.inject(Fault.LOSE_REPLY, service="sqs", operation="SendMessageBatch", times=1)
    with pytest.raises(TemporaryError):
        queue.send([OutMessage("x")])
    assert cloud.queue.attributes().visible == 1
    proxy.inject(Fault.LOSE_REPLY, service="s3", path="/mine", times=1)
    bucket.put("other", b"v")
    with pytest.raises(TemporaryError):
        bucket.put("mine", b"v", if_none_match=True)
    assert cloud.bucket.get("mine").body == b"v"
    with pytest.raises(PreconditionError):
        bucket.put("mine", b"v", if_none_match=True)


def test_a_hanging_service_answers_nothing_until_it_is_lifted(proxy, through):
    _, bucket = through
    rule = proxy.inject(Fault.HANG, service="s3", operation="PutObject")
    ended = threading.Event()

    def put() -> None:
        with pytest.raises(TemporaryError):
            bucket.put("k", b"v")
        ended.set()

    threading.Thread(target=put, daemon=True).start()
    until(lambda: rule.hits == 1, "the request")
    assert not ended.is_set()
    rule.lift()
    assert ended.wait(10)


def test_many_clients_at_once(cloud, proxy, through):
    queue, _ = through
    threads = [
        threading.Thread(target=lambda: [queue.send([OutMessage("x")] * 10) for _ in range(10)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cloud.queue.attributes().visible == 800
