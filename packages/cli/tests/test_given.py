"""What the source gave, from files of every kind."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_cli.verify import expected_ids
from sluice_cli.verify.expected_ids import read_expected
from sluice_core.errors import ConfigError
from sluice_core.lake.told import FILTERED, REPEATED, Telling, Told
from sluice_core.wire.event_id import digest, short_digest


def _filtered(told: Told) -> list[str]:
    return [str(told.ids[n]) for n in range(len(told.ids)) if told.states[n] == FILTERED]


def _read(tmp_path: Path, data: bytes) -> Told:
    return _telling(tmp_path, data).whole()


def _telling(tmp_path: Path, data: bytes) -> Telling:
    path = tmp_path / "ids"
    path.write_bytes(data)
    return read_expected(path)


def test_plain_ids(tmp_path: Path) -> None:
    found = _read(tmp_path, 'a\r\n\n  b \n"c d"\n17\né\u2028f'.encode())
    assert found.ids.to_pylist() == ["a", "b", "c d", "17", "é\u2028f"]


def test_events_canaries_and_what_is_no_json(tmp_path: Path) -> None:
    lines = [
        b'{"meta":{"id":"a","domain":"en.wikipedia.org"},"id":1}',
        b'{"meta":{"id":"b","domain":"canary"}}',
        b'{"title":"no id"}',
        b'{"broken":',
        b"[1,2]",
        b'{"id":"x","state":"sold","price":3}',
    ]
    found = _read(tmp_path, b"\n".join(lines) + b"\n")
    assert found.ids.to_pylist() == ["a", "b", *map(digest, lines[2:])]
    assert _filtered(found) == ["b"]
    assert found.torn == 0


def test_both_ledgers(tmp_path: Path) -> None:
    states = ["sent", "dead", "filtered", "offered", "canary"]
    lines = [json.dumps({"id": f"e{n}", "state": state}) for n, state in enumerate(states)]
    lines.append('{"id":"e9","n":4,"state":"offered"}')
    found = _read(tmp_path, "\n".join(lines).encode())
    assert found.ids.to_pylist() == ["e0", "e1", "e2", "e3", "e4", "e9"]
    assert _filtered(found) == ["e2", "e4"]


def test_occurrences_starts_and_content(tmp_path: Path) -> None:
    lines = [
        '{"state":"start"}',
        '{"id":"a","state":"sent","digest":"00000000000000ff"}',
        '{"id":"a","state":"repeated","digest":"0000000000000010"}',
        '{"state":"start"}',
        '{"id":"a","state":"sent","digest":"no digest"}',
        '{"meta":{"id":"b"}}',
    ]
    found = _read(tmp_path, "\n".join(lines).encode())
    assert found.ids.to_pylist() == ["a", "a", "a", "b"]
    assert found.states[1] == REPEATED
    assert found.digests.tolist() == [255, 16, 0, int(short_digest(lines[-1].encode()), 16)]
    assert found.runs.tolist() == [1, 1, 2, 2]


def test_the_source_runs_ahead_of_its_reader(tmp_path: Path) -> None:
    source = _telling(
        tmp_path,
        b"\n".join(
            b'{"id":"e%d","state":"%s"}' % (n, b"canary" if n % 3 == 0 else b"offered")
            for n in range(10)
        ),
    )
    reader = _telling(tmp_path, b"e1\ne5\ne4\n")
    head, unread = source.up_to_last_of(reader)
    assert head.whole().ids.to_pylist() == [f"e{n}" for n in range(6)]
    assert _filtered(head.whole()) == ["e0", "e3"]
    assert unread == 4
    nothing, unread = source.up_to_last_of(_telling(tmp_path, b""))
    assert (len(nothing), unread) == (0, 10)


def test_a_ledger_whose_writer_was_killed(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        b'{"id":"a","state":"sent"}\n{"id":"b","sta{"id":"c","state":"sent"}\n{"id":"d","st',
    )
    assert found.ids.to_pylist() == ["a", "c"]
    assert found.torn == 2


def test_more_than_a_chunk(tmp_path: Path) -> None:
    found = _read(tmp_path, b"".join(b"%d\n" % n for n in range(100_001)))
    assert len(found.ids) == 100_001
    assert found.ids[100_000].as_py() == "100000"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*nothing: No such file"):
        read_expected(tmp_path / "nothing")


@given(
    kinds=st.lists(
        st.sampled_from(
            [
                b'{"id":"a","n":1,"state":"offered","digest":"00000000000000ff"}',
                b'{"id":"b","state":"repeated"}',
                b'{"id":"c","state":"sent"}',
                b'{"id":7,"state":"sent"}',
                b'{"state":"start"}',
                b'{"state":"start","n":1}',
                b'{"id":"x","state":"sent"},{"id":"y","state":"sent"}',
                b'{"id":"cut","sta{"id":"d","state":"sent"}',
                b" plain ",
                b"\xff\r",
                b"",
            ]
        ),
        max_size=4,
    )
)
def test_many_lines_at_once_tell_what_each_tells_alone(kinds: list[bytes]) -> None:
    lines = [kind + b"\n" for kind in kinds]
    alone = expected_ids._by_look(lines, 3)
    for at_once in (expected_ids._plain, expected_ids._ledger):
        assert at_once(lines, 3) in (None, alone)
