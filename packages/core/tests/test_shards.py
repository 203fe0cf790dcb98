"""Ids in shards: none lost, each with its numbers, in order, wherever they are kept."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core.lake import ids as ids_module
from sluice_core.lake.account import account
from sluice_core.lake.ids import SHARDS, Shards, split

names = st.lists(st.text(max_size=6), max_size=40)


def _add(found: Shards, ids: list[str], first: int) -> None:
    text = pa.array(["dropped", *ids], pa.large_string()).slice(1)
    found.add(text, {"at": np.arange(first, first + len(ids))})


@given(parts=st.lists(names, max_size=4), limit=st.sampled_from([0, 200, 2**20]))
def test_ids_come_back_with_their_numbers_and_in_order(parts: list[list[str]], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids_module, "_MAX_IN_MEMORY", limit)
        found, all_ids = Shards({"at": np.int64}), [name for part in parts for name in part]
        for part in parts:
            _add(found, part, len(found))
        assert len(found) == len(all_ids)
        back: dict[int, str] = {}
        for number in range(SHARDS):
            ids, columns = found.shard(number)
            at = columns["at"].tolist()
            assert at == sorted(at)
            back |= dict(zip(at, ids.to_pylist(), strict=True))
            assert ids.to_pylist() == [name for name in all_ids if name in split(all_ids)[number]]
        assert [back[place] for place in range(len(all_ids))] == all_ids


@given(source=names, rows=names)
def test_an_account_on_disk_is_the_account_in_memory(source: list[str], rows: list[str]) -> None:
    in_memory = account(source=source, rows=rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids_module, "_MAX_IN_MEMORY", 0)
        on_disk = Shards()
        for name in rows:
            on_disk.add(pa.array([name], pa.large_string()))
        assert account(source=source, rows=on_disk) == in_memory


def test_uuids_and_counters_spread_over_all_shards() -> None:
    for ids in ([f"e{n}" for n in range(4_000)], [f"{n * 7919:032x}" for n in range(4_000)]):
        sizes = [len(part) for part in split(ids)]
        assert max(sizes) < 3 * len(ids) / SHARDS
