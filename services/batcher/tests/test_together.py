"""Messages of one receive are taken in together: each must become what it becomes alone."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sluice_batcher.receive.intake import Intake
from sluice_batcher.testing import Rig, event, pack
from sluice_core import wire
from sluice_core.aws.messages import OutMessage

_TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
_VALUES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | _TEXT | st.lists(_TEXT)
_EVENTS = st.builds(
    lambda number, more: event(f"e{number}", **more),
    st.integers(0, 99),
    st.dictionaries(st.sampled_from(["id", "title", "user", "bot", "timestamp", "x"]), _VALUES),
)
_STRANGE = st.sampled_from(
    [
        "no JSON",
        "[1]",
        "{}",
        '{"meta":{"id":"half","dt":"2026-11-23T14:05:00Z"},"title":"\\ud800"}',
        '{"meta":{"id":7}}',
        '{"meta":{"id":"spread"},\n"title":"t"}',
        '{"title":"no id"}',
        '{"title":"' + "x" * 3000 + '"}',
        '{"sluice-dead-letter":1,"key":"other"}',
        "KLUv/no pack",
    ]
)
_ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        [
            wire.A_SOURCE,
            wire.A_FIRST_ID,
            wire.A_EVENT_TYPE,
            wire.A_SSE_ID,
            wire.A_MARK,
            wire.A_BESIDE,
            wire.A_CODEC,
            "somebody-else",
        ]
    ),
    st.sampled_from(["-", "one", "two \\u0007", "x" * 2048]),
    max_size=3,
)
_PLAIN = st.builds(
    lambda found, event_id, event_type, sse_id: wire.encode_plain(
        json.dumps(found).encode(),
        source="s",
        event_id=event_id or None,
        event_type=event_type,
        sse_id=sse_id,
    ),
    _EVENTS,
    _TEXT,
    st.sampled_from(["message", "edit", "two\nlines"]),
    st.none() | _TEXT,
)
_MESSAGES = (
    _PLAIN
    | st.builds(OutMessage, _STRANGE, _ATTRIBUTES)
    | st.builds(
        lambda found, attributes: OutMessage(json.dumps(found), attributes), _EVENTS, _ATTRIBUTES
    )
    | st.builds(pack, st.lists(_EVENTS, min_size=1, max_size=3))
    | st.builds(lambda at: wire.encode_heartbeat("s", at), st.floats(1, 2e9))
)


def _outcome(messages: list[OutMessage], columns: str, at_once: int):
    rig = Rig(max_event_bytes="2KiB", columns=columns)
    for start in range(0, len(messages), at_once):
        rig.send(messages[start : start + at_once])
        rig.receive()
    rig.batcher.buffer.close_open()
    rig.flush()
    dead = [
        (letter.body, letter.reason, letter.detail, letter.source, str(sorted(letter.original)))
        for letter in rig.dead()
    ]
    rows = Counter(json.dumps(row, sort_keys=True) for row in rig.rows())
    kept = Counter(message.body for message in messages[: len(rig.batcher.in_flight)])
    return rows, Counter(dead), len(rig.queue), sum(kept.values())


@pytest.mark.parametrize("columns", ["article", "recentchange", "raw"])
@settings(max_examples=30)
@given(messages=st.lists(_MESSAGES, min_size=2, max_size=10))
def test_messages_received_together_become_what_each_becomes_alone(columns, messages):
    assert _outcome(messages, columns, 10) == _outcome(messages, columns, 1)


def test_types_and_ids_beside_stay_with_their_own_event(tmp_path):
    columns = tmp_path / "columns.yaml"
    columns.write_text(
        "columns:\n- name: event_id\n  path: '@event_id'\n- name: kind\n  path: '@event_type'\n"
        "- name: sse\n  path: '@sse_id'\n- name: title\n"
    )
    rig = Rig(columns=str(columns))
    told = [("a", "edit", "1"), ("b", "message", None), ("c", "log", "3")]
    rig.send(
        wire.encode_plain(
            json.dumps({"title": name}).encode(),
            source="s",
            event_id=name,
            event_type=kind,
            sse_id=sse,
        )
        for name, kind, sse in told
    )
    rig.run_dry()
    rows = sorted((r["event_id"], r["kind"], r["sse"], r["title"]) for r in rig.rows())
    assert rows == [(name, kind, sse, name) for name, kind, sse in told]


def test_what_is_plain_is_taken_in_at_once(monkeypatch):
    """Else all of the above compares one way with itself."""
    alone = []
    accept = Intake._accept
    monkeypatch.setattr(
        Intake,
        "_accept",
        lambda self, message, held: (alone.append(message.body), accept(self, message, held)),
    )
    rig = Rig()
    rig.send([OutMessage(json.dumps(event(f"e{n}"))) for n in range(9)] + [OutMessage("[1]")])
    rig.run_dry()
    assert rig.ids() == [f"e{n}" for n in range(9)]
    assert alone == ["[1]"]
