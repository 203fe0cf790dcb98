"""A field's value is a function of that field: whatever else its event, or the message, holds."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sluice_batcher.rows.columns import load_columns
from sluice_batcher.rows.columns.load import parse_columns
from sluice_batcher.rows.parse import RowParser
from sluice_batcher.rows.table import TableMaker

COLUMNS = """columns:
  - {name: s}
  - {name: i, type: int64}
  - {name: f, type: float64}
  - {name: b, type: bool}
  - {name: j, type: json}
  - {name: ts, type: timestamp}
  - {name: deep, path: o.p.q, type: float64}
  - {name: inner, path: o.j, type: json}
  - {name: odd, type: int64}
  - {name: event_id, path: "@event_id"}
  - {name: at, path: "@event_time"}
"""
EVERY_KIND = parse_columns(COLUMNS, "x.yaml", "x")
SHARED = parse_columns(
    COLUMNS + "  - {name: keyed, path: k}\n  - {name: keyed_json, path: k, type: json}\n",
    "x.yaml",
    "x",
)
KEYS = [
    "s",
    "i",
    "f",
    "b",
    "j",
    "ts",
    "o",
    "p",
    "q",
    "k",
    "time",
    "meta",
    "id",
    "dt",
    "\ud800",
    "x",
]
NUMBERS = st.sampled_from(
    [
        "-0",
        "-0.0",
        "1.0",
        "1.50",
        "1e5",
        "1E400",
        "9007199254740993",
        "9007199254740993.0",
        "9" * 30,
        "18446744073709551616",
        "-9223372036854775809",
        "0.1000000000000000055511151231257827",
        "9" * 1500,
        "1700000000123456789",
    ]
) | st.integers().map(str)
TEXTS = st.sampled_from(
    [
        r'"\ud800"',
        r'"\udc00x"',
        r'"\ud83d\ude00"',
        r'"\u0061"',
        r'"\\ud800"',
        '"0012"',
        '"5"',
        '"true"',
        '"2023-11-14T22:13:20Z"',
        '"1.50"',
        '""',
        '"é"',
        '"a\\nb"',
    ]
) | st.text(st.characters()).map(json.dumps)


def objects(values):
    pairs = st.tuples(st.sampled_from(KEYS).map(json.dumps), values).map(
        lambda p: f"{p[0]} : {p[1]}"
    )
    return st.lists(pairs, max_size=5).map(lambda all_of_it: "{ " + ", ".join(all_of_it) + "}")


VALUES = st.recursive(
    st.sampled_from(["null", "true", "false"]) | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda v: "[" + ",".join(v) + " ]") | objects(inner)
    ),
    max_leaves=8,
)


def table_of(parser, columns, events):
    parsed = parser.parse(events)
    message = SimpleNamespace(
        rows=parsed.rows,
        ids=parsed.ids,
        types=None,
        sse_ids=None,
        sent_at=1.8e9,
        native=parsed.native,
    )
    rows = TableMaker(columns, parser.shape).make([message])
    return rows.table.to_pylist(), parsed.bad


@pytest.mark.parametrize("columns", [EVERY_KIND, SHARED], ids=["own", "shared"])
@given(event=objects(VALUES), odd=st.sampled_from(['"five"', "[1]", r'"\ud800"', "1e400"]))
@example(event='{ "f" : 9007199254740993, "s": "" }', odd='"five"')
@example(event='{ "j" : {"a" : 1.50, "a": "\\u00e9"}, "s": "" }', odd='"five"')
@example(event='{ "s" : 1.50 }', odd='"five"')
@example(event='{ "o" : {"p" : {"q": 1}, "p": {}}, "s": "" }', odd=r'"\ud800"')
@example(event='{ "k" : [ 1.0, {"\\ud800": "\\ud83d\\ude00"} ]}', odd='"five"')
def test_an_odd_field_changes_no_other(event, odd, columns):
    parser = RowParser(columns, max_event_bytes=100_000)
    alone, bad = table_of(parser, columns, [event.encode()])
    beside = event.rstrip("}").rstrip() if event.endswith("{ }") else event[:-1]
    comma = "," if beside.strip() != "{" else ""
    other, other_bad = table_of(parser, columns, [f'{beside}{comma}"odd":{odd}}}'.encode()])
    assert not [b for b in bad + other_bad if b.reason != "no-column"]
    for row in alone + other:
        row.pop("event_id")
    assert other == alone


@given(objects(VALUES), st.sampled_from(["article", "recentchange", "every"]))
def test_the_fast_way_gives_what_the_lenient_way_gives(event, name):
    columns = EVERY_KIND if name == "every" else load_columns(name)
    fast, lenient = (RowParser(columns, max_event_bytes=100_000) for _ in range(2))
    lenient.shape.decode = None
    assert fast.shape.decode is not None
    assert table_of(fast, columns, [event.encode()]) == table_of(lenient, columns, [event.encode()])


@given(st.lists(objects(VALUES), max_size=4))
def test_a_neighbour_in_the_message_changes_nothing(events):
    parser = RowParser(EVERY_KIND, max_event_bytes=100_000)
    raw = [event.encode() for event in events]
    together, _ = table_of(parser, EVERY_KIND, [*raw, b"junk"])
    assert together == [row for event in raw for row in table_of(parser, EVERY_KIND, [event])[0]]


@pytest.mark.parametrize(
    ("field", "column", "expected"),
    [
        ('"f":9007199254740993', "f", None),
        ('"f":9007199254740992', "f", 9007199254740992.0),
        ('"i":9007199254740993.0', "i", None),
        ('"i":5.0', "i", 5),
        ('"s":1.50', "s", "1.50"),
        ('"s":[ 1.0 ]', "s", "[ 1.0 ]"),
        ('"s":"x\\ud800"', "s", "x\ufffd"),
        ('"j":{"a" : 1.50, "a": 2}', "j", '{"a" : 1.50, "a": 2}'),
        (
            '"j":["\\ud800", "\\ud83d\\ude00", "\\\\ud800"]',
            "j",
            '["\\ufffd", "\\ud83d\\ude00", "\\\\ud800"]',
        ),
        ('"k":0012, "k":7.10', "keyed", None),
        ('"k":7.10', "keyed", "7.10"),
        ('"k":"a\\u00e9"', "keyed", "aé"),
        ('"k":"a\\u00e9"', "keyed_json", '"a\\u00e9"'),
    ],
)
@pytest.mark.parametrize("odd", ["1", '"five"'])
def test_values_stay_what_they_are(field, column, expected, odd):
    parser = RowParser(SHARED, max_event_bytes=100_000)
    rows, bad = table_of(parser, SHARED, [f'{{{field}, "b":true, "odd":{odd}}}'.encode()])
    if "0012" in field:
        assert [b.reason for b in bad] == ["not-json"]
    else:
        assert [row[column] for row in rows] == [expected]
