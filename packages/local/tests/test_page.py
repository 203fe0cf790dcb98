"""The parts of the page: its texts, what is read for it, its numbers and lines."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from sluice_core.aws.s3 import Stored
from sluice_core.deadletter import DeadLetter
from sluice_core.testing import FakeClock, FakeS3, FakeSqs
from sluice_local.page.newest import MAX_BYTES, Reader, last_rows, some_dead_letters
from sluice_local.page.state import SAMPLES, History, counts, files, kind, written_at
from sluice_local.page.text import shown
from sluice_local.run import phases
from sluice_local.run.scrape import Snapshot

KEY = "events/dt=2026-11-26/hour=02/batch-01a215ad-884b-7544-ae16-c659f10d4db6.csv"


@given(st.one_of(st.text(max_size=400), st.text("\u202e\x00<\n\ud800x", max_size=400)))
def test_text_is_bounded_and_steers_nothing(text):
    found = shown(text, 50)
    assert len(found) <= 50
    assert not {unicodedata.category(c) for c in found} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(c) for c in found} & {"RLO", "LRO", "RLE", "LRE", "RLI"}
    if text.isascii() and text.isprintable() and len(text) <= 50:
        assert found == text


def test_text_is_cut_with_a_mark_and_nothing_is_nothing():
    assert shown("x" * 1000, 10) == "xxxxxxxxx…"
    assert shown("x" * 10, 10) == "x" * 10
    assert shown(None) == ""
    assert shown(7) == "7"


def test_the_last_rows_of_an_object_newest_first():
    bucket = FakeS3()
    lines = "".join(f"{n},<b>{n}</b>\n" for n in range(30))
    bucket.put(KEY, f"id,title\n{lines}31,\n".encode())
    (stored,) = bucket.list()
    found = last_rows(stored, "events", bucket)
    assert found.columns == ["id", "title"]
    assert found.rows[0] == ["31", ""]
    assert found.rows[1] == ["29", "<b>29</b>"]
    assert len(found.rows) == 6
    assert found.key == KEY.removeprefix("events/")


def test_an_object_that_is_large_gone_or_damaged_is_told_of_and_not_shown():
    bucket = FakeS3()
    bucket.put(f"{KEY}.gz", b"no gzip")
    (damaged,) = bucket.list()
    assert "too large" in last_rows(Stored(KEY, MAX_BYTES + 1, ""), "events", bucket).note
    for stored in (Stored(KEY, 10, ""), damaged):
        found = last_rows(stored, "events", bucket)
        assert found.note
        assert not found.rows


def test_dead_letters_are_looked_at_and_stay():
    queue = FakeSqs(FakeClock())
    for n in range(7):
        body = f"<i>{n}</i>" + "x" * 1000
        queue.put_message(DeadLetter(body, "not-json", "why").to_message())
    found = some_dead_letters(queue)
    assert len(found) == 5
    assert {(letter["reason"], letter["detail"]) for letter in found} == {("not-json", "why")}
    assert all(len(letter["body"]) == 300 for letter in found)
    assert queue.attributes().visible == 7


def test_the_reader_reads_what_it_is_pointed_at():
    bucket, queue = FakeS3(), FakeSqs(FakeClock())
    bucket.put(KEY, b"id\n1\n")
    queue.put_message(DeadLetter("{", "not-json", "why").to_message())
    (stored,) = bucket.list()
    with Reader(bucket, queue, "events") as reader:
        reader.look(stored, 1)
    assert reader.seen.rows.rows == [["1"]]
    assert [letter["reason"] for letter in reader.seen.dead_letters] == ["not-json"]


def test_history_is_bounded_and_its_rates_look_back_three_seconds():
    history = History()
    for n in range(1000):
        history.add(Snapshot(received=100 * n, rows=50 * n, depth=n, lag=None), n / 2)
    found = history.series()
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(
        ("in", "out", "lag", "depth"), SAMPLES
    )
    assert set(found["in"]) == {200.0}
    assert set(found["out"]) == {100.0}
    assert set(found["lag"]) == {None}
    assert found["depth"][-1] == 998


def test_a_batcher_that_begins_anew_makes_no_negative_rate():
    history = History()
    history.add(Snapshot(rows=500), 0)
    history.add(Snapshot(rows=20), 1)
    assert history.series()["out"] == [0.0, 0.0]


def test_what_is_on_the_way_is_what_is_neither_here_nor_there():
    now = Snapshot(
        received=100, filtered=5, rows=60, dropped=1, lag=None,
        dead_counts={"producer": {"not-json": 1}, "batcher": {"not-json": 2, "bad-event": 1}},
    )  # fmt: skip
    found = counts(now)
    assert found["on_the_way"] == 30
    assert found["dead_letters"] == 4
    assert found["dropped"] == 1
    assert found["lag"] is None
    assert now.dead_reasons == {"not-json": 3, "bad-event": 1}


def test_a_source_that_is_gone_is_bad_news_and_a_drain_is_none():
    found = [
        kind(name) for name in (phases.STARTING, phases.RUNNING, phases.NO_SOURCE, phases.EMPTYING)
    ]
    assert found == ["busy", "good", "bad", "busy"]


def test_files_have_the_time_that_their_names_tell():
    assert written_at(KEY) == 1795660023.883
    assert written_at("events/mine.csv") is None
    (found,) = files([Stored(KEY, 7, "")], "events")
    assert found["name"] == KEY.removeprefix("events/")
