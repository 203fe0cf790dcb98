"""A queue is read whole, and keeps everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_cli.dlq.peek import Peek
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.sqs import Received
from sluice_core.errors import TemporaryError
from sluice_core.testing import FakeClock, FakeSqs


def _queue(count: int) -> tuple[FakeSqs, FakeClock]:
    clock = FakeClock()
    queue = FakeSqs(clock)
    for n in range(count):
        queue.put_message(OutMessage(str(n)))
    return queue, clock


def _all(queue: FakeSqs) -> set[str]:
    return {m.body for _ in range(len(queue)) for m in queue.receive(visibility=60)}


@given(st.integers(0, 45), st.integers(1, 400))
def test_every_message_once_and_all_handed_back(count: int, slowness: int) -> None:
    queue, clock = _queue(count)
    seen = []
    with Peek(queue, clock=clock) as peek:
        for message in peek:
            seen.append(message.body)
            clock.advance(slowness)  # past any visibility timeout, sooner or later
    assert sorted(seen, key=int) == [str(n) for n in range(count)]
    assert peek.unseen == 0
    assert queue.attributes().visible == count
    assert _all(queue) == {str(n) for n in range(count)}


def test_what_is_held_is_extended_before_it_shows_up_again() -> None:
    queue, clock = _queue(100)
    with Peek(queue, clock=clock, held_seconds=60) as peek:
        for n, _ in enumerate(peek):
            clock.advance(1)
            if n:
                assert queue.attributes().visible <= 100 - n


def test_messages_of_another_reader_are_waited_for() -> None:
    queue, clock = _queue(3)
    queue.receive(max_messages=2, visibility=5)
    with Peek(queue, clock=clock, patience=10) as peek:
        assert len(list(peek)) == 3
        assert peek.unseen == 0


def test_messages_of_another_reader_that_do_not_come_back_are_counted() -> None:
    queue, clock = _queue(3)
    queue.receive(max_messages=2, visibility=500)
    with Peek(queue, clock=clock, patience=10) as peek:
        assert len(list(peek)) == 1
        assert peek.unseen == 2


def test_deleted_with_the_newest_handle_and_not_handed_back() -> None:
    queue, clock = _queue(12)
    with Peek(queue, clock=clock) as peek:
        messages: list[Received] = []
        for message in peek:
            messages.append(message)
            clock.advance(200)
        assert peek.delete([m.message_id for m in messages[:11]]) == []
    assert _all(queue) == {messages[11].body}


def test_everything_is_handed_back_after_a_failure_in_the_middle() -> None:
    queue, clock = _queue(30)

    def fail(action: str) -> None:
        if action == "receive" and queue.attributes().in_flight >= 20:
            raise TemporaryError("away")

    queue.before = fail
    with pytest.raises(TemporaryError), Peek(queue, clock=clock) as peek:
        list(peek)
    assert queue.attributes().visible == 30
