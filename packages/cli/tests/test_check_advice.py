"""What `sluice check` advises fits what AWS, or something in its place, has said."""

import pytest
from sluice_cli.checks.result import State, refused
from sluice_core.errors import (
    ClockSkewError,
    TemporaryError,
    UnexpectedAnswerError,
    UnsupportedError,
)


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
