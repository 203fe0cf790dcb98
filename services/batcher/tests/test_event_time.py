"""Which partition an event goes to: its own time, wherever it stands and however it is written; else SQS's."""

import json
from datetime import UTC, datetime

import pytest
from sluice_batcher.testing import Rig, pack
from structlog.testing import capture_logs

HOUR = "dt=2023-11-14/hour=22"


def partitions(rig):
    found = {}
    for key, stored in sorted(rig.bucket.objects.items()):
        if key.startswith("events/"):
            titles = [json.loads(line)["title"] for line in stored.body.splitlines()]
            found.setdefault(key.removeprefix("events/").rpartition("/")[0], []).extend(titles)
    return found


@pytest.mark.parametrize(
    "fields",
    [
        {"created_at": "2023-11-14T22:13:20Z"},
        {"time": 1700000000},
        {"timestamp": 1700000000123456789},
        {"ts": "1700000000"},
        {"ts": "Tue, 14 Nov 2023 22:13:20 GMT"},
        {"meta": {"dt": "2023-11-14T22:13:20Z"}, "time": 5},
        {"time": "noon", "timestamp": 1700000000000},
    ],
)
def test_the_fields_of_both_presets_are_asked_for(fields):
    rig = Rig(batch_max_rows=1)
    rig.send([pack([{"title": "a", **fields}])])
    rig.run_dry()
    assert partitions(rig) == {HOUR: ["a"]}
    assert rig.metric("rows_without_event_time_total") == 0


def test_the_setting_names_the_path():
    rig = Rig(batch_max_rows=1, event_time="data.at, ledger.closed_at")
    rig.send(
        [
            pack(
                [
                    {"title": "a", "ledger": {"closed_at": "2023-11-14T22:13:20Z"}, "time": 5},
                    {"title": "b", "data": {"at": 1700000000}, "ledger": {"closed_at": 5}},
                ]
            )
        ]
    )
    rig.run_dry()
    assert partitions(rig) == {HOUR: ["a", "b"]}


def test_rows_without_a_time_go_by_sent_timestamp_and_are_counted_and_told_once():
    rig = Rig(batch_max_rows=1)
    arrival = datetime.fromtimestamp(rig.clock.now(), UTC)
    rig.send([pack([{"title": "a"}, {"title": "b", "ts": 20231114}, {"title": "c", "ts": 1.7e9}])])
    with capture_logs() as logs:
        rig.run_dry()
        rig.send([pack([{"title": "a"}])])
        rig.run_dry()
    found = partitions(rig)
    assert found.pop(HOUR) == ["c"]
    assert found == {f"dt={arrival:%Y-%m-%d}/hour={arrival:%H}": ["a", "b", "a"]}
    assert rig.metric("rows_without_event_time_total") == 3
    (told,) = [line for line in logs if "SLUICE_EVENT_TIME" in line.get("event", "")]
    assert (told["log_level"], told["rows"]) == ("warning", 2)
