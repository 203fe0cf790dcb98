"""A stream that the fast way refuses is not read twice for ever; its rows are the same."""

import json

import pytest
from sluice_batcher.inflight.held import Held
from sluice_batcher.rows.columns.load import load_columns
from sluice_batcher.rows.native import Native
from sluice_batcher.rows.parse import RowParser, asked_of_all
from sluice_batcher.rows.refusals import Refusals
from sluice_batcher.rows.table import TableMaker
from sluice_core.wire.event_time import DEFAULT_PATHS
from sluice_core.wire.lines import Lines

COLUMNS = load_columns("recentchange")
PATIENCE = 8


def tried(refusals, messages):
    return [n for n in range(messages) if refusals.worth_a_try()]


def test_all_are_tried_until_many_in_a_row_were_refused():
    refusals = Refusals()
    for _ in range(PATIENCE - 1):
        refusals.refused()
    assert tried(refusals, 5) == [0, 1, 2, 3, 4]
    refusals.taken()
    for _ in range(PATIENCE - 1):
        refusals.refused()
    assert not refusals.many
    refusals.refused()
    assert refusals.many


def test_the_longer_it_is_refused_the_fewer_are_tried_but_never_none():
    refusals = Refusals()
    for _ in range(PATIENCE):
        refusals.refused()
    gaps = []
    for _ in range(10):
        gaps.append(tried(refusals, 5000)[:2])
        refusals.refused()
    steps = [second - first for first, second in gaps]
    assert steps == [16, 32, 64, 128, 256, 512, 1024, 1024, 1024, 1024]


def test_one_that_is_taken_brings_all_back():
    refusals = Refusals()
    for _ in range(PATIENCE + 3):
        refusals.refused()
    refusals.taken()
    assert tried(refusals, 3) == [0, 1, 2]


def event(number, odd):
    return json.dumps(
        {
            "meta": {"id": f"e{number}", "dt": "2026-11-23T14:00:00Z"},
            "id": str(number) if odd else number,
            "user": f"u{number}",
        }
    ).encode()


class Reading:
    """A parser and a table maker over messages of `size` events each."""

    def __init__(self, native=None):
        self.native = native
        self.parser = RowParser(COLUMNS, max_event_bytes=10_000, native=native)
        self.tables = TableMaker(COLUMNS, self.parser.shape, native=native)
        self.number = 0

    def message(self, size, *, odd):
        text = b"".join(event(self.number + n, odd) + b"\n" for n in range(size))
        self.number += size
        parsed = self.parser.parse(Lines(text))
        held = Held("m", "h", 1.8e9, 0.0, 0.0, 0.0, rows=parsed.rows, ids=parsed.ids)
        held.events, held.positions = Lines(text), parsed.positions
        held.ends, held.native, held.size = parsed.ends, parsed.native, len(text)
        return held


def reading():
    return Reading(Native.of(COLUMNS, asked_of_all(DEFAULT_PATHS)))


def test_packs_that_are_always_refused_are_soon_left_to_the_other_way():
    stream, other = reading(), Reading()
    for batch in range(4):
        messages = [stream.message(40, odd=True) for _ in range(20)]
        assert [held.native for held in messages].count(True) == (20, 1, 0, 1)[batch]
        rows = stream.tables.make(messages)
        expected = other.tables.make([other.message(40, odd=True) for _ in range(20)])
        assert rows.table.equals(expected.table)
        assert rows.ids == expected.ids


def test_packs_that_are_as_expected_again_go_the_fast_way_again():
    stream = reading()
    stream.tables.make([stream.message(40, odd=True) for _ in range(20)])
    messages = [stream.message(40, odd=False) for _ in range(20)]
    assert not all(held.native for held in messages)
    stream.tables.make(messages)
    assert all(stream.message(40, odd=False).native for _ in range(20))


HALF = set(range(0, 300, 2))


@pytest.mark.parametrize(
    ("size", "odd", "many"),
    [
        (1, {0}, False),
        (1, {17, 18, 200, 299}, False),
        (1, HALF, False),
        (40, {0, 299}, False),
        (40, HALF, False),
        (40, set(range(300)), True),
        (1, set(), False),
    ],
)
def test_odd_messages_among_others_leave_all_others_as_they_are(size, odd, many):
    stream, other = reading(), Reading()
    rows = stream.tables.make([stream.message(size, odd=n in odd) for n in range(300)])
    expected = other.tables.make([other.message(size, odd=n in odd) for n in range(300)])
    assert rows.table.equals(expected.table)
    assert (rows.ids, rows.nulled) == (expected.ids, expected.nulled)
    assert stream.native is not None
    assert stream.native.refusals.many == many
