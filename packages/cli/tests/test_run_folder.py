"""`read`, `verify` and `read_batches` on the folder that two runs have left: the last run's rows, each once."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from sluice_cli.main import app
from sluice_core import read_batches, reasons
from sluice_core.deadletter import DeadLetter, DeadLetters
from sluice_core.errors import PermanentError
from sluice_core.keys import (
    COLUMN_TYPES_METADATA,
    DROPPED_METADATA,
    ROWS_METADATA,
    dropped_key,
    object_key,
)
from sluice_core.lake.csv_text import encode_csv
from sluice_core.service.stop import Stop
from sluice_core.testing import FakeClock, FakeS3, FakeSqs
from sluice_local.run import lake_copy
from sluice_local.run.table import make_table
from typer.testing import CliRunner


def _run(
    data: Path,
    rows: Sequence[str],
    *,
    prefix: str = "events",
    dead: Sequence[str] = (),
    missing: Sequence[str] = (),
    dropped: int = 0,
    table: bool = True,
) -> None:
    """What `LocalRun` leaves, by its own functions, in its order. `missing`: sent, and nowhere else."""
    lake_copy.prepare(data, prefix)
    entries = [{"id": name, "state": "sent", "digest": "1" * 16} for name in (*rows, *missing)]
    entries += [{"id": name, "state": "dead", "digest": "1" * 16} for name in dead]
    lines = [json.dumps(entry) for entry in ({"state": "start"}, *entries)]
    (data / lake_copy.INTERNAL / "ledger.ndjson").write_text("\n".join(lines) + "\n")
    bucket, queue = FakeS3(), FakeSqs(FakeClock())
    for number, name in enumerate(rows):
        told = {COLUMN_TYPES_METADATA: "is", ROWS_METADATA: "1"}
        key = object_key(prefix, "dt=2026-11-23/hour=14", f"batch-{number}.csv")
        bucket.put(key, encode_csv(pa.table({"n": [number], "event_id": [name]})), metadata=told)
    if dropped:
        bucket.put(dropped_key(prefix), b"", metadata={DROPPED_METADATA: str(dropped)})
    letters = DeadLetters(queue, bucket, stop=Stop(), clock=FakeClock(), max_message_bytes=1_500)
    letters.send(
        [
            DeadLetter(
                json.dumps({"meta": {"id": name}, "pad": "x" * 3_000 * number}),
                reasons.TOO_LARGE,
                "too large",
            )
            for number, name in enumerate(dead)
        ]
    )
    lake_copy.write_dead_letters(list(lake_copy.take_messages(queue)), data)
    lake_copy.copy_objects(bucket, data)
    if table:
        assert make_table(data, prefix, Stop()).fault is None


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("sluice-data")


def _sluice(*args: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "120"})
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def _verify(*args: object, code: int = 0) -> dict[str, object]:
    told: dict[str, object] = json.loads(_sluice("verify", *args, "--json", code=code))
    return told


def _earlier(data: Path) -> Path:
    (found,) = (data / "earlier").iterdir()
    return found


def test_read_shows_the_last_run_and_each_row_once(data: Path) -> None:
    _run(data, ["a", "b"])
    _run(data, ["c", "d", "e"])
    said = _sluice("read")
    assert "3 rows of sluice-data" in said
    assert _sluice("read", "-o", "all.csv") == "3 rows written to all.csv\n"
    assert sorted(read_batches("all.csv")["event_id"]) == ["c", "d", "e"]
    assert sorted(read_batches(data)["event_id"]) == ["c", "d", "e"]
    assert sorted(read_batches(data / "events")["event_id"]) == ["c", "d", "e"]
    assert sorted(read_batches(_earlier(data))["event_id"]) == ["a", "b"]


def test_the_prefix_is_the_runs_own(data: Path) -> None:
    _run(data, ["a"])
    _run(data, ["b"], prefix="rows/of")
    assert (data / "events").is_dir(), "a run moves only what has its own prefix"
    assert list(read_batches(data)["event_id"]) == ["b"]
    assert _verify(data)["rows"] == 1


def test_a_folder_of_several_runs_is_none(data: Path) -> None:
    _run(data, ["a"])
    _run(data, ["b"])
    with pytest.raises(PermanentError, match="name one of them, such as sluice-data/earlier/2"):
        read_batches(data / "earlier")
    assert "holds the folders of several runs" in _sluice("verify", data / "earlier", code=2)


def test_a_run_without_rows_has_none(data: Path) -> None:
    _run(data, ["a"])
    lake_copy.prepare(data, "events")
    assert _sluice("read") == "sluice-data holds no rows yet\n"


def test_verify_takes_ledger_and_dead_letters_of_the_last_run(data: Path) -> None:
    _run(data, ["a", "b"], missing=["x"])
    _run(data, ["c", "d"], dead=["e", "f"])
    assert len(list((data / "_sluice" / "dead").iterdir())) == 1, "one of them is too large for SQS"
    told = _verify(data)
    assert (told["source"], told["rows"], told["lost"], told["duplicates"]) == (4, 2, 0, 0)
    assert (told["dead_lettered"], told["unexpected"], told["table_rows"]) == (2, 0, 2)
    assert told["dead_letters"]["reasons"] == {"too-large": 2}  # type: ignore[index]
    said = _sluice("verify", data)
    assert "nothing is lost" in said
    assert "was not read" not in said
    assert _verify(_earlier(data), code=1)["lost"] == 1
    assert _verify(data, "--no-dlq", code=1)["lost"] == 2


def test_verify_counts_what_is_gone_and_what_a_transform_left_out(data: Path) -> None:
    _run(data, ["a", "b"], missing=["c", "d"], dropped=2, table=False)
    assert (_verify(data)["dropped"], _verify(data)["lost"]) == (2, 0)
    next((data / "events").rglob("*.csv")).unlink()
    assert (_verify(data, code=1)["dropped"], _verify(data, code=1)["lost"]) == (2, 1)


def test_verify_compares_rows_with_the_copied_metadata(data: Path) -> None:
    _run(data, ["a"], table=False)
    path = next((data / "events").rglob("*.csv"))
    path.write_text(path.read_text() + '1,"a"\n')
    told = _verify(data, code=1)
    name = path.relative_to(data).as_posix()
    assert told["odd_objects"] == {name: "its metadata say 1 rows, it holds 2"}


def test_what_is_given_stands_in_the_place_of_the_runs_own(data: Path) -> None:
    _run(data, ["a"], missing=["b"])
    Path("ids").write_text("a\n")
    told = _verify(data, "--source-ids", "ids")
    assert (told["source"], told["lost"]) == (1, 0)


def test_a_dead_letters_file_that_is_none_is_named(data: Path) -> None:
    _run(data, ["a"])
    (data / "_sluice" / "dead-letters.ndjson").write_text('{"no": 1}\n')
    assert "dead-letters.ndjson has a line that is no dead letter" in _sluice(
        "verify", data, code=2
    )


def test_an_earlier_run_has_no_table_of_a_later_one(data: Path) -> None:
    _run(data, ["a"], table=False)
    _run(data, ["b"])
    assert "has no table" in _sluice("read", _earlier(data), "--lake", code=1)
    assert _verify(_earlier(data))["table"] is None
    assert "1 row of" in _sluice("read", data / "events", "--lake")


def test_a_table_that_was_moved_aside_is_told_of_and_not_counted(data: Path) -> None:
    _run(data, ["a", "b"])
    _run(data, ["c"])
    earlier = _earlier(data)
    assert (_verify(earlier)["table"], _verify(earlier)["lost"]) == (None, 0)
    for command in (["read", earlier, "--lake"], ["verify", earlier, "--lake"]):
        said = _sluice(*command, code=2 if command[0] == "verify" else 1)
        assert f"the table in {earlier}/lake was made in another place" in said
    shutil.rmtree(earlier / "lake")
    _sluice("compact", earlier, "--keep-raw", "--settle", "0")
    assert "2 rows of" in _sluice("read", earlier, "--lake")
