"""The machine's wall clock jumps while both services work: ages, leases and positions do not follow it."""

from pathlib import Path

import pytest
from harness.cloud import Cloud
from harness.source import ENDLESS
from harness.waiting import until

pytestmark = [pytest.mark.functional, pytest.mark.timeout(180)]

_SHIFTED = """
import os, pathlib, time
_true, _shift = time.time, pathlib.Path(os.environ["TEST_CLOCK_SHIFT"])
time.time = lambda: _true() + float(_shift.read_text() or 0)
"""
"""A process that imports this reads its wall clock with the shift, in seconds, that stands in the file."""


class ShiftedClock:
    """The wall clock of the processes that are started with `environ`."""

    def __init__(self, folder: Path) -> None:
        (folder / "sitecustomize.py").write_text(_SHIFTED)
        self._file = folder / "shift"
        self.jump(0)
        self.environ = {"PYTHONPATH": str(folder), "TEST_CLOCK_SHIFT": str(self._file)}

    def jump(self, seconds: float) -> None:
        """From now on the clock is so far off."""
        ahead = self._file.with_suffix(".new")
        ahead.write_text(str(seconds))
        ahead.replace(self._file)


@pytest.mark.parametrize("seconds", [-2 * 3600, 2 * 3600], ids=["backwards", "forwards"])
def test_a_wall_clock_that_jumps(make_pipeline, localstack, tmp_path, seconds):
    clock = ShiftedClock(tmp_path)
    patient = Cloud.make(localstack.endpoint, visibility=120)  # no lease is lost to a slow machine
    pipeline = make_pipeline(ENDLESS, rate=500, on=patient)
    producer = pipeline.start_producer(**clock.environ)
    batcher = pipeline.start_batcher(**clock.environ)
    pipeline.written(500)
    before = batcher.metric("sluice_batcher_last_flush_timestamp_seconds")

    clock.jump(seconds)
    pipeline.written(len(pipeline.rows()) + 500)
    jumped = batcher.metric("sluice_batcher_last_flush_timestamp_seconds") - before
    assert abs(jumped - seconds) < 600, "the services did not see the jump"
    written = producer.metric("sluice_producer_checkpoint_writes_total", result="ok")
    until(
        lambda: producer.metric("sluice_producer_checkpoint_writes_total", result="ok") > written,
        "a checkpoint after the jump",
        seen=producer.tail,
    )
    # A restart in the wrong time goes on where the checkpoint says, not where the clock does.
    producer.terminate(within=15)
    pipeline.start_producer(**clock.environ)
    pipeline.written(len(pipeline.rows()) + 500)
    lost = batcher.metric("sluice_batcher_messages_returned_total", why="lease-lost")
    assert lost == 0, "leases followed the wall clock"
    clock.jump(0)
    pipeline.source.finish()

    pipeline.lossless()
