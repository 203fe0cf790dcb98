"""The public fakes keep what their users rely on."""

import pytest
from sluice_core.aws.messages import OutMessage
from sluice_core.service.clock import SystemClock
from sluice_core.testing import FakeClock, FakeSqs


def test_a_queue_keeps_its_clock():
    """Sent by one clock and received by another, a message was hidden for as long as their origins differ."""
    queue = FakeSqs(FakeClock())
    queue.send([OutMessage("x", {})])
    with pytest.raises(AttributeError, match="keeps the clock"):
        queue.clock = SystemClock()
    assert [message.body for message in queue.receive()] == ["x"]
