"""The lake's table on a cluster: whatever is killed under load, the CronJob's run leaves each event there once."""

import json
from collections import Counter

import pytest
from kit.lake import BUCKET, KEYS
from kit.source import expected
from kit.waiting import until
from sluice_compactor.lake import Lake
from sluice_compactor.settings import CompactorSettings
from sluice_core.settings import load_settings

EVENTS = 12_000
RATE = 600


def start(release, job):
    """A run of the CronJob now, as `kubectl create job --from` makes it."""
    release.cluster.kubectl(
        "-n", release.namespace, "create", "job", job, "--from=cronjob/sluice-compactor"
    )


def state(release, job):
    told = release.cluster.kubectl("-n", release.namespace, "get", "job", job, "-o", "json").stdout
    found = json.loads(told)["status"]
    return {name: found.get(name, 0) for name in ("ready", "succeeded", "failed")}


def wait_rows(release, more):
    before = release.lake.ids().total()
    until(
        lambda: release.lake.ids().total() >= before + more,
        f"{more} more rows",
        deadline=90,
        pause=1,
    )


def table_ids(release):
    """Id → rows of the table that have it; read by PyIceberg, without a compactor's part in it."""
    environ = {**KEYS, "AWS_ENDPOINT_URL": release.lake.forward.url, "SLUICE_BUCKET": BUCKET}
    table = Lake.open(load_settings(CompactorSettings, environ), to_write=False).table()
    if table is None:
        return Counter()
    return Counter(table.scan(selected_fields=("event_id",)).to_arrow()["event_id"].to_pylist())


@pytest.mark.timeout(300)
def test_producer_and_batcher_are_killed_under_load_and_each_event_is_in_the_table_once(
    make_release, evidence, monkeypatch
):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    release = make_release(
        demoSource__args=[f"--events={EVENTS}"],
        demoSource__rate=RATE,
        autoscaling__enabled=False,
        compactor__enabled=True,
        compactor__schedule="0 0 1 1 *",  # only when the test says so
        compactor__settle="0",
    )
    ids = expected(EVENTS)
    wait_rows(release, 500)
    start(release, "killed")
    for component in ("producer", "batcher"):
        # No SIGTERM, no drain: what was sent since the checkpoint comes again, what was held is redelivered.
        release.task(component, "kill", "-s", "SIGKILL")
    until(lambda: state(release, "killed")["ready"], "a compactor at work", deadline=60, pause=0.1)
    release.task("compactor", "kill", "-s", "SIGKILL")
    for component in ("producer", "batcher"):
        until(
            lambda component=component: release.restarts(component) == 1,
            f"the {component}'s restart",
            deadline=60,
        )
    until(lambda: state(release, "killed")["failed"], "the killed run", deadline=60)

    # The killed run may have taken some objects into the table: raw and table together are all.
    until(
        lambda: release.lake.ids().keys() | table_ids(release).keys() >= set(ids),
        "all events in S3",
        deadline=90,
        pause=2,
    )
    release.lake.wait_empty(deadline=60)
    again = release.lake.ids().total() - len(release.lake.ids())
    start(release, "last")
    until(lambda: any(state(release, "last")[s] for s in ("succeeded", "failed")), "the run", deadline=90)  # fmt: skip
    assert state(release, "last")["succeeded"]

    found = table_ids(release)
    print(f"{len(ids)} events, {again} rows were there twice, {found.total()} rows in the table")
    assert found == Counter(ids)
    left = release.lake.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="events/")
    assert left["KeyCount"] == 0
    account = release.lake.verify(ids, evidence)
    assert (account["lost"], account["table_rows"], account["table_duplicates"]) == (0, len(ids), 0)
