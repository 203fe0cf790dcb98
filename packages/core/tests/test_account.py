"""The account, against a model that counts with Python's own sets."""

from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from sluice_core.account import account
from sluice_core.event_id import digest, event_id

ids = st.lists(st.sampled_from([f"id-{n}" for n in range(12)] + ["é", "", " "]), max_size=40)


@given(source=ids, filtered=ids, rows=ids, dead=ids, pending=ids)
def test_account_is_that_of_sets(
    source: list[str], filtered: list[str], rows: list[str], dead: list[str], pending: list[str]
) -> None:
    found = account(
        source=source, filtered=filtered, rows=rows, dead=dead, pending=pending, samples=100
    )
    given_ids, stored = set(source) | set(filtered), set(rows)
    counts = Counter(rows)
    lost = given_ids - set(filtered) - stored - set(dead) - set(pending)
    assert found.source == len(given_ids)
    assert found.filtered == len(set(filtered))
    assert found.rows == len(rows)
    assert found.stored == len(stored)
    assert found.duplicates == sum(counts.values()) - len(counts)
    assert set(found.samples["duplicated"]) == {name for name, n in counts.items() if n > 1}
    assert set(found.samples["dead_lettered"]) == set(dead) - stored
    assert set(found.samples["pending"]) == set(pending) - stored - set(dead)
    assert set(found.samples["lost"]) == lost
    assert set(found.samples["unexpected"]) == (stored | set(dead) | set(pending)) - given_ids
    numbers = [found.dead_lettered, found.pending, found.lost, found.unexpected]
    names = ["dead_lettered", "pending", "lost", "unexpected"]
    assert numbers == [len(found.samples[name]) for name in names]
    # Every event of the source is in exactly one place.
    here = found.stored + found.dead_lettered + found.pending - (found.unexpected or 0)
    absent = len(set(filtered) - stored - set(dead) - set(pending))
    assert here + absent + (found.lost or 0) == found.source


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
