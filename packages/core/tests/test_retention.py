"""How long the queue keeps messages: read, and said by a service at its start."""

import json

import pytest
from sluice_core.aws import retention
from sluice_core.aws.sqs import QueueAttributes
from sluice_core.service.logs import setup_logging


def attributes(seconds: int) -> QueueAttributes:
    return QueueAttributes(0, 0, 0, 30, 2**20, None, None, retention=seconds)


@pytest.mark.parametrize(
    ("seconds", "levels"),
    [(60, ["info", "warning"]), (345_599, ["info", "warning"]), (345_600, ["info"])],
)
def test_a_short_retention_is_warned_of(
    seconds: int, levels: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    setup_logging("INFO", "json", "test")
    retention.tell("orders", attributes(seconds))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["level"] for line in lines] == levels
    assert lines[0]["seconds"] == seconds
    assert {line["queue"] for line in lines} == {"orders"}
