"""`SLUICE_COLUMNS=raw`: the lines of the objects are the events, byte for byte."""

import gzip
import json
from types import SimpleNamespace

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sluice_batcher.app import Conversion
from sluice_batcher.rows.lines import events_table, lines_of
from sluice_batcher.settings import BatcherSettings
from sluice_batcher.testing import Rig, event, pack
from sluice_core import reasons
from sluice_core.aws.messages import OutMessage
from sluice_core.errors import ConfigError
from sluice_core.settings import load_settings

FIRST = b'{"$schema": "/x/1", "meta": {"id": "a", "dt": "2026-11-23T14:05:00Z"}, "n": 1.10, "z":"\xc3\xa9"}'
NEXT_HOUR = b'{"meta":{"dt":"2026-11-23T15:00:00Z","id":"b"},"deep":[[{"x":"\\u2028"}]]}'
ODD = b'{"meta": 7, "timestamp": {"no": "time"}, "half": "\\ud83d"}'


def objects(rig):
    return {k: o for k, o in sorted(rig.bucket.objects.items()) if not k.startswith("_sluice/")}


def lines(rig):
    return [line for o in objects(rig).values() for line in o.body.split(b"\n")[:-1]]


def test_events_go_out_as_they_came_each_to_its_hour():
    rig = Rig(columns="raw", batch_max_rows=1000)
    rig.send([pack([FIRST, NEXT_HOUR, FIRST]), OutMessage(NEXT_HOUR.decode()), pack([FIRST])])
    rig.run_dry()
    by_hour = {key.split("/")[2]: o.body for key, o in objects(rig).items()}
    assert by_hour == {
        "hour=14": b"".join(line + b"\n" for line in (FIRST, FIRST, FIRST)),
        "hour=15": b"".join(line + b"\n" for line in (NEXT_HOUR, NEXT_HOUR)),
    }
    told = [(o.metadata["rows"], o.metadata["columns"]) for o in objects(rig).values()]
    assert told == [("3", "raw"), ("2", "raw")]
    assert len(rig.queue) == 0


def test_bad_lines_are_dead_letters_with_place_and_pack_and_the_others_stay():
    rig = Rig(columns="raw", max_event_bytes=2000)
    big = json.dumps(event("big", comment="x" * 3000)).encode()
    bad = [b"not json", b"[1]", b'{"skipped": "\xff"}', b'{"a": NaN}', b'{"a": 01}', big]
    message = pack([FIRST, *bad, ODD])
    rig.send([message])
    rig.run_dry()
    assert lines(rig) in ([FIRST, ODD], [ODD, FIRST])
    found = {dead.position: (dead.reason, dead.pack_id) for dead in rig.dead()}
    pack_id = message.attributes["sluice-pack-id"]
    codes = (
        reasons.NOT_JSON,
        reasons.NOT_OBJECT,
        reasons.BAD_UTF8,
        reasons.NOT_JSON,
        reasons.NOT_JSON,
        reasons.TOO_LARGE,
    )
    assert found == {place: (code, pack_id) for place, code in enumerate(codes, start=1)}
    assert len(rig.queue) == 0


@pytest.mark.parametrize(
    "message",
    [
        OutMessage('{\r\n  "meta": {"id": "a"},\n  "t": "x\\ny"\n}'),
        pack([b'{\r  "meta": {"id": "a"}, \r"t": "x\\ny"}']),
    ],
    ids=["plain", "packed"],
)
def test_an_event_of_several_lines_is_one_line(message):
    rig = Rig(columns="raw", partition_by="none")
    rig.send([message])
    rig.run_dry()
    assert len([body for o in objects(rig).values() for body in o.body.splitlines()]) == 1
    (line,) = lines(rig)
    assert json.loads(line) == {"meta": {"id": "a"}, "t": "x\ny"}


@pytest.mark.parametrize(
    ("compression", "undo"), [("gzip", gzip.decompress), ("zstd", zstandard.decompress)]
)
def test_compressed_lines_are_the_same_lines(compression, undo):
    rig = Rig(columns="raw", compression=compression, partition_by="none")
    rig.send([pack([FIRST, NEXT_HOUR]), pack([ODD])])
    rig.run_dry()
    (stored,) = objects(rig).values()
    assert undo(stored.body) == b"".join(line + b"\n" for line in (FIRST, NEXT_HOUR, ODD))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
LINES = st.dictionaries(
    st.sampled_from(["meta", "timestamp", "time", "ts", "x"]), VALUES | st.just({"id": "e"})
).map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@given(
    st.lists(st.lists(LINES | st.binary(max_size=8).filter(lambda b: b"\n" not in b)), max_size=3)
)
def test_every_line_is_stored_unchanged_or_a_dead_letter(packs):
    rig = Rig(columns="raw")
    sent = [line for events in packs for line in events]
    rig.send([pack(events) for events in packs if events])
    rig.run_dry()
    dead = rig.dead()
    assert len(rig.queue) == 0
    kept = sorted(lines(rig))
    refused = [line for line in sent if not _object(line)]
    assert kept == sorted(line for line in sent if _object(line))
    assert len(dead) == len(refused)


def _object(line):
    try:
        return isinstance(json.loads(line.decode()), dict)
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "SLUICE_COLUMNS=raw: events as they came are JSON lines; SLUICE_FORMAT=csv has"),
        ({"SLUICE_FORMAT": "parquet"}, "SLUICE_FORMAT=parquet has columns"),
        (
            {"SLUICE_FORMAT": "jsonl", "SLUICE_TRANSFORM": "a:b"},
            "SLUICE_TRANSFORM='a:b': a hook works on columns, and SLUICE_COLUMNS=raw has none",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(values, message):
    with pytest.raises(ConfigError) as caught:
        load_settings(BatcherSettings, {"SLUICE_COLUMNS": "raw", **values})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_raw_has_ids():
    given = load_settings(BatcherSettings, {"SLUICE_COLUMNS": "raw", "SLUICE_FORMAT": "jsonl"})
    assert Conversion.of(given).columns.has_event_id


def test_a_slice_of_rows_is_a_slice_of_lines():
    held = SimpleNamespace(events=[FIRST, b"bad", NEXT_HOUR, ODD], positions=[0, 2, 3], ends=None)
    table = events_table([held, held])
    assert lines_of(table.slice(1, 3)) == b"".join(x + b"\n" for x in (NEXT_HOUR, ODD, FIRST))
    assert lines_of(pa.concat_tables([table.slice(5), table.slice(0, 1)])) == (
        ODD + b"\n" + FIRST + b"\n"
    )
    assert lines_of(table.slice(0, 0)) == b""
