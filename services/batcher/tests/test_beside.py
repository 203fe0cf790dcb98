"""What travels beside the events becomes columns, whatever stands between them, and goes along with dead letters."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sluice_batcher.testing import Rig
from sluice_core import wire
from sluice_core.aws.messages import OutMessage
from sluice_core.lake.reader import read_table

COLUMNS = """columns:
  - {name: event_id, path: "@event_id"}
  - {name: kind, path: "@event_type"}
  - {name: sse_id, path: "@sse_id"}
  - {name: n, type: int64}
"""


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    path = tmp_path_factory.mktemp("columns") / "columns.yaml"
    path.write_text(COLUMNS)
    return path


def rows_of(columns, *messages, **options):
    rig = Rig(columns=columns, batch_max_rows=100, **options)
    rig.send(messages)
    rig.run_dry()
    return rig, sorted(rig.rows(), key=lambda row: row["event_id"])


def row(event_id, kind, sse_id, n):
    return {"event_id": event_id, "kind": kind, "sse_id": sse_id, "n": n}


def test_types_and_sse_ids_of_a_pack_with_a_bad_event_in_it(columns):
    events = [b'{"n":0}', b"no json", b'{"n":2}', b'{"n":3,"meta":{"id":"own"}}']
    message = wire.encode_pack(
        events,
        source="s",
        ids=["a", "b", "c", "d"],
        carry_ids=True,
        types=["update", "delete", "message", "delete"],
        sse_ids=["7", "8", None, "10"],
    )
    rig, rows = rows_of(columns, message)
    assert rows == [
        row("a", "update", "7", 0),
        row("c", "message", None, 2),
        row("d", "delete", "10", 3),
    ]
    (dead_letter,) = rig.dead()
    assert dead_letter.original == {
        wire.A_FIRST_ID: "b",
        wire.A_EVENT_TYPE: "delete",
        wire.A_SSE_ID: "8",
    }


def test_a_dead_letter_that_is_mended_and_sent_back_is_the_same_event(columns):
    name = "odd\n\x00id"
    packed = wire.encode_pack(
        [b"no json"], source="s", ids=[name], carry_ids=True, types=["up\x00"], sse_ids=["\uffff"]
    )
    rig, _ = rows_of(columns, packed)
    (dead_letter,) = rig.dead()
    _, rows = rows_of(columns, OutMessage('{"n":1}', dead_letter.original))
    assert rows == [row(name, "up\x00", "\uffff", 1)]


def test_messages_with_and_without(columns):
    plain = wire.encode_plain(b'{"n":1}', source="s", event_id="1", event_type="update", sse_id="5")
    bare = wire.encode_plain(b'{"n":2}', source="s", event_id="2")
    stranger = OutMessage('{"n":3,"meta":{"id":"3"}}')
    pack = wire.encode_pack([b'{"n":4}'], source="s", ids=["4"], carry_ids=True)
    _, rows = rows_of(columns, plain, bare, stranger, pack)
    assert rows == [
        row("1", "update", "5", 1),
        row("2", "message", None, 2),
        row("3", "message", None, 3),
        row("4", "message", None, 4),
    ]


def test_a_stranger_s_half_surrogates_stop_nothing(columns):
    pack = wire.encode_pack(
        [b'{"n":1,"meta":{"id":"own"}}', b'{"n":2}'],
        source="s",
        ids=["\ud800", "x"],
        carry_ids=True,
        types=["\udc00", "y"],
        sse_ids=["\udfff", "z"],
    )
    _, rows = rows_of(columns, pack)
    assert rows == [row("own", None, None, 1), row("x", "y", "z", 2)]


def test_what_a_transform_fails_on_keeps_all_of_it(columns, monkeypatch, tmp_path):
    (tmp_path / "beside_hook.py").write_text("def fail(frame):\n    raise ValueError('no')\n")
    monkeypatch.syspath_prepend(tmp_path)
    message = wire.encode_pack(
        [b"bad", b'{"n":1}'],
        source="s",
        ids=["a", "b"],
        carry_ids=True,
        types=["t", "u"],
        sse_ids=["7", "8"],
    )
    rig, rows = rows_of(columns, message, transform="beside_hook:fail")
    assert rows == []
    told = {dead_letter.reason: dead_letter.original for dead_letter in rig.dead()}
    assert told["transform-failed"] == {
        wire.A_FIRST_ID: "b",
        wire.A_EVENT_TYPE: "u",
        wire.A_SSE_ID: "8",
    }


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(TEXT, TEXT, st.none() | TEXT), min_size=1, max_size=6), st.booleans())
def test_ids_types_and_sse_ids_are_in_the_rows_unchanged(columns, told, packed):
    ids, types, sse_ids = (list(part) for part in zip(*told, strict=True))
    events = [b'{"n":%d,"meta":{"id":"m"}}' % n for n in range(len(told))]
    if packed:
        messages = [
            wire.encode_pack(
                events, source="s", ids=ids, carry_ids=True, types=types, sse_ids=sse_ids
            )
        ]
    else:
        messages = [
            wire.encode_plain(e, source="s", event_id=i, event_type=t, sse_id=s)
            for e, (i, t, s) in zip(events, told, strict=True)
        ]
    rig = Rig(columns=columns, batch_max_rows=100)
    rig.send(messages)
    rig.run_dry()
    found = sorted(rig.rows(), key=lambda r: r["n"])
    assert [(r["event_id"], r["kind"], r["sse_id"]) for r in found] == told


ODD_IDS = [
    *("a\nb", "tab\t", "nul\x00x", "\uffff", "é" * 3000, "-", "\\u0041", " ", "  x ", "x" * 2048),
    *("a\rb", "a\r\nb", 'q"q', "a,b", "'", '"', "\u2028", "\ufeffx"),
    *("NA", "null", "nan", "0012", "1e5", "True", "1.0", "9007199254740993", "#N/A", "None"),
]


@pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
def test_ids_are_unchanged_in_what_a_reader_gets_out_of_an_object(columns, fmt):
    events = [b'{"n":1}'] * len(ODD_IDS)
    rig = Rig(columns=columns, format=fmt, batch_max_rows=100)
    rig.send([wire.encode_pack(events, source="s", ids=ODD_IDS, carry_ids=True)])
    rig.run_dry()
    (key,) = rig.bucket.objects
    table = read_table(key, rig.bucket.objects[key].body, columns=["event_id"])
    assert table.column(0).to_pylist() == ODD_IDS
