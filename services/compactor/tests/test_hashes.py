"""The set of ids by hash says the same as Python's own set."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sluice_compactor.ids.hashes import Hashes, Seen

few = st.integers(0, 3)
halves = st.lists(st.tuples(few, few), max_size=40)


def hashes(pairs):
    high = np.array([high for high, _ in pairs], np.uint64)
    return Hashes(high, np.array([low for _, low in pairs], np.uint64))


@given(st.lists(halves, max_size=8))
def test_new_is_what_a_set_has_not_seen_also_where_halves_are_equal(parts):
    seen, known = Seen(), set()
    for pairs in parts:
        expected = []
        for pair in pairs:
            expected.append(pair not in known)
            known.add(pair)
        assert seen.new(hashes(pairs)).tolist() == expected
    assert len(seen) == len(known)


@given(st.lists(st.text(max_size=5), max_size=50))
def test_ids_are_the_same_only_when_their_text_is(ids):
    fresh = Seen().new(Hashes.of(ids)).tolist()
    assert fresh == [name not in ids[:index] for index, name in enumerate(ids)]


def test_a_lone_surrogate_is_an_id_of_its_own():
    assert Seen().new(Hashes.of(["\ud800", "\ud801", "\ud800"])).tolist() == [True, True, False]


@given(st.lists(st.text(max_size=5), max_size=50), st.integers(0, 6))
def test_every_id_is_in_exactly_one_shard(ids, bits):
    found = Hashes.of(ids)
    counts = sum(found.shard(number, bits).astype(int) for number in range(2**bits))
    assert counts.tolist() == [1] * len(ids)


@given(st.lists(st.text(max_size=5), max_size=20))
def test_hashes_survive_as_bytes(ids):
    found = Hashes.of(ids)
    again = Hashes.from_bytes(found.to_bytes())
    assert (again.high.tolist(), again.low.tolist()) == (found.high.tolist(), found.low.tolist())
    assert len(found.to_bytes()) == 16 * len(ids)
