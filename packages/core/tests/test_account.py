"""The account, against a model that counts with Python's own counters."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core.lake.account import account
from sluice_core.lake.ids import codes_of
from sluice_core.lake.told import FILTERED, MUST, REPEATED, Telling, Told
from sluice_core.wire.event_id import digest, event_id

ids = st.lists(st.sampled_from([f"id-{n}" for n in range(12)] + ["é", "", " "]), max_size=40)


@given(source=ids, filtered=ids, rows=ids, dead=ids, pending=ids)
def test_account_is_that_of_counters(
    source: list[str], filtered: list[str], rows: list[str], dead: list[str], pending: list[str]
) -> None:
    found = account(
        source=source, filtered=filtered, rows=rows, dead=dead, pending=pending, samples=100
    )
    came, stored, dead_lettered, waiting = map(Counter, (source, rows, dead, pending))
    wanted = Counter({name: n for name, n in came.items() if name not in filtered})
    given_events = came | Counter(set(filtered))
    lost = wanted - (stored + dead_lettered + waiting)
    assert found.source == given_events.total()
    assert found.filtered == (given_events - wanted).total()
    assert found.rows == len(rows)
    assert found.stored == len(stored)
    assert found.duplicates == (stored - (given_events | Counter(stored.keys()))).total()
    assert found.lost == lost.total()
    assert set(found.samples["lost"]) == set(lost)
    strange = (stored.keys() | dead_lettered.keys() | waiting.keys()) - given_events.keys()
    assert set(found.samples["unexpected"]) == strange
    assert found.unexpected == sum(stored[i] + dead_lettered[i] + waiting[i] for i in strange)
    wanting = wanted - stored
    from_dead = {i: min(dead_lettered[i], wanting[i]) or (not stored[i]) for i in dead_lettered}
    assert found.dead_lettered == sum(from_dead.values())
    assert set(found.samples["pending"]) >= set((wanting - dead_lettered) & waiting)
    # What is wanted is in exactly one place.
    got = (wanted & (stored + dead_lettered + waiting)).total()
    assert got + lost.total() == wanted.total()
    assert found.untold_ids == sum(n > 1 for n in came.values())


def told(*entries: tuple[str, int, int, int]) -> Told:
    """Entries of (id, state, digest, run)."""
    names, states, digests, runs = zip(*entries, strict=True) if entries else ((), (), (), ())
    return Told(
        pa.chunked_array([names], pa.large_string()),
        np.array(states, np.uint8),
        np.array(digests, np.uint64),
        np.array(runs, np.int32),
    )


def test_an_id_that_came_twice_must_be_there_twice() -> None:
    source = told(("a", MUST, 7, 0), ("a", MUST, 7, 0), ("b", MUST, 8, 0))
    found = account(source=source, rows=["a", "b"])
    assert (found.source, found.lost, found.duplicates) == (3, 1, 0)
    assert found.samples["lost"] == ["a"]
    whole = account(source=source, rows=["a", "b", "a"])
    assert (whole.lost, whole.duplicates, whole.conflicting_ids, whole.untold_ids) == (0, 0, 0, 0)
    assert account(source=source, rows=["a"] * 3 + ["b"]).duplicates == 1


def test_events_that_differ_under_one_id_are_told_of() -> None:
    """Three connections, each with ids 0 to 4 and data of its own: five ids are 15 events."""
    source = told(*((str(n), MUST, 10 * c + n, 0) for c in range(1, 4) for n in range(5)))
    rows = [str(n) for _ in range(3) for n in range(5)]
    whole, cut = account(source=source, rows=rows), account(source=source, rows=rows[:5])
    assert (whole.source, whole.lost, whole.conflicting_ids) == (15, 0, 5)
    assert (cut.lost, cut.conflicting_ids) == (10, 5)


def test_what_was_sent_again_after_a_restart_is_a_duplicate_and_no_second_event() -> None:
    ledger = told(("a", MUST, 7, 1), ("b", MUST, 8, 1), ("a", MUST, 7, 2))
    both = account(source=None, ledger=ledger, rows=["a", "a", "b"])
    assert (both.source, both.lost, both.duplicates, both.unclear) == (2, 0, 1, 0)
    one = account(source=None, ledger=ledger, rows=["a", "b"])
    assert (one.lost, one.unclear) == (0, 1)
    assert account(source=None, ledger=ledger, rows=["b"]).lost == 1
    # The source knows that it came once.
    source = told(("a", MUST, 7, 0), ("b", MUST, 8, 0))
    known = account(source=source, ledger=ledger, rows=["a", "b"])
    assert (known.lost, known.unclear) == (0, 0)


@pytest.mark.parametrize(("second", "lost", "conflicting"), [(7, 0, 0), (9, 1, 1)])
def test_what_the_producer_dropped_as_known(second: int, lost: int, conflicting: int) -> None:
    """The same event again need not be there twice; another one under its id is a loss."""
    source = told(("a", MUST, 7, 0), ("a", MUST, second, 0))
    ledger = told(("a", MUST, 7, 1), ("a", REPEATED, second, 1), ("a", REPEATED, second, 1))
    found = account(source=source, ledger=ledger, rows=["a"])
    assert (found.lost, found.conflicting_ids) == (lost, conflicting)
    alone = account(source=None, ledger=ledger, rows=["a"])
    assert (alone.lost, alone.conflicting_ids) == (0, conflicting)
    assert account(source=source, ledger=ledger, rows=[]).lost == 1 + lost


def test_what_was_filtered_exempts_as_many_as_were_filtered() -> None:
    source = told(*(("a", MUST, 7, 0) for _ in range(3)))
    ledger = told(("a", FILTERED, 7, 1), ("a", MUST, 7, 1))
    assert account(source=source, ledger=ledger, rows=["a"]).lost == 1
    assert account(source=source, ledger=ledger, rows=["a", "a"]).lost == 0


def test_rows_that_a_transform_left_out_are_no_loss_up_to_their_number() -> None:
    found = account(source=["a", "b", "c"], rows=["a"], dropped=1)
    assert (found.lost, found.dropped) == (1, 1)
    assert account(source=["a", "b", "c"], rows=["a"], dropped=5).dropped == 2


@given(source=ids, seen=ids)
def test_a_source_is_cut_after_the_last_event_that_its_reader_knows(
    source: list[str], seen: list[str]
) -> None:
    told, seen_too = Telling.of(Told.of(source)), Telling.of(Told.of(seen))
    head, rest = told.up_to_last_of(seen_too)
    counts = Counter(seen)
    end, passed = 0, Counter[str]()
    for place, name in enumerate(source):
        end = place + 1 if passed[name] < counts[name] else end
        passed[name] += 1
    assert (head.whole().ids.to_pylist(), rest) == (source[:end], len(source) - end)


@given(source=ids, rows=ids)
def test_arrays_and_lists_give_the_same_account(source: list[str], rows: list[str]) -> None:
    half = len(rows) // 2
    chunks = pa.chunked_array([rows[:half], rows[half:]], pa.string())
    plain = account(source=source, rows=rows)
    assert account(source=pa.array(source, pa.string()), rows=chunks) == plain


def test_without_a_source_loss_is_not_known() -> None:
    found = account(source=None, rows=["a", "a"], dead=["b"])
    assert (found.source, found.lost, found.unexpected) == (None, None, None)
    assert (found.duplicates, found.dead_lettered) == (1, 1)


def test_an_uncertain_id_is_settled_by_what_the_source_knows() -> None:
    found = account(
        source=["a", "sha-b", "c"], rows=["a"], dead=[("b", "sha-b"), ("c", "sha-c"), ("x", "y")]
    )
    assert found.lost == 0
    assert found.dead_lettered == 3
    assert found.samples["unexpected"] == ["x"]


def test_more_ids_than_one_chunk() -> None:
    many = [f"{n:036d}" for n in range(250_000)]
    found = account(source=iter(many), rows=iter(many[:-1] + many[:3]), samples=9)
    assert (found.lost, found.duplicates) == (1, 3)
    assert found.samples["lost"] == [many[-1]]


@given(parts=st.lists(st.lists(ids, max_size=4), min_size=1, max_size=3))
def test_codes_name_the_ids_of_every_chunk(parts: list[list[list[str]]]) -> None:
    chunked = [pa.chunked_array(chunks, pa.large_string()) for chunks in parts]
    names, codes = codes_of(chunked)
    assert len(set(names.to_pylist())) == len(names)
    for chunks, places in zip(parts, codes, strict=True):
        assert [names[int(at)].as_py() for at in places] == [name for c in chunks for name in c]


def test_event_id_follows_the_rule() -> None:
    assert event_id(b'{"meta":{"id":"u"}}', "carried") == "carried"
    assert event_id(b'{"meta":{"id":"u"}}') == "u"
    assert event_id(b'{"meta":{"id":17}}', "") == "17"
    for event in (
        b'{"meta":{"id":""}}',
        b'{"meta":[]}',
        b"[1]",
        b"no json",
        b'{"meta":{"id":true}}',
    ):
        assert event_id(event, "carried") == "carried"
        assert event_id(event) == digest(event)
