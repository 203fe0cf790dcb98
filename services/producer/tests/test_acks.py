"""Groups of events settle in the order of reading, and reading waits when too much is unsettled."""

from hypothesis import given
from hypothesis import strategies as st
from sluice_core.service.stop import Stop
from sluice_producer.pack.packer import PackLimits
from sluice_producer.progress.acks import FILTERED, AckGroup, Acks
from sluice_producer.testing.packs import Bench, record


@given(st.permutations(range(8)), st.lists(st.integers(1, 3), min_size=8, max_size=8))
def test_units_settle_in_order_whatever_the_order_of_acceptance(
    order: list[int], parts: list[int]
) -> None:
    settled: list[AckGroup] = []
    acks = Acks(settled.extend, room=10**9)
    groups = [acks.open() for _ in parts]
    for group, count in zip(groups, parts, strict=True):
        group.records.append(record("x"))
        acks.close(group, 10)
        acks.expect(group, count)
        acks.done(group)
    finished: set[int] = set()
    for number in order:
        for _ in range(parts[number]):
            acks.done(groups[number])
        finished.add(number)
        prefix = next((n for n in range(8) if n not in finished), 8)
        assert settled == groups[:prefix]
    assert acks.idle
    assert acks.buffered_events == 0


def test_a_unit_with_a_dead_letter_waits_for_it() -> None:
    bench = Bench(PackLimits(1, 65_536, 2**24, 5.0))
    group, packs = bench.packer.note(record("dead", "dead"), 5)
    assert packs == []
    (pack,) = bench.add(b"{}")
    assert pack.group is group
    bench.acks.done(group)
    assert bench.settled == []
    bench.acks.done(group)
    assert bench.settled == [group]
    assert [m.event_id for m in group.records] == ["dead", "id0"]


def test_filtered_events_alone_move_on_by_age() -> None:
    bench = Bench(PackLimits(100, 65_536, 2**24, 5.0))
    bench.packer.note(record("canary", FILTERED))
    bench.clock.advance(5)
    pack, _ = bench.packer.due()
    assert pack is not None
    assert pack.events == []
    bench.acks.done(pack.group)
    assert [m.event_id for u in bench.settled for m in u.records] == ["canary"]


def test_many_filtered_events_close_the_unit() -> None:
    bench = Bench(PackLimits(1, 65_536, 2**24, 5.0))
    packs = [p for n in range(250) for p in bench.packer.note(record(str(n), FILTERED))[1]]
    assert len(packs) == 2


def test_a_burst_of_large_dead_letters_closes_the_unit() -> None:
    bench = Bench(PackLimits(100, 65_536, 2**20, 5.0))
    packs = [p for n in range(5) for p in bench.packer.note(record(str(n), "dead"), 2**19)[1]]
    assert len(packs) == 1


def test_reading_waits_when_too_much_is_unsettled_and_goes_on_afterwards() -> None:
    bench = Bench(PackLimits(1, 65_536, 2**24, 5.0), room=2000)
    packs = [p for _ in range(6) for p in bench.add(b"{}")]
    assert bench.acks.full
    beats = []

    def beat() -> None:
        beats.append(1)
        if len(beats) == 3:
            for pack in packs:
                bench.acks.done(pack.group)

    bench.acks.wait_for_room(Stop(), bench.clock, beat)
    assert len(beats) == 3
    assert not bench.acks.full


def test_a_stop_ends_the_waiting() -> None:
    bench = Bench(PackLimits(1, 65_536, 2**24, 5.0), room=100)
    bench.add(b"{}")
    stop = Stop()
    stop.request()
    bench.acks.wait_for_room(stop, bench.clock, lambda: None)
    assert bench.acks.full
