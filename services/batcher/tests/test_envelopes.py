"""What AWS wraps around an event, and what is nobody's row: unwrapped where it is asked for, else a dead letter."""

import json

import pytest
from sluice_batcher.testing import Rig, event, pack
from sluice_core import reasons, wire
from sluice_core.aws.messages import OutMessage

INNER = {"id": 5, "title": "T", "timestamp": 1700000000}


def sns(message, **more):
    topic = "arn:aws:sns:eu-west-1:123456789012:changes"
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": topic,
        "Message": message,
        "Timestamp": "2026-11-23T14:05:00.000Z",
        "SignatureVersion": "1",
        "Signature": "c2lnbmF0dXJl",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/x.pem",
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        **more,
    }


BUS = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "change",
    "source": "my.app",
    "account": "123456789012",
    "time": "2026-11-23T14:05:00Z",
    "region": "eu-west-1",
    "resources": [],
    "detail": INNER,
}
TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-23T14:05:00.000Z"}
S3_EVENT = {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]}
STRANGERS = {
    "sns": (sns("hello"), "SLUICE_UNWRAP=sns"),
    "eventbridge": (BUS, "SLUICE_UNWRAP=eventbridge"),
    "s3 test": (TEST_EVENT, "S3's test event"),
    "s3": (S3_EVENT, "an S3 notification"),
    "confirmation": ({"Type": "SubscriptionConfirmation", "Token": "t"}, "SLUICE_COLUMNS"),
    "empty": ({}, "SLUICE_COLUMNS"),
    "nulls": ({"id": None, "title": None, "time": 1700000000}, "SLUICE_COLUMNS"),
    "nothing that fits": ({"id": "x", "bot": "perhaps", "meta": 5}, "SLUICE_COLUMNS"),
}


@pytest.mark.parametrize("name", STRANGERS)
@pytest.mark.parametrize("columns", ["article", "recentchange"])
def test_an_object_in_which_no_column_finds_anything_is_a_dead_letter(name, columns):
    body, hint = STRANGERS[name]
    rig = Rig(batch_max_rows=1, columns=columns)
    rig.send([OutMessage(json.dumps(body), {}), pack([event("a", title="t"), body, event("b")])])
    rig.run_dry()
    dead_letters = rig.dead()
    assert [(x.reason, x.body, x.position) for x in dead_letters] == [
        (reasons.NO_COLUMN, json.dumps(body), None),
        (reasons.NO_COLUMN, json.dumps(body), 1),
    ]
    assert all(hint in dead_letter.detail for dead_letter in dead_letters)
    assert rig.ids() == ["a", "b"]
    assert len(rig.queue) == 0


def test_columns_without_a_path_have_nothing_to_judge_by(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        'columns: [{name: event_id, path: "@event_id"}, {name: at, path: "@event_time"}]'
    )
    rig = Rig(batch_max_rows=1, columns=path)
    rig.send([wire.encode_plain(b'{"any": 1}', source="s", event_id="x")])
    rig.run_dry()
    assert rig.ids() == ["x"]
    assert rig.dead() == []


def test_an_sns_notification_is_unwrapped():
    rig = Rig(batch_max_rows=1, unwrap="sns")
    rig.send([OutMessage(json.dumps(sns(json.dumps(INNER))), {})])
    rig.run_dry()
    (row,) = rig.rows()
    assert (row["id"], row["title"]) == (5, "T")
    assert row["event_id"] == "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
    assert [key for key in rig.bucket.objects if "dt=2023-11-14/hour=22" in key]


def test_a_pack_through_a_topic_is_a_pack_again():
    sent = pack([event("a"), event("b")])
    attributes = {
        name: {"Type": "String", "Value": str(value)} for name, value in sent.attributes.items()
    }
    rig = Rig(batch_max_rows=1, unwrap="sns")
    rig.send([OutMessage(json.dumps(sns(sent.body, MessageAttributes=attributes)), {})])
    rig.run_dry()
    assert rig.ids() == ["a", "b"]
    assert rig.dead() == []


def test_an_eventbridge_event_is_unwrapped_exactly():
    body = (
        json.dumps(BUS)
        .replace('"T"', r'"é\ud83d\ude00"')
        .replace('"id": 5', '"id": 9007199254740993')
    )
    rig = Rig(batch_max_rows=1, unwrap="eventbridge")
    rig.send([OutMessage(body, {})])
    rig.run_dry()
    (row,) = rig.rows()
    assert (row["id"], row["title"]) == (9007199254740993, "é😀")
    assert row["event_id"] == BUS["id"]


@pytest.mark.parametrize("unwrap", ["sns", "eventbridge"])
def test_what_is_no_such_envelope_stays_as_it_is(unwrap):
    strangers = [
        STRANGERS["confirmation"][0],
        {**BUS, "detail": "text"},
        {**sns("x"), "Message": 5},
    ]
    rig = Rig(batch_max_rows=1, unwrap=unwrap)
    rig.send([OutMessage(json.dumps(body), {}) for body in strangers])
    rig.send([pack([event("a")]), OutMessage(json.dumps(event("b")), {})])
    rig.run_dry()
    assert sorted(dead_letter.body for dead_letter in rig.dead()) == sorted(
        map(json.dumps, strangers)
    )
    assert rig.ids() == ["a", "b"]


def test_a_notification_of_no_json_is_a_dead_letter():
    rig = Rig(batch_max_rows=1, unwrap="sns")
    rig.send([OutMessage(json.dumps(sns("hello")), {})])
    rig.run_dry()
    assert [(x.reason, x.body) for x in rig.dead()] == [(reasons.NOT_JSON, "hello")]
