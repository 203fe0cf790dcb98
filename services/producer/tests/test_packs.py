"""Triggers, sizes and acknowledgement of packs: every event in, every event out, once and in order."""

import base64
import random
import string
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sluice_core import wire
from sluice_core.limits import SQS_MAX_BYTES
from sluice_core.wire.beside import EVENT_MAX_CHARS
from sluice_producer.pack.encoder import EncodedMessage, Encoder
from sluice_producer.pack.filter import Extra
from sluice_producer.pack.packer import AGE, BYTES, EVENTS, STOP, PackLimits
from sluice_producer.testing.packs import Bench


def decoded(parcels: Sequence[EncodedMessage]) -> list[bytes]:
    events = []
    for parcel in parcels:
        if parcel.message is not None:
            attributes = {k: str(v) for k, v in parcel.message.attributes.items()}
            got = wire.decode(parcel.message.body, attributes, max_unpacked_bytes=2**24)
            assert got.problems == []
            events += got.events
    return events


def noise(size: int, seed: int = 1) -> bytes:
    """JSON that hardly compresses."""
    return b'{"x":"' + base64.b64encode(random.Random(seed).randbytes(size * 3 // 4 - 6)) + b'"}'


def test_full_by_events() -> None:
    bench = Bench(PackLimits(3, 65_536, 2**24, 5.0))
    for n in range(7):
        bench.add(b'{"n":%d}' % n)
    assert [len(p.events) for p in bench.packs] == [3, 3]
    assert {p.trigger for p in bench.packs} == {EVENTS}
    bench.flush()
    assert bench.packs[-1].trigger == STOP
    assert bench.packs[-1].ids == ["id6"]
    assert bench.packer.flush() is None


def test_full_by_age_and_the_timer_is_told_when_to_come_again() -> None:
    bench = Bench(PackLimits(100, 65_536, 2**24, 5.0))
    assert bench.packer.due() == (None, 5.0)
    bench.add(b"{}")
    bench.clock.advance(2)
    assert bench.packer.due() == (None, 3.0)
    bench.clock.advance(3)
    pack, pause = bench.packer.due()
    assert pack is not None
    assert (pack.trigger, pause) == (AGE, 5.0)
    assert bench.packer.due() == (None, 5.0)


def test_a_clock_that_goes_backwards_changes_no_age() -> None:
    bench = Bench(PackLimits(100, 65_536, 2**24, 5.0))
    bench.add(b"{}")
    bench.clock.jump(-86_400)
    bench.clock.advance(5)
    assert bench.packer.due()[0] is not None


def test_full_by_bytes_after_base64_and_close_to_the_limit_once_the_ratio_is_known() -> None:
    bench = Bench(PackLimits(0, 65_536, 2**24, 5.0))
    dead_letters = random.Random(3)
    sizes = []
    for _ in range(6000):
        text = "".join(dead_letters.choices(string.ascii_lowercase[:8], k=300))
        for pack in bench.add(b'{"t":"%b"}' % text.encode()):
            parcels = list(bench.encoder.encode(pack))
            assert pack.trigger == BYTES
            sizes += [p.message.size for p in parcels if p.message]
    assert len(sizes) > 8
    assert max(sizes) <= 65_536
    assert min(sizes[4:]) > 0.85 * 65_536


def test_no_limit_of_events() -> None:
    bench = Bench(PackLimits(0, 65_536, 2**24, 5.0))
    for _ in range(1000):
        bench.add(b"{}")
    assert bench.packs == []


def test_a_pack_that_came_out_too_big_is_halved() -> None:
    bench = Bench(PackLimits(100, 20_000, 2**24, 5.0))
    for n in range(64):
        bench.packer.learn(100_000, 1_000)  # misled: it expects a hundredth
        bench.add(noise(3000, n))
    bench.flush()
    assert any(len(p.events) > 10 for p in bench.packs)
    parcels = bench.parcels()
    assert all(p.message is not None and p.message.size <= 20_000 for p in parcels)
    assert decoded(parcels) == [noise(3000, n) for n in range(64)]


def test_a_lone_event_may_exceed_the_pack_s_limit_but_not_sqs_s() -> None:
    bench = Bench(PackLimits(100, 2_000, 2**24, 5.0))
    event = noise(50_000)
    bench.add(b"{}")
    full = bench.add(event)
    assert [p.events for p in full] == [[b"{}"], [event]]
    (small, large) = bench.parcels()
    assert small.message is not None
    assert large.message is not None
    assert wire.A_CODEC in large.message.attributes
    assert decoded([small, large]) == [b"{}", event]


def test_a_lone_event_whose_pack_is_too_big_for_sqs_goes_plain() -> None:
    bench = Bench(PackLimits(100, 65_536, 2**24, 5.0))
    # Bytes that neither compress nor survive base64 without growing: only plain fits.
    alphabet = [chr(c) for c in range(0x4E00, 0x9FA5)]
    text = "".join(random.Random(5).choices(alphabet, k=347_000))
    event = ('{"x":"' + text + '"}').encode()
    assert 1_040_000 < len(event) < SQS_MAX_BYTES - 500
    bench.add(event)
    (parcel,) = bench.parcels()
    assert parcel.message is not None
    packed = wire.encode_pack([event], source="s", ids=["id0"])
    if packed.size > SQS_MAX_BYTES:
        assert wire.A_CODEC not in parcel.message.attributes
    assert decoded([parcel]) == [event]


@pytest.mark.parametrize("plain", [False, True])
def test_an_event_that_sqs_takes_in_no_form_has_no_message(plain: bool) -> None:
    bench = Bench(PackLimits(100, 65_536, 2**24, 5.0), plain=plain)
    event = noise(1_100_000)
    bench.add(event)
    bench.flush()
    (parcel,) = bench.parcels()
    assert parcel.message is None
    assert parcel.events == [event]


def test_a_queue_with_a_smaller_limit() -> None:
    bench = Bench(PackLimits(100, 65_536, 2**24, 5.0))
    encoder = Encoder("s", plain=False, target=65_536, limit=10_000)
    for n in range(8):
        bench.add(noise(4000, n))
    bench.flush()
    parcels = [p for pack in bench.packs for p in encoder.encode(pack)]
    assert all(p.message is not None and p.message.size <= 10_000 for p in parcels)
    assert decoded(parcels) == [noise(4000, n) for n in range(8)]


CARRIED = Extra("message", None, carried=True)


def strings(parcel: EncodedMessage) -> dict[str, str]:
    assert parcel.message is not None
    return {k: str(v) for k, v in parcel.message.attributes.items()}


def test_ids_travel_only_where_a_reader_would_derive_others() -> None:
    bench = Bench(PackLimits(2, 65_536, 2**24, 5.0))
    for extra in (None, CARRIED, None, None):
        bench.add(b"{}", extra)
    carried, bare = bench.parcels()
    assert carried.message is not None
    got = wire.decode(carried.message.body, strings(carried), max_unpacked_bytes=2**20)
    assert got.ids == ["id0", "id1"]
    assert (got.types, got.sse_ids) == (None, None)
    assert not {wire.A_IDS, wire.A_BESIDE} & set(strings(bare))
    assert (strings(bare)[wire.A_FIRST_ID], strings(bare)[wire.A_LAST_ID]) == ("id2", "id3")


EXTRAS = st.none() | st.builds(
    Extra,
    st.sampled_from(["message", "update", "del\nete"]),
    st.none() | st.text("7\uffffé", min_size=1, max_size=5),
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([10, 900]), EXTRAS), min_size=1, max_size=30),
    st.sampled_from([1, 7, 100]),
    st.booleans(),
)
def test_what_travels_beside_stays_with_its_event(
    given_events: list[tuple[int, Extra | None]], most: int, plain: bool
) -> None:
    limits = PackLimits.plain(2**16, 5.0) if plain else PackLimits(most, 2_000, 2**16, 5.0)
    bench = Bench(limits, plain=plain)
    for size, extra in given_events:
        bench.add(noise(size), extra)
    bench.flush()
    types: list[str] = []
    sse_ids: list[str | None] = []
    ids: list[str | None] = []
    for parcel in bench.parcels():
        assert parcel.message is not None
        got = wire.decode(parcel.message.body, strings(parcel), max_unpacked_bytes=2**24)
        assert got.problems == []
        count = len(got.events)
        types += got.types or ["message"] * count
        sse_ids += got.sse_ids or [None] * count
        ids += got.ids or [None] * count
        for position, (event, attributes) in enumerate(parcel.lone()):
            alone = wire.decode(event.decode(), attributes, max_unpacked_bytes=2**24)
            assert alone.ids == [parcel.ids[position]]
            assert (alone.types or ["message"]) == [types[len(types) - count + position]]
    assert types == [extra.type if extra else "message" for _, extra in given_events]
    assert sse_ids == [extra.sse_id if extra else None for _, extra in given_events]
    for n, (_, extra) in enumerate(given_events):
        assert ids[n] == f"id{n}" or (ids[n] is None and not (extra and extra.carried))


def test_a_pack_is_full_by_what_travels_beside() -> None:
    bench = Bench(PackLimits(100, SQS_MAX_BYTES, 2**24, 5.0))
    for n in range(9):
        bench.add(b"{}", Extra("message", str(n) * (EVENT_MAX_CHARS - 10), carried=False))
    bench.flush()
    assert [len(pack.events) for pack in bench.packs] == [4, 4, 1]
    got = [
        sse_id
        for p in bench.parcels()
        for sse_id in wire.decode(
            p.message.body if p.message else "", strings(p), max_unpacked_bytes=1000
        ).sse_ids
        or []
    ]
    assert got == [str(n) * (EVENT_MAX_CHARS - 10) for n in range(9)]


def test_plain_is_one_event_a_message_in_tens_and_within_a_second() -> None:
    limits = PackLimits.plain(2**24, 5.0)
    bench = Bench(limits, plain=True)
    for n in range(25):
        bench.add(b'{"n":%d}' % n)
    bench.clock.advance(1.0)
    pack, _ = bench.packer.due()
    assert pack is not None
    bench.packs.append(pack)
    assert [len(p.events) for p in bench.packs] == [10, 10, 5]
    messages = [p.message for p in bench.parcels()]
    assert [m.body for m in messages if m] == [f'{{"n":{n}}}' for n in range(25)]
    assert [m.attributes[wire.A_FIRST_ID] for m in messages if m] == [f"id{n}" for n in range(25)]


_EVENTS = st.lists(
    st.one_of(
        st.integers(2, 400).map(lambda n: b'{"a":"' + b"x" * n + b'"}'),
        st.integers(10, 6000).map(noise),
        st.just("flush"),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(
    _EVENTS, st.sampled_from([0, 1, 7, 100]), st.sampled_from([2_000, 8_000, 65_536]), st.booleans()
)
def test_events_in_are_events_out_and_no_limit_is_passed(
    events: list[bytes | str], most: int, size: int, plain: bool
) -> None:
    raw = 2**16
    bench = Bench(
        PackLimits.plain(raw, 5.0) if plain else PackLimits(most, size, raw, 5.0), plain=plain
    )
    sent = []
    for event in events:
        if isinstance(event, str):
            bench.flush()
        else:
            sent.append(event)
            bench.add(event)
    bench.flush()
    parcels = bench.parcels()
    assert decoded(parcels) == sent
    assert [i for p in parcels for i in p.ids] == [f"id{n}" for n in range(len(sent))]
    for pack in bench.packs:
        assert sum(len(e) + 1 for e in pack.events) <= raw
        assert plain or len(pack.events) <= (most or 10**9)
    for parcel in parcels:
        assert parcel.message is not None
        assert plain or parcel.message.size <= size or len(parcel.events) == 1
        assert not plain or len(parcel.events) == 1


# Acknowledgement.
