"""What `sluice check` advises fits what AWS, or something in its place, has said."""

import pytest
from sluice_cli.check.queues import _main
from sluice_cli.check.result import State, refused
from sluice_core.errors import (
    ClockSkewError,
    TemporaryError,
    UnexpectedAnswerError,
    UnsupportedError,
)
from sluice_core.testing import FakeClock, FakeSqs


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (TemporaryError("no answer"), "can it be reached"),
        (UnsupportedError("501"), "a store that knows conditional writes"),
        (ClockSkewError("RequestTimeTooSkewed"), "clock"),
        (UnexpectedAnswerError("it has no ETag"), "what answers at AWS_ENDPOINT_URL"),
    ],
)
def test_the_advice_fits(error, advice):
    result = refused("bucket: write", error, "make it")
    assert result.state is State.FAILED
    assert advice in result.advice
    assert (type(error) is TemporaryError) is ("can it be reached" in result.advice)


def test_a_queue_of_another_region_is_said():
    queue = FakeSqs(FakeClock())
    elsewhere = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
    shown = [
        next(_main(Located(url, queue), queue.attributes(), "us-east-1")).detail
        for url in (elsewhere, queue.url)
    ]
    assert "in eu-west-1 (AWS_REGION is us-east-1)" in shown[0]
    assert "AWS_REGION" not in shown[1]


class Located:
    """A queue with another URL."""

    def __init__(self, url, queue):
        self.url = url
        self.name = queue.name
