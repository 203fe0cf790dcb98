"""The same pipeline against moto's server: the services cannot tell, and nothing is set differently."""

import pytest
from harness.cloud import Cloud
from harness.pipeline import VISIBILITY
from harness.source import ENDLESS

pytestmark = pytest.mark.functional


@pytest.mark.parametrize(
    ("wire", "fmt", "events"), [("packed", "parquet", 1000), ("plain", "csv", 100)]
)
def test_smoke(make_pipeline, moto, wire, fmt, events):
    # moto takes most of a second to receive ten out of hundreds of messages, so the plain wire gets few.
    pipeline = make_pipeline(
        events,
        on=Cloud.make(moto, visibility=VISIBILITY),
        settings={"SLUICE_WIRE": wire, "SLUICE_FORMAT": fmt},
    )
    pipeline.start()

    pipeline.lossless()

    pipeline.stop()


def test_conditional_writes_shut_a_replaced_producer_out(make_pipeline, moto):
    pipeline = make_pipeline(ENDLESS, rate=200, on=Cloud.make(moto, visibility=VISIBILITY))
    old = pipeline.start_producer()
    pipeline.start_batcher()
    pipeline.written(100)
    new = pipeline.start_producer()

    assert old.wait() == 3

    pipeline.source.finish()
    pipeline.lossless(duplicates=True)
    assert new.alive
