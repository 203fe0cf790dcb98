"""Several compactors at once, in processes of their own: each event once, and not without the strict commit."""

from collections import Counter

import pytest
from harness.lakes import DAYS, CloudLake, Sender

pytestmark = pytest.mark.functional

ROUNDS = 8


def race(lake, rounds, **orders):
    """Three compactors: in each round all have written their files before the first commits."""
    sender, lost = Sender(lake, 7, DAYS[:1]), 0
    compactors = [lake.led(meet="written", **orders) for _ in range(3)]
    try:
        for _ in range(rounds):
            sender.send(3)
            for compactor in compactors:
                compactor.say()
            met = [compactor.tell() for compactor in compactors]
            assert all(told == {"at": "written"} for told in met), met
            for compactor in compactors:
                compactor.say()
            for compactor in compactors:
                told = compactor.tell()
                assert told is not None, compactor.log()
                assert not told["failures"]
                lost += told["lost_races"]
    finally:
        codes = [compactor.close() for compactor in compactors]
    assert codes == [0, 0, 0]
    return sender, lost


def test_three_compactors_at_once_write_each_event_once(cloud, tmp_path):
    lake = CloudLake(cloud, tmp_path / "log")
    sender, lost = race(lake, ROUNDS)
    assert lake.ids() == sorted(sender.sent)
    assert lake.raw() == []
    assert lost >= 2 * ROUNDS, "they must have met"


def test_without_the_strict_commit_the_same_race_writes_events_twice(cloud, tmp_path):
    lake = CloudLake(cloud, tmp_path / "log")
    sender, _ = race(lake, 2, loose=True)
    assert set(lake.ids()) == set(sender.sent)
    twice = sum(count > 1 for count in Counter(lake.ids()).values())
    assert twice > len(sender.sent) // 2
