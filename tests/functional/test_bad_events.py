"""Bad events from the source, through producer, queue and batcher, to a row or to a dead letter."""

import json
from collections import Counter

import pytest
from harness.source import ScriptedSource
from harness.waiting import until
from sluice_core.wire.event_id import digest

pytestmark = pytest.mark.functional

LIMIT = 50_000

GOOD = {
    "first": b'{"id": 1}',
    "odd types": b'{"meta": "no object", "timestamp": "soon", "user": {"a": [1]}}',
    "own id": b'{"meta": {"id": "has-one"}}',
    "characters": '{"title": "\u2028 \u0085 \U0001f680 \uffff"}'.encode(),
    "escapes": rb'{"title": "\ud800 \u0000 \uffff"}',
    "big": json.dumps({"comment": "x" * (LIMIT - 100)}).encode(),
    "last": b'{"type": "last"}',
}
BAD = {
    "text": (b"hello", "not-json"),
    "number": (b"42", "not-object"),
    "half": (b'{"n": 1', "not-json"),
    "array": (b"[1, 2]", "not-object"),
    "null": (b"null", "not-object"),
    "large": (json.dumps({"text": "y" * (LIMIT + 100)}).encode(), "too-large"),
    "huge": (json.dumps({"text": "z" * 1_200_000}).encode(), "too-large"),
}


@pytest.mark.parametrize("wire", ["packed", "plain"])
def test_good_events_pass_and_bad_ones_are_told(make_pipeline, wire, tmp_path):
    events = [
        data
        for good, (bad, _) in zip(GOOD.values(), BAD.values(), strict=True)
        for data in (good, bad)
    ]
    # Even events are good, odd ones bad; the source's SSE ids are their numbers.
    every = [digest(data, str(n)) for n, data in enumerate(events)]
    expected = every[::2]
    due = {data.decode(): reason for data, reason in BAD.values()}
    pipeline = make_pipeline(
        source=ScriptedSource(events, expected),
        settings={"SLUICE_MAX_EVENT_BYTES": str(LIMIT), "SLUICE_WIRE": wire},
    )
    pipeline.start()

    found = pipeline.drain()

    assert not found.duplicates
    assert not found.strangers
    dead_letters = until(
        lambda: len(got := pipeline.cloud.dead_letters()) == len(due) and got, "the dead letters"
    )
    told = {}
    for dead_letter in dead_letters:
        whole = (
            pipeline.cloud.bucket.get(dead_letter.key).body.decode()
            if dead_letter.key
            else dead_letter.body
        )
        told[whole] = dead_letter.reason
    assert told == due
    assert sum(dead_letter.key is not None for dead_letter in dead_letters) == 1, (
        "one is too large for SQS"
    )
    ids = tmp_path / "ids"
    ids.write_text("".join(f"{name}\n" for name in every))
    code, said = pipeline.verify(ids)
    assert (code, said["lost"], said["rows"]) == (0, 0, len(expected))
    assert (said["dead_lettered"], said["unexpected"]) == (len(due), 0)
    assert said["dead_letters"]["reasons"] == Counter(due.values())
    pipeline.stop()
