"""Columns from the events' text: the rows, ids and dead letters that there would be event by event."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sluice_batcher.inflight.held import Held
from sluice_batcher.rows.columns.load import parse_columns
from sluice_batcher.rows.native import Native
from sluice_batcher.rows.parse import RowParser, asked_of_all
from sluice_batcher.rows.refusals import Refusals
from sluice_batcher.rows.table import TableMaker
from sluice_batcher.testing import Rig, event, pack
from sluice_core import reasons
from sluice_core.wire.event_time import DEFAULT_PATHS
from sluice_core.wire.lines import Lines

PLAIN = [("s", "string"), ("i", "int64"), ("b", "bool")]
FIELDS = [(f"{name}{number}", kind) for name, kind in PLAIN for number in range(4)]
COLUMNS = parse_columns(
    "columns:\n"
    + "".join(f"  - {{name: {name}, type: {kind}}}\n" for name, kind in FIELDS)
    + """
  - {name: f, type: float64}
  - {name: j, type: json}
  - {name: deep_s, path: o.p.s}
  - {name: deep_i, path: o.i, type: int64}
  - {name: timestamp, type: int64}
  - {name: t, type: timestamp}
  - {name: event_id, path: "@event_id"}
  - {name: at, path: "@event_time"}
""",
    "x.yaml",
    "x",
)
LIMIT = 3000
NATIVE = Native.of(COLUMNS, asked_of_all(DEFAULT_PATHS))
assert NATIVE is not None


def made(events, native, ids=None):
    """What a message becomes: its rows with their ids, what was counted, and the dead letters."""
    parser = RowParser(COLUMNS, max_event_bytes=LIMIT, native=native)
    if native is not None:
        native.refusals = Refusals()
    text = Lines(b"".join(e + b"\n" for e in events)) if isinstance(events, list) else events
    parsed = parser.parse(text if native else list(text), ids)
    held = Held("m", "h", 1.8e9, 0.0, 0.0, 0.0, rows=parsed.rows, ids=parsed.ids)
    held.events, held.positions = text, parsed.positions
    held.ends, held.native = parsed.ends, parsed.native
    rows = TableMaker(COLUMNS, parser.shape, native=native).make([held, held])
    bad = [(b.position, b.reason, b.detail, b.event) for b in parsed.bad]
    counted = (rows.nulled, rows.untimed)
    return (rows.table.to_pylist(), rows.ids, rows.times.to_pylist(), counted, bad), parsed.native


TEXTS = st.sampled_from(
    [r'"\ud800"', r'"\udc00x"', r'"\ud83d\ude00"', r'"\u0000"', '"5"', '"é\u2028"', '""']
) | st.text(st.characters()).map(json.dumps)
NUMBERS = st.sampled_from(
    ["-0", "-0.0", "1.0", "1e5", "1E400", "9007199254740993", "9" * 30, "9223372036854775808", "01"]
)
ODD = (
    TEXTS
    | NUMBERS
    | st.sampled_from(["null", "true", "false", "NaN", "Infinity", "[1]", "{}", '{"a":{}}', "[}"])
)
GOOD = {
    "string": TEXTS,
    "int64": st.integers(-(2**63), 2**63 - 1).map(str),
    "bool": st.sampled_from(["true", "false"]),
}
INNER = ['{"p":{"s":"x"},"i":7}', '{"p":null}', '{"p":{"s":null},"i":1.0}', '{"i":1,"i":2}', "null"]
TIMES = st.sampled_from(['"2026-11-23T14:00:00Z"', "1800000000", "1.5", '"never"'])


def field(name, value):
    return value.map(lambda text: f"{json.dumps(name)}: {text}")


NONE = st.nothing()


def plain_events(odd=NONE):
    """Events of what the columns expect, with whatever `odd` gives in their place."""
    fields = [field(name, GOOD[kind] | odd) for name, kind in FIELDS]
    fields += [
        field("o", st.sampled_from(INNER)),
        field(
            "meta",
            st.sampled_from(
                ['{"id":"x"}', '{"id":"é","dt":"2026-11-23T14:00:00Z"}', "{}", '{"id":5}']
            ),
        ),
    ]
    fields += [field(name, TIMES) for name in ("timestamp", "t", "ts")]
    fields += [field("j", ODD), field("f", NUMBERS), field("other", GOOD["string"] | odd)]
    return st.lists(st.one_of(fields), max_size=6).map(
        lambda all_of_it: "{" + ",".join(all_of_it) + "}"
    )


BYTES = st.sampled_from(
    [
        b"",
        b"{}{}",
        b'{"s0":1}{"s1":2}',
        b" {}",
        b"{} ",
        b"[1]",
        b"\xff",
        b'{"s0":"\xff"}',
        b'{"meta":{"id":"x"},"s0":"\xff"}',
        b'{"meta":{"id":"x"},"other":"\xff"}',
        b'{"other":"\xff"}',
        b'{"i0":1}\r',
        b'{"s0":\r"a"}',
        b'{"s0":"' + b"x" * LIMIT + b'"}',
        b"{" * 40 + b"}",
        b'{"j":[{}',
        b'{"s0":"\t"}',
    ]
)
EVENTS = plain_events().map(str.encode) | plain_events(ODD).map(str.encode) | BYTES


@given(st.lists(EVENTS, min_size=1, max_size=6))
@example([b'{"j":[{}', b"{}]}", b'{"s0":"a"}{"s0":"b"}'])
@example([b'{"s0":"a"}{"s0":"b"}', b""])
@example([b'{"s0":"a","s0":"b"}'])
@example([b'{"meta":{"id":"x"},"s0":"\xff"}'])
@example([b'{"s0":"\\udc00"}'])
@example([b'{"s0":"a","i0":5.0}'])
@example([b'{"s0":"a"}', b'{"nothing":"of ours"}'])
def test_rows_are_those_of_the_events_one_by_one(events):
    assert made(events, NATIVE)[0] == made(events, None)[0]


@given(st.lists(plain_events(ODD).map(str.encode), min_size=1, max_size=3), st.data())
def test_a_broken_byte_breaks_the_same_events(events, data):
    text = b"".join(event + b"\n" for event in events)
    at = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.sampled_from(b'{}[]",:\\\n\r 0\xc3\xa9\xf0N'))
    broken = Lines(text[:at] + bytes([byte]) + text[at + 1 :])
    assert made(broken, NATIVE)[0] == made(broken, None)[0]


@given(st.lists(st.sampled_from(['"a"', '"b\\n"', "null"]), min_size=12, max_size=12))
def test_what_is_plain_comes_from_the_text(values):
    fields = [
        f'"{name}":{v}' for (name, kind), v in zip(FIELDS, values, strict=True) if kind == "string"
    ]
    text = f'{{"meta":{{"id":"x"}},"o":{{"i":5}},{",".join(fields)}}}'.encode()
    assert made([text, text], NATIVE)[1]
    found = NATIVE.read(text + b"\n", 1)
    assert {".".join(path) for path in found} == {
        *(name for name, _ in FIELDS), "o.p.s", "o.i"}  # fmt: skip
    assert found["o", "i"].to_pylist() == [5]


@pytest.mark.parametrize(
    "text", [b'{"i0":"five"}\n', b'{"s0":1}\n', b'{"i0":2}{"i0":3}\n', b'{"s0":"\\udc00"}\n']
)
def test_what_is_not_plain_is_refused(text):
    assert NATIVE.read(text, 1) is None


def test_few_columns_are_not_worth_it():
    few = parse_columns("columns:\n  - {name: a}\n", "x.yaml", "x")
    assert Native.of(few, asked_of_all(DEFAULT_PATHS)) is None


def test_a_bad_event_and_an_odd_one_leave_all_others_as_they_are():
    rig = Rig(columns="recentchange", batch_max_rows=1000, partition_by="none")
    odd = event("odd", user=7, length={"old": "12", "new": 3.0})
    messages = [
        pack([event(f"a{n}", user=f"u{n}", bot=True) for n in range(3)]),
        pack([event("b0", user="v"), b'{"user": "\xff"}', odd]),
        pack([event("c0", user="w"), odd]),
        pack([event("d0", length={"new": 9})]),
    ]
    rig.send(messages)
    rig.run_dry()
    rows = {row["event_id"]: row for row in rig.rows()}
    assert sorted(row["event_id"] for row in rig.rows()) == sorted(
        ["a0", "a1", "a2", "b0", "odd", "c0", "odd", "d0"]
    )
    assert [rows[f"a{n}"]["user"] for n in range(3)] == ["u0", "u1", "u2"]
    assert (rows["odd"]["user"], rows["odd"]["length_old"], rows["odd"]["length_new"]) == (
        "7",
        12,
        3,
    )
    assert rows["d0"]["length_new"] == 9
    assert [(d.reason, d.position) for d in rig.dead()] == [(reasons.BAD_UTF8, 1)]
    assert len(rig.queue) == 0
