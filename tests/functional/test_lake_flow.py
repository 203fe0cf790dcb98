"""The lake behind the real services, in one LocalStack: kills everywhere, a restart that forgets, an object that does not fit."""

import gzip
import json
import os
import random
import signal

import pytest
from harness.cloud import Cloud
from harness.lakes import STEPS, CloudLake
from harness.pipeline import VISIBILITY
from harness.source import ENDLESS
from harness.waiting import until
from sluice_cli.main import app
from sluice_local.localstack import EmbeddedLocalStack
from typer.testing import CliRunner

pytestmark = [pytest.mark.functional, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(30, marks=pytest.mark.timeout(900)),
        pytest.param(150, marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
)
def test_compactors_are_killed_beside_batchers_that_are_killed_and_each_event_is_there_once(
    make_pipeline, tmp_path, kills
):
    """Compactors die at each step by its name, then anywhere; every fifth time a batcher dies, too."""
    rng = random.Random(int(os.environ.get("SLUICE_LAKE_SOAK_SEED", "5")))
    pipeline = make_pipeline(ENDLESS, rate=200)
    lake = CloudLake(pipeline.cloud, tmp_path / "log")
    _, batcher = pipeline.start()
    steps, killed, batchers, passes = list(STEPS), 0, 0, 0
    while killed < kills:
        passes += 1
        if steps:
            orders = [{"die_at": steps[0]}]
        else:
            orders = [
                {"timer": rng.uniform(0.05, 0.8)}
                if rng.random() < 0.5
                else {"die_at": rng.choice(STEPS[2:]), "nth": rng.randint(1, 3)}
                for _ in range(rng.choice((1, 2)))
            ]
        until(lake.raw, "an object", seen=pipeline.state)
        if passes % 5 == 0:
            batcher.kill()
            batchers += 1
        compactors = [lake.led(**order) for order in orders]
        for compactor in compactors:
            compactor.say()
        for compactor in compactors:
            told = compactor.tell()
            assert told is None or not told["failures"], (told, compactor.log())
            code = compactor.close()
            assert code in (0, -signal.SIGKILL, -signal.SIGALRM), compactor.log()
            killed += code != 0
            # A step that this pass did not come to is tried again.
            steps[:1] = steps[:1] if code == 0 else []
        if not batcher.alive:
            batcher = pipeline.start_batcher()
    assert batchers >= kills // 10
    pipeline.source.finish()
    until(
        lambda: pipeline.source.finished and pipeline.cloud.queue.attributes().depth == 0,
        "an empty queue",
        seen=pipeline.state,
    )
    pipeline.stop()
    found = verify(pipeline, lake)
    assert (found["lost"], found["table_duplicates"], found["unexpected"]) == (0, 0, 0)
    assert not lake.compact().failures
    assert lake.ids() == sorted(set(pipeline.source.expected()))
    assert lake.raw() == []
    found = verify(pipeline, lake)
    assert (found["lost"], found["awaiting"], found["exit_code"]) == (0, 0, 0)
    assert found["table_rows"] == len(set(pipeline.source.expected()))
    row = lake.open().table().scan(limit=1).to_arrow()
    assert str(row.schema.field("namespace").type) == "int64", "types come with the objects"


def verify(pipeline, lake):
    done = CliRunner().invoke(
        app,
        ["verify", "--json", "--no-dlq", "--source-ids", str(pipeline.source.ledger)],
        env={**pipeline.environ(), **lake.environ},
    )
    return json.loads(done.stdout)


def test_a_localstack_that_forgets_everything_gets_a_table_made_afresh(tmp_path):
    with EmbeddedLocalStack() as server:
        cloud = Cloud.make(server.endpoint, visibility=VISIBILITY)
        lake = CloudLake(cloud, tmp_path / "log")
        compactor = lake.led()
        lake.put(["a", "b"])
        compactor.say()
        assert compactor.tell()["rows_out"] == 2
        server.restart()
        cloud.create()
        lake.put(["b", "c"])
        compactor.say()
        assert compactor.tell()["rows_out"] == 2
        assert lake.ids() == ["b", "c"]
        compactor.close()


def test_what_does_not_fit_stays_and_is_told_by_status(cloud, tmp_path):
    lake = CloudLake(cloud, tmp_path / "log")
    for number in range(40):
        lake.put([f"{number}-{n}" for n in range(3)])
    bad = lake.put_bytes(b"not gzip", "csv.gz")
    # What a batcher with SLUICE_COLUMNS=raw writes of a source whose ids are elsewhere.
    raw = lake.put_bytes(b'{"event_id": "x", "id": "y"}\n', "jsonl", metadata={"columns": "raw"})
    report = lake.compact()
    assert report.set_aside.keys() == {bad, raw}
    assert "SLUICE_EVENT_ID" in report.set_aside[raw]
    assert len(lake.ids()) == 120
    assert sorted(lake.raw()) == sorted([bad, raw])
    status = CliRunner().invoke(app, ["compact", "--status", "--json"], env=lake.environ)
    assert json.loads(status.stdout)["set_aside"] == report.set_aside


def test_events_as_they_came_are_rows_of_their_own_text(make_pipeline, tmp_path):
    """Gzip objects of two batches that hold the same events: each is there once, byte for byte."""
    pipeline = make_pipeline(400, rate=4000)
    lake = CloudLake(pipeline.cloud, tmp_path / "log")
    pipeline.start_producer()
    pipeline.start_batcher(SLUICE_COLUMNS="raw", SLUICE_FORMAT="jsonl", SLUICE_COMPRESSION="gzip")
    until(
        lambda: sum(len(gzip.decompress(lake.cloud.bucket.get(key).body).splitlines()) for key in lake.raw()) == 400,
        "all events in objects",
        seen=pipeline.state,
    )  # fmt: skip
    pipeline.stop()
    texts = set()
    for key in lake.raw():
        found = lake.cloud.bucket.get(key)
        texts |= {line.decode() for line in gzip.decompress(found.body).split(b"\n") if line}
        # A second batch of the same messages, under a name of its own.
        again = key.replace("batch-", "batch-again-")
        lake.cloud.bucket.put(again, found.body, metadata=found.metadata)
    assert len(texts) == 400
    report = lake.compact()
    assert (report.rows_in, report.rows_out, report.set_aside) == (800, 400, {})
    rows = lake.open().table().scan().to_arrow()
    assert set(rows["event"].to_pylist()) == texts
    assert lake.ids() == sorted(set(pipeline.source.expected()))
    assert lake.raw() == []
    found = verify(pipeline, lake)
    assert (found["lost"], found["table_duplicates"], found["exit_code"]) == (0, 0, 0)
    told = CliRunner().invoke(
        app, ["read", f"s3://{pipeline.cloud.name}", "--lake", "--limit", "1"], env=lake.environ
    )
    assert "event_id" in told.stdout
