"""Compactors that are killed, at each step by its name and at random times: nothing lost, nothing twice."""

import os
import random
import signal

import pytest
from harness.lakes import STEPS, CloudLake, Sender

pytestmark = pytest.mark.functional

SEED = int(os.environ.get("SLUICE_LAKE_SOAK_SEED", "11"))


def exact(lake, sender):
    assert not lake.compact().failures
    assert lake.ids() == sorted(sender.sent)
    assert lake.raw() == []


def test_killed_at_each_step(cloud, tmp_path):
    lake, rng = CloudLake(cloud, tmp_path / "log"), random.Random(SEED)
    sender = Sender(lake, SEED)
    for step in STEPS:
        sender.send(3)
        compactor = lake.led(
            die_at=step, nth=rng.randint(1, 3) if step in ("read", "deleted") else 1
        )
        compactor.say()
        assert compactor.tell() is None, step
        assert compactor.close() == -signal.SIGKILL, step
    exact(lake, sender)


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(8, marks=pytest.mark.timeout(900)),
        pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
)
def test_killed_at_random_up_to_two_at_once(cloud, tmp_path, kills):
    lake, rng = CloudLake(cloud, tmp_path / "log"), random.Random(SEED + kills)
    sender, killed = Sender(lake, SEED), 0
    while killed < kills:
        sender.send(rng.randint(1, 4))
        orders = [
            {"timer": rng.uniform(0.02, 0.8)}
            if rng.random() < 0.6
            else {"die_at": rng.choice(STEPS[2:]), "nth": rng.randint(1, 3)}
            for _ in range(rng.choice((1, 1, 2)))
        ]
        compactors = [lake.led(**order) for order in orders]
        for compactor in compactors:
            compactor.say()
        for compactor in compactors:
            told = compactor.tell()
            code = compactor.close()
            assert told is None or not told["failures"], (told, compactor.log())
            assert code in (0, -signal.SIGKILL, -signal.SIGALRM), compactor.log()
            killed += code != 0
    exact(lake, sender)
