"""Objects of events as they came (`SLUICE_COLUMNS=raw`): each event once, its text byte for byte."""

import gzip
import json

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sluice_compactor.compact.partition import FileLimits
from sluice_compactor.errors import UnfitError
from sluice_compactor.maintain.forget import Forgetter
from sluice_compactor.raw.events import event_rows
from sluice_compactor.raw.fit import read_raw
from sluice_compactor.testing import DAY, HOUR, FolderLake, events
from sluice_core.errors import PermanentError
from sluice_core.wire.event_id import META_ID, digest
from sluice_core.wire.id_rule import SHA256, SSE

RAW = {"columns": "raw"}


def line(name, **more):
    """An event of which no parser would write the text again: spaces, an escape, a number's zero."""
    body = json.dumps({"meta": {"id": name}, **more})[1:-1]
    return f'{{ {body}, "n": 1.10, "u":"\\u00e9é" }}'.encode()


@pytest.fixture
def lake(tmp_path):
    return FolderLake(tmp_path, {"SLUICE_LAKE_MAINTAIN": "false"})


def test_each_event_is_there_once_with_its_text_its_day_and_its_hour(lake):
    lake.put_events(f"{HOUR}/1.jsonl.gz", [line("a"), line("b"), line("a")])
    lake.put_events(f"{DAY}/hour=15/2.jsonl", [line("c", user="Ada")])
    lake.compact()
    lake.put_events(f"{HOUR}/3.jsonl.gz", [line("b"), line("d")])
    report = lake.compact()
    assert (report.rows_in, report.rows_out, report.set_aside, lake.raw()) == (2, 1, {}, [])
    found = [(row["event_id"], row["event"].encode(), row["hour"]) for row in lake.rows()]
    texts = {"a": line("a"), "b": line("b"), "c": line("c", user="Ada"), "d": line("d")}
    assert found == [(name, text, 15 if name == "c" else 14) for name, text in texts.items()]
    assert {str(row["dt"]) for row in lake.rows()} == {"2026-11-23"}


def test_a_table_with_columns_gets_the_text_as_one_more(lake):
    lake.put(f"{HOUR}/1.csv", events("a"))
    lake.compact()
    lake.put_events(f"{HOUR}/2.jsonl", [line("a"), line("b")])
    lake.compact()
    assert [(row["event_id"], row["title"], row["event"]) for row in lake.rows()] == [
        ("a", "title a", None),
        ("b", None, line("b").decode()),
    ]


@pytest.mark.parametrize(
    ("settings", "ids"),
    [
        ({"SLUICE_EVENT_ID": "key.of"}, ["7", "x"]),
        ({"SLUICE_EVENT_ID": '["key", "of"]', "SLUICE_LAKE_ID_COLUMN": "id"}, ["7", "x"]),
        ({"SLUICE_EVENT_ID": "sha256"}, None),
    ],
)
def test_ids_are_found_by_the_producers_rule(tmp_path, settings, ids):
    lake = FolderLake(tmp_path, settings)
    lines = [b'{"key":{"of":"x"}}', b'{"key": {"of": 7}}', b'{"key":{"of":"x"}}']
    lake.put_events(f"{HOUR}/1.jsonl", lines)
    assert lake.compact().rows_out == 2
    assert lake.ids() == (ids or sorted(map(digest, lines[:2])))


@pytest.mark.parametrize("rule", [META_ID, ("no", "such"), SSE])
def test_where_ids_are_not_to_be_found_the_object_is_set_aside(tmp_path, rule):
    """Never by a hash in the id's place: two equal events may be two."""
    setting = rule if isinstance(rule, str) else ".".join(rule)
    lake = FolderLake(tmp_path, {"SLUICE_EVENT_ID": setting})
    lake.put(f"{HOUR}/1.csv", events("a"))
    lake.put_events(f"{HOUR}/2.jsonl", [line("b"), b'{"meta":{}}', b'{"meta":{"id":"\\ud83d"}}'])
    report = lake.compact()
    (why,) = report.set_aside.values()
    assert "SLUICE_EVENT_ID" in why
    if rule == META_ID:
        assert why.startswith("2 of its 3 rows have no event id")
    assert lake.raw() == [f"{HOUR}/2.jsonl"]
    assert lake.ids() == ["a"]


@given(
    st.lists(
        st.dictionaries(st.text(max_size=3), st.text(max_size=5) | st.integers() | st.none()),
        max_size=8,
    ),
    st.sampled_from(["", ".gz", ".zst"]),
)
def test_any_events_text_is_its_rows(bodies, ending):
    lines = [json.dumps({"meta": {"id": f"e{n}"}, **b}).encode() for n, b in enumerate(bodies)]
    body = b"".join(text + b"\n" for text in lines)
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}[ending]
    rows = event_rows(f"batch.jsonl{ending}", pack(body), "event_id", META_ID)
    assert [text.encode() for text in rows["event"].to_pylist()] == lines
    assert rows["event_id"].to_pylist() == [
        None if "meta" in body else f"e{n}" for n, body in enumerate(bodies)
    ]


def test_what_is_no_object_of_lines_is_unfit():
    with pytest.raises(PermanentError, match="JSON lines"):
        read_raw("batch.csv", b"a\n1\n", RAW, "event_id")
    with pytest.raises(PermanentError, match="cannot be read"):
        read_raw("batch.jsonl.gz", b"no gzip", RAW, "event_id")
    with pytest.raises(UnfitError, match="not UTF-8"):
        read_raw("batch.jsonl", b'{"x": "\xff"}\n', RAW, "event_id", SHA256)
    with pytest.raises(UnfitError, match="SLUICE_LAKE_ID_COLUMN"):
        read_raw("batch.jsonl", line("a"), RAW, "event")


def test_what_is_forgotten_does_not_come_back(lake):
    lake.put_events(f"{HOUR}/1.jsonl", [line("a"), line("b")])
    lake.compact()
    opened = lake.open()
    Forgetter(
        opened.catalog,
        lake.settings.identifier,
        opened.place,
        id_column="event_id",
        limits=FileLimits(2**26, 2**26),
    ).forget("event_id = 'a'", do=True)
    lake.put_events(f"{HOUR}/2.jsonl", [line("a"), line("c")])
    lake.compact()
    assert lake.ids() == ["b", "c"]
