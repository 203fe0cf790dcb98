import hashlib
import json
from types import SimpleNamespace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_batcher.rows.columns import ColumnSet, Kind, load_columns
from sluice_batcher.rows.columns.load import parse_columns
from sluice_batcher.rows.parse import RowParser
from sluice_batcher.rows.table import TableMaker
from sluice_core import reasons
from sluice_core.wire.event_id import event_id
from sluice_core.wire.event_time import DEFAULT_PATHS, event_time

ARTICLE = load_columns("article")
RECENTCHANGE = load_columns("recentchange")


ODD_IDS = (
    st.sampled_from([None, True, False, 0, 5, 1.5, "", "a", "\ud800", 2**63, 2**64, 10**30, [], {}])
    | st.text(st.characters())
    | st.integers()
)


def rows_of(columns: ColumnSet, events, ids=None, sent_at=1_800_000_000.0, limit=10_000):
    parser = RowParser(columns, max_event_bytes=limit)
    raw = [e if isinstance(e, bytes) else json.dumps(e).encode() for e in events]
    parsed = parser.parse(raw, ids)
    message = SimpleNamespace(
        rows=parsed.rows, ids=parsed.ids, sent_at=sent_at, native=parsed.native
    )
    return parsed, TableMaker(columns, parser.shape).make([message])


EVENT = {
    "$schema": "/mediawiki/recentchange/1.0.0",
    "meta": {"id": "e1", "dt": "2026-11-23T14:05:00Z", "domain": "de.wikipedia.org", "offset": 7},
    "id": 5,
    "type": "edit",
    "namespace": 0,
    "title": 'A "quoted", title\u2028',
    "comment": "",
    "timestamp": 1795442700,
    "user": "U",
    "bot": False,
    "length": {"old": 1, "new": 2},
    "log_params": {"a": [1, "é"]},
}


def test_article_row():
    _, rows = rows_of(ARTICLE, [EVENT])
    assert rows.table.to_pylist() == [
        {
            "id": 5,
            "type": "edit",
            "namespace": 0,
            "title": 'A "quoted", title\u2028',
            "comment": "",
            "timestamp": 1795442700,
            "user": "U",
            "bot": False,
            "event_id": "e1",
        }
    ]


def test_recentchange_row_is_flat_and_typed():
    _, rows = rows_of(RECENTCHANGE, [EVENT])
    row = rows.table.to_pylist()[0]
    assert (row["length_old"], row["length_new"], row["revision_old"]) == (1, 2, None)
    assert row["timestamp"].isoformat() == "2026-11-23T14:05:00+00:00"
    assert row["meta_dt"] == row["timestamp"]
    assert row["meta_offset"] == 7
    assert row["schema"] == "/mediawiki/recentchange/1.0.0"
    assert json.loads(row["log_params"]) == {"a": [1, "é"]}
    assert row["minor"] is None


@pytest.mark.parametrize(
    ("odd", "column", "expected"),
    [
        ({"id": "12"}, "id", 12),
        ({"id": "x"}, "id", None),
        ({"id": 5.0}, "id", 5),
        ({"id": 2**63}, "id", None),
        ({"id": None}, "id", None),
        ({"title": 7}, "title", "7"),
        ({"title": 1.25}, "title", "1.25"),
        ({"title": ["a"]}, "title", '["a"]'),
        ({"user": None}, "user", None),
        ({"bot": "true"}, "bot", True),
        ({"bot": "perhaps"}, "bot", None),
        ({"length": 5}, "length_old", None),
        ({"length": {"old": "9"}}, "length_old", 9),
        ({"meta": "gone"}, "meta_domain", None),
        ({"log_params": "text"}, "log_params", '"text"'),
        ({"log_params": []}, "log_params", "[]"),
        ({"log_params": None}, "log_params", None),
        ({"timestamp": "never"}, "timestamp", None),
    ],
)
def test_odd_fields_never_fail_their_neighbours(odd, column, expected):
    parsed, rows = rows_of(RECENTCHANGE, [EVENT, {**EVENT, **odd}, EVENT])
    assert not parsed.bad
    assert rows.table.column(column).to_pylist()[1] == expected
    _, alone = rows_of(RECENTCHANGE, [EVENT])
    kept = rows.table.to_pylist()
    assert kept[0] == kept[2] == alone.table.to_pylist()[0]


def test_nulled_values_are_counted():
    parsed, rows = rows_of(RECENTCHANGE, [{**EVENT, "id": "x", "timestamp": "never"}, EVENT])
    assert rows.nulled == 2
    assert not parsed.bad


def test_bad_events_come_back_with_place_and_reason():
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    events = [EVENT, b"not json", b"[1]", b'{"a": NaN}', b'{"title": "\xff"}', b"", b"{} {}", EVENT]
    parsed, rows = rows_of(ARTICLE, events)
    assert [(bad.position, bad.reason) for bad in parsed.bad] == [
        (1, reasons.NOT_JSON),
        (2, reasons.NOT_OBJECT),
        (3, reasons.NOT_JSON),
        (4, reasons.BAD_UTF8),
        (5, reasons.NOT_JSON),
        (6, reasons.NOT_JSON),
    ]
    assert [bad.event for bad in parsed.bad] == events[1:-1]
    assert rows.ids == ["e1", "e1"]
    assert list(parsed.positions) == [0, 7]
    parsed, rows = rows_of(ARTICLE, [EVENT, deep], limit=2_000_000)
    assert [bad.reason for bad in parsed.bad] == [reasons.BAD_EVENT]


def test_an_event_over_the_limit():
    parsed, rows = rows_of(ARTICLE, [EVENT, {**EVENT, "comment": "x" * 1000}], limit=900)
    assert [(bad.position, bad.reason) for bad in parsed.bad] == [(1, reasons.TOO_LARGE)]
    assert len(rows) == 1


def test_event_id_is_what_travelled_else_meta_id_else_the_hash():
    stranger = b'{"title": "hello"}'
    _, rows = rows_of(ARTICLE, [EVENT, EVENT, stranger, stranger], ids=["c0", "", "c2", ""])
    assert rows.ids == ["c0", "e1", "c2", hashlib.sha256(stranger).hexdigest()]
    _, rows = rows_of(ARTICLE, [{"meta": {"id": 17}}, b"junk", {"meta": {"id": ""}}])
    assert rows.ids == ["17", hashlib.sha256(b'{"meta": {"id": ""}}').hexdigest()]
    _, rows = rows_of(ARTICLE, [{"meta": {"id": 17}}, b"junk", {"id": 1}], ids=list("abc"))
    assert rows.ids == ["a", "c"]
    assert rows.table.column("event_id").to_pylist() == rows.ids


@given(ODD_IDS, st.booleans(), st.sampled_from([None, "sse"]))
def test_event_id_is_what_the_account_computes(meta_id, odd, sse):
    event = {**EVENT, "meta": {"id": meta_id}} | ({"namespace": "x\ud800"} if odd else {})
    raw = json.dumps(event).encode()
    _, rows = rows_of(ARTICLE, [raw, b"junk"], ids=[sse or "", ""])
    _, alone = rows_of(ARTICLE, [raw], ids=[sse or ""])
    assert rows.ids == alone.ids == [event_id(raw, sse)]


def test_event_time_is_dt_else_timestamp_else_receipt():
    events = [
        EVENT,
        {"timestamp": 1795442700},
        {"meta": {"dt": "soon"}, "timestamp": 1795442700000, "id": 1},
        {"timestamp": "2026-11-23T14:05:00+00:00", "id": 1},
        {"id": 1},
    ]
    for columns in (ARTICLE, RECENTCHANGE):
        _, rows = rows_of(columns, events, sent_at=1_800_000_000.5)
        times = [t.timestamp() for t in rows.times.to_pylist()]
        assert times == [1795442700.0] * 4 + [1_800_000_000.5]


VALUE = (
    st.none() | st.integers(0, 2 * 10**12) | st.text(max_size=3) | st.just("2023-11-14T22:13:20Z")
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"title": st.just("a")},
            optional=dict.fromkeys(("time", "timestamp", "created_at", "ts"), VALUE)
            | {"meta": st.none() | st.fixed_dictionaries({"dt": VALUE})},
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_rows_time_is_the_one_that_the_producer_reads(events):
    for columns in (ARTICLE, RECENTCHANGE):
        _, rows = rows_of(columns, events, sent_at=1.0)
        told = [event_time(json.dumps(event).encode(), DEFAULT_PATHS) for event in events]
        expected = [1_000_000 if micros is None else micros for micros in told]
        assert rows.times.cast(pa.int64()).to_pylist() == expected
        assert rows.untimed == told.count(None)


def test_a_column_inside_another_takes_the_slow_way_and_is_right():
    text = """columns:
  - {name: meta, type: json}
  - {name: domain, path: meta.domain}
  - {name: at, path: "@event_time"}
"""
    parsed, rows = rows_of(parse_columns(text, "x.yaml", "x"), [EVENT, {"meta": 5}])
    first, second = rows.table.to_pylist()
    assert json.loads(first["meta"]) == EVENT["meta"]
    assert (first["domain"], rows.ids[0]) == ("de.wikipedia.org", "e1")
    assert first["at"].isoformat() == "2026-11-23T14:05:00+00:00"
    assert (second["meta"], second["domain"]) == ("5", None)
    assert not parsed.bad


def test_two_columns_of_one_field():
    text = """columns:
  - {name: text, path: id}
  - {name: number, path: id, type: int64}
  - {name: raw, path: id, type: json}
  - {name: when, path: id, type: timestamp}
"""
    columns = parse_columns(text, "x.yaml", "x")
    _, rows = rows_of(columns, [{"id": 5}, {"id": "x\ud800"}, {"id": 1.5}])
    assert rows.table.column("text").to_pylist() == ["5", "x\ufffd", "1.5"]
    assert rows.table.column("number").to_pylist() == [5, None, None]
    assert rows.table.column("raw").to_pylist() == ["5", '"x\\ufffd"', "1.5"]
    assert [t and t.timestamp() for t in rows.table.column("when").to_pylist()] == [
        5,
        None,
        1.5,
    ]


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
NAMES = ["id", "type", "title", "timestamp", "bot", "log_params", "length", "meta"]
EVENTS = st.lists(
    st.dictionaries(st.sampled_from(NAMES), ODD)
    | st.fixed_dictionaries({"meta": st.dictionaries(st.sampled_from(["id", "dt", "offset"]), ODD)})
    | st.just(EVENT),
    max_size=4,
)


@given(EVENTS, st.booleans())
def test_fast_and_lenient_way_agree(events, wide):
    """An event's row is the same whoever stands beside it: a neighbour that forces the lenient way, or none."""
    columns = RECENTCHANGE if wide else ARTICLE
    _, together = rows_of(columns, [*events, b"not json"])
    apart = [rows_of(columns, [event]) for event in events]
    assert together.ids == [i for _, rows in apart for i in rows.ids]
    assert together.times.to_pylist() == [t for _, rows in apart for t in rows.times.to_pylist()]
    assert together.table.to_pylist() == [r for _, rows in apart for r in rows.table.to_pylist()]
    assert together.table.schema == columns.schema


@given(st.lists(st.binary(max_size=20) | st.just(b'{"id": 1}'), max_size=5))
def test_every_event_is_a_row_or_bad_never_lost(events):
    parsed, rows = rows_of(ARTICLE, events)
    assert sorted([*parsed.positions, *(bad.position for bad in parsed.bad)]) == list(
        range(len(events))
    )
    assert len(rows) == len(parsed.positions)


def test_kinds_are_complete():
    assert {column.kind for column in RECENTCHANGE.columns} <= set(Kind)
