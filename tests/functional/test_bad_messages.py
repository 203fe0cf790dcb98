"""Everything bad that a queue can hold, sent at once to one batcher: each thing is followed to its end."""

import base64
import json
from collections import Counter

import pytest
import zstandard
from harness.cloud import Cloud
from harness.pipeline import VISIBILITY, Pipeline
from harness.source import ScriptedSource
from harness.waiting import until
from sluice_core.wire import CODEC, encode_pack, encode_plain

pytestmark = pytest.mark.functional

LIMIT = 20_000
UNPACKED = 200_000


def event(name, **fields):
    meta = {"id": name, "domain": "test.example", "dt": "2026-11-23T14:00:00Z"}
    return json.dumps({"meta": meta, "title": name, **fields}).encode()


def squeezed(data, *, sized=True):
    if sized:
        return zstandard.ZstdCompressor().compress(data)
    stream = zstandard.ZstdCompressor().compressobj()
    return stream.compress(data) + stream.flush()


def pack(*events, body=None, **attributes):
    """A pack with some of its attributes replaced, or with another body."""
    message = encode_pack(events or [b"{}"], source="bad", ids=["?"] * (len(events) or 1))
    changed = {f"sluice-{k.replace('_', '-')}": v for k, v in attributes.items()}
    return (message.body if body is None else body, {**message.attributes, **changed})


def plain(body):
    message = encode_plain(body, source="bad", event_id=None)
    return message.body, message.attributes


def text(data):
    return base64.b64encode(data).decode()


LINES = b"".join(event(f"cut-{i}") + b"\n" for i in range(200))
STRANGER = b'{"hello": "world"}'
NOT_UTF8 = b'{"meta": {"id": "broken"}, "title": "\xff"}'

MESSAGES = {
    "plain": plain(event("plain")),
    "pack": pack(event("pack-0"), event("pack-1"), event("pack-2")),
    "separators": pack(event("separators", comment="a\u2028b\u0085c", user="\U0001f680")),
    "twice-1": plain(event("twice")),
    "twice-2": plain(event("twice")),
    "stranger-object": (STRANGER.decode(), {}),
    "stranger-text": ("hello, is this the right queue?", {}),
    "stranger-number": ("42", {"colour": "blue", "size": 7}),
    "array": plain(b'[{"meta": {"id": "in an array"}}]'),
    "nan": plain(b'{"meta": {"id": "nan"}, "namespace": NaN}'),
    "large": plain(event("large", comment="x" * LIMIT)),
    "newer-codec": pack(codec="zstd+base64;v9"),
    "base64": pack(body="this is *not* base64"),
    "zstd": pack(body=text(b"this is not zstd, but it is long enough to be something")),
    "truncated": pack(body=text(squeezed(LINES)[:-20])),
    "truncated-unsized": pack(body=text(squeezed(LINES, sized=False)[:-20])),
    "bomb": pack(body=text(squeezed(b"0" * 50_000_000))),
    "bomb-unsized": pack(body=text(squeezed(b"0" * 50_000_000, sized=False))),
    "count": pack(event("count-0"), event("count-1"), count=5),
    "hash": pack(event("hash-0"), event("hash-1"), pack_id="0" * 64),
    "lines": pack(event("line-0"), b"{ broken", event("line-2"), NOT_UTF8, event("line-4")),
    "odd": pack(
        event("odd", id="17", namespace=1.5, bot="yes", timestamp="soon", user=None, title=["a"])
    ),
    "no-time": plain(b'{"meta": {"id": "no-time"}, "title": "when?"}'),
    "epoch": plain(b'{"meta": {"id": "epoch", "dt": "0000-13-99"}, "timestamp": 1e300}'),
}

ROWS = {
    *("plain", "pack-0", "pack-1", "pack-2", "separators", "twice", "count-0", "count-1"),
    *("hash-0", "hash-1", "line-0", "line-2", "line-4", "odd", "no-time", "epoch"),
}

REASONS = {
    "stranger-object": "no-column",
    "stranger-text": "not-json",
    "stranger-number": "not-object",
    "array": "not-object",
    "nan": "not-json",
    "large": "too-large",
    "base64": "bad-base64",
    "zstd": "bad-zstd",
    "truncated": "truncated",
    "truncated-unsized": "truncated",
    "bomb": "unpacked-too-large",
    "bomb-unsized": "unpacked-too-large",
    "count": "count-mismatch",
    "hash": "hash-mismatch",
}
"""Of whole messages; the bad lines of the pack `lines` are told by their places."""


@pytest.fixture(scope="module")
def outcome(localstack, tmp_path_factory):
    """(pipeline, batcher, dead letters) after the batcher has dealt with everything but the newer codec."""
    directory = tmp_path_factory.mktemp("bad")
    cloud = Cloud.make(localstack.endpoint, visibility=VISIBILITY)
    source = ScriptedSource([], sorted(ROWS))
    pipeline = Pipeline(cloud, source, directory)
    for body, attributes in MESSAGES.values():
        send(cloud, body, attributes)
    batcher = pipeline.start_batcher(
        SLUICE_MAX_EVENT_BYTES=str(LIMIT),
        SLUICE_PACK_MAX_UNPACKED_BYTES=str(UNPACKED),
        SLUICE_BATCH_MAX_BYTES="10MiB",
    )
    until(
        lambda: cloud.queue.attributes().depth == 1 and not pipeline.account().lost,
        "an empty queue but for the newer codec",
        seen=lambda: (pipeline.state(), batcher.tail()),
    )
    yield pipeline, batcher, cloud.dead_letters()
    pipeline.close()


def send(cloud, body, attributes):
    cloud.aws.sqs.send_message(
        QueueUrl=cloud.queue.url,
        MessageBody=body,
        MessageAttributes={
            name: {
                "DataType": "Number" if isinstance(value, int) else "String",
                "StringValue": str(value),
            }
            for name, value in attributes.items()
        },
    )


def test_the_good_events_are_rows(outcome):
    pipeline, _, _ = outcome
    account = pipeline.account()
    assert not account.lost
    assert not account.strangers
    assert account.duplicates == {"twice": 1}
    (row,) = [row for row in pipeline.rows() if row["event_id"] == "separators"]
    assert (row["comment"], row["user"]) == ("a\u2028b\u0085c", "\U0001f680")
    (row,) = [row for row in pipeline.rows() if row["event_id"] == "odd"]
    assert (row["id"], row["timestamp"]) == ("17", "")


@pytest.mark.parametrize("name", sorted(REASONS))
def test_a_bad_message_is_a_dead_letter_as_it_came(outcome, name):
    _, _, dead_letters = outcome
    body, attributes = MESSAGES[name]
    (dead_letter,) = [dead_letter for dead_letter in dead_letters if dead_letter.body == body]
    assert dead_letter.reason == REASONS[name]
    assert dead_letter.detail
    assert dead_letter.source == attributes.get("sluice-source")
    if CODEC in attributes.values():
        assert dead_letter.original["sluice-codec"] == CODEC


def test_a_bad_line_is_a_dead_letter_that_knows_its_place(outcome):
    _, _, dead_letters = outcome
    pack_id = MESSAGES["lines"][1]["sluice-pack-id"]
    places = {
        dead_letter.position: (dead_letter.reason, dead_letter.body)
        for dead_letter in dead_letters
        if dead_letter.pack_id == pack_id
    }
    assert places[1] == ("not-json", "{ broken")
    assert places[3][0] == "bad-utf8"
    assert r"\xff" in places[3][1]
    assert len(places) == 2


def test_there_is_no_other_dead_letter(outcome):
    _, batcher, dead_letters = outcome
    reasons = Counter(REASONS.values()) + Counter(["not-json", "bad-utf8"])
    assert Counter(dead_letter.reason for dead_letter in dead_letters) == reasons
    for reason, count in reasons.items():
        assert batcher.metric("sluice_batcher_poison_records_total", reason=reason) == count


def test_a_newer_codec_waits_in_the_queue_for_a_newer_batcher(outcome):
    pipeline, batcher, dead_letters = outcome
    body, _ = MESSAGES["newer-codec"]
    assert all(
        dead_letter.original.get("sluice-codec") != "zstd+base64;v9" for dead_letter in dead_letters
    )
    assert "zstd+base64;v9" in batcher.output()
    assert batcher.terminate(within=15) == 0
    (message,) = until(
        lambda: pipeline.cloud.queue.receive(wait_seconds=1, visibility=0), "the message"
    )
    assert message.body == body
