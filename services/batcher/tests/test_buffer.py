from hypothesis import given
from hypothesis import strategies as st
from sluice_batcher.inflight.buffer import AGE, BYTES, DRAIN, MESSAGES, ROWS, BatchLimits, Buffer
from sluice_batcher.inflight.held import Held


def held(number, rows=1, size=10, at=0.0):
    return Held(
        message_id=str(number),
        handle=f"h{number}",
        sent_at=0.0,
        received_at=at,
        lease_until=at + 30,
        last_lease=at + 43_200,
        rows=[None] * rows,
        size=size,
    )


def test_rows_close_a_batch_and_messages_stay_whole():
    buffer = Buffer(BatchLimits(rows=100, size=10**9, messages=1000, age=30))
    for number in range(3):
        buffer.add([held(number, rows=60)])
    batch = buffer.take(0)
    assert ([m.message_id for m in batch.messages], batch.rows, batch.reason) == (
        ["0", "1"],
        120,
        ROWS,
    )
    assert buffer.take(29.9) is None
    batch = buffer.take(30)
    assert ([m.message_id for m in batch.messages], batch.reason) == (["2"], AGE)
    assert buffer.due_in(30) is None


def test_age_counts_from_the_oldest_receive():
    buffer = Buffer(BatchLimits(rows=100, size=10**9, messages=1000, age=30))
    buffer.add([held(1, at=10.0)])
    buffer.add([held(0, at=5.0)])
    assert buffer.due_in(12) == 23
    assert buffer.take(34.9) is None
    assert buffer.take(35).rows == 2


def test_the_oldest_is_that_of_all_batches_that_are_not_done():
    buffer = Buffer(BatchLimits(rows=2, size=10**9, messages=1000, age=30))
    assert buffer.oldest() is None
    for number, at in enumerate((3.0, 4.0, 2.0, 5.0, 6.0)):
        buffer.add([held(number, at=at)])
    one, other = buffer.take(7), buffer.take(7)
    assert buffer.oldest() == 2
    buffer.done(other)
    assert buffer.oldest() == 3
    buffer.done(one)
    assert buffer.oldest() == 6
    buffer.done(buffer.take(36))
    assert buffer.oldest() is None


def test_bytes_messages_and_drain():
    told = []
    buffer = Buffer(BatchLimits(rows=100, size=25, messages=2, age=30), lambda: told.append(1))
    buffer.add([held(1, size=30)])
    buffer.add([held(2)])
    buffer.add([held(3)])
    buffer.add([held(4)])
    assert [buffer.take(0).reason, buffer.take(0).reason] == [BYTES, MESSAGES]
    assert len(told) == 2
    assert not buffer.empty
    buffer.close_open()
    buffer.close_open()
    assert buffer.due_in(0) == 0.0
    assert buffer.take(0).reason == DRAIN
    assert buffer.empty
    assert buffer.take(1e9) is None


def test_room_is_one_batch_in_flush_and_one_that_fills():
    buffer = Buffer(BatchLimits(rows=10, size=10**9, messages=1000, age=30))
    buffer.add([held(1, rows=10)])
    batch = buffer.take(0)
    assert buffer.has_room
    buffer.add([held(2, rows=10)])
    assert not buffer.has_room
    buffer.done(batch)
    assert buffer.has_room
    assert buffer.rows == 10


MESSAGE = st.tuples(st.integers(1, 50), st.integers(1, 50), st.floats(0, 20))


@given(
    st.lists(MESSAGE, max_size=40),
    st.builds(
        BatchLimits,
        rows=st.integers(1, 60),
        size=st.integers(1, 200),
        messages=st.integers(1, 8),
        age=st.floats(0.1, 30),
    ),
)
def test_every_message_goes_out_once_in_order_under_every_limit(script, limits):
    buffer = Buffer(limits)
    now, out, sent = 0.0, [], []
    for number, (rows, size, pause) in enumerate(script):
        now += pause
        while (batch := buffer.take(now)) is not None:
            out.append(batch)
        buffer.add([held(number, rows, size, now)])
        sent.append(str(number))
        due = buffer.due_in(now)
        assert due is not None
        assert due <= limits.age + 1e-9
    buffer.close_open()
    while (batch := buffer.take(now)) is not None:
        out.append(batch)
    assert [m.message_id for batch in out for m in batch.messages] == sent
    for batch in out:
        last = batch.messages[-1]
        assert batch.rows - len(last.rows) < limits.rows
        assert batch.size - last.size < limits.size
        assert len(batch.messages) <= limits.messages
        fired = {
            ROWS: batch.rows >= limits.rows,
            BYTES: batch.size >= limits.size,
            MESSAGES: len(batch.messages) >= limits.messages,
            AGE: True,
            DRAIN: batch is out[-1],
        }
        assert fired[batch.reason]
        buffer.done(batch)
    assert buffer.rows == 0
    assert buffer.has_room


@given(
    st.lists(st.lists(MESSAGE, max_size=12), max_size=8),
    st.builds(
        BatchLimits,
        rows=st.integers(1, 300),
        size=st.integers(1, 300),
        messages=st.integers(1, 15),
        age=st.just(30.0),
    ),
)
def test_messages_that_come_together_are_in_the_batches_that_they_would_be_in_one_by_one(
    script, limits
):
    together, single = Buffer(limits), Buffer(limits)
    number = 0
    for group in script:
        messages = []
        for rows, size, at in group:
            number += 1
            messages.append(held(number, rows, size, at))
        together.add(messages)
        for message in messages:
            single.add([message])
        assert (together.rows, together.has_room) == (single.rows, single.has_room)
        assert together.due_in(0) == single.due_in(0)
    together.close_open()
    single.close_open()
    while (batch := single.take(0)) is not None:
        twin = together.take(0)
        assert [m.message_id for m in twin.messages] == [m.message_id for m in batch.messages]
        assert (twin.rows, twin.size, twin.oldest, twin.reason) == (
            batch.rows,
            batch.size,
            batch.oldest,
            batch.reason,
        )
    assert together.take(0) is None


def test_of_a_large_batch_only_half_is_filled_ahead():
    buffer = Buffer(BatchLimits(rows=10, size=10**9, messages=1000, age=30), held=1.5)
    for number in range(10):
        assert buffer.has_room
        buffer.add([held(number)])
    batch = buffer.take(0)
    for number in range(10, 15):
        assert buffer.has_room
        buffer.add([held(number)])
    assert not buffer.has_room
    buffer.done(batch)
    assert buffer.has_room
