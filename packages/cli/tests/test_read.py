"""`sluice read`: rows on the screen and into files."""

import csv
import io
import json
import os
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from sluice_cli.main import app
from sluice_cli.read.rows import as_table
from sluice_core.lake.reader import read_arrow
from typer.testing import CliRunner

ROWS = 'id,title,comment,bot,event_id\n1,"a, ""b""",,true,e1\n,[red]x[/red]\x1b[31m,"two\nlines",false,e2\n3,null,"",true,e3\n'


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "sluice-data" / "dt=2026-11-23" / "hour=14"
    folder.mkdir(parents=True)
    (folder / "batch-1.csv").write_text(ROWS, newline="")
    return tmp_path


def _run(*args: str, width: int = 120) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["read", *args], env={"COLUMNS": str(width)})
    return result.exit_code, result.stdout, result.stderr


def test_table_of_the_default_directory(lake: Path) -> None:
    code, out, err = _run()
    assert (code, err) == (0, "")
    assert "3 rows of sluice-data" in out
    assert "[red]x[/red]" in out
    assert "two lines" in out
    assert "\x1b" not in out


def test_limit_and_columns(lake: Path) -> None:
    _, out, _ = _run("--limit", "1", "--columns", "event_id, id")
    assert "1 row of" in out
    assert "event_id" in out.splitlines()[1].split()[0]
    assert "e1" in out
    assert "e2" not in out
    assert "title" not in out


def test_a_narrow_terminal_says_that_columns_are_left_out(lake: Path) -> None:
    _, out, _ = _run(width=30)
    assert out.splitlines()[1].split() == ["id", "┃", "title", "┃", "comment"]
    assert "2 more columns" in out
    _, out, _ = _run(width=40)
    assert "1 more column:" in out


@given(
    table=st.dictionaries(
        st.text(
            st.characters(codec="utf-8", exclude_categories=["C", "Z", "M"]),
            min_size=1,
            max_size=30,
        ),
        st.lists(st.text(max_size=60), min_size=2, max_size=2),
        min_size=1,
        max_size=12,
    ),
    width=st.integers(1, 200),
)
def test_no_column_is_squeezed_to_nothing(table: dict[str, list[str]], width: int) -> None:
    screen = Console(width=width, file=io.StringIO(), color_system=None)
    shown = as_table(pa.table(table), width=width)
    assert Measurement.get(screen, screen.options, shown).minimum <= max(width, 1)
    names = [column.header.plain for column in shown.columns]
    assert names == list(table)[: len(names)]
    for column in shown.columns:
        longest = max(cell_len(column.header.plain), *(cell.cell_len for cell in column.cells))
        assert column.width >= min(longest, 10, width)
    left_out = len(table) - len(names)
    assert (f"{left_out} more column" in (shown.caption or "")) is (left_out > 0)


def test_columns_that_are_named_are_dropped_as_well_when_they_do_not_fit(lake: Path) -> None:
    _, out, _ = _run("--columns", "event_id,title,id,comment", width=22)
    assert out.splitlines()[1].split() == ["event_id", "┃", "title"]
    assert "2 more columns" in out


def test_a_file_that_is_there_is_overwritten_only_by_force(lake: Path) -> None:
    Path("x.csv").write_text("mine")
    code, out, err = _run("-o", "x.csv")
    assert (code, out, err) == (2, "", "sluice: x.csv exists: --force overwrites it\n")
    assert Path("x.csv").read_text() == "mine"
    assert _run("-o", "x.csv", "--force")[0] == 0
    assert Path("x.csv").read_text().startswith("id,title")


def test_somebody_who_is_there_is_asked(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("x.csv").write_text("mine")
    monkeypatch.setattr("sluice_cli.commands.read._somebody", lambda: True)
    for answer, code, first in (("n", 1, "mine"), ("y", 0, "id,title")):
        result = CliRunner().invoke(app, ["read", "-o", "x.csv"], input=f"{answer}\n")
        assert result.exit_code == code
        assert "x.csv exists. Overwrite it?" in result.output
        assert Path("x.csv").read_text().startswith(first)


def test_csv_is_written_as_the_batcher_writes_it(lake: Path) -> None:
    """What is read from a CSV object, and written again, is the same file, byte for byte."""
    text = (
        "id,title,comment,bot,share,at,event_id\n"
        '1,"a, ""b""",,true,"1.0","2026-11-23 14:00:00+00:00","e1"\n'
        ',"two\nlines","",false,,"2026-11-23 14:00:01+00:00","e2"\n'
    )
    Path("in.csv").write_text(text, newline="")
    assert _run("in.csv", "-o", "x.csv")[0] == 0
    assert Path("x.csv").read_bytes().decode() == text


def test_a_missing_value_alone_in_its_line_is_no_empty_line(lake: Path) -> None:
    Path("in.jsonl").write_text('{"a":"x"}\n{"a":null}\n')
    assert _run("in.jsonl", "-o", "x.csv")[0] == 0
    assert Path("x.csv").read_text() == 'a\n"x"\n""\n'


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_conversion_reads_back_equal(lake: Path, kind: str) -> None:
    target = lake / f"out.{kind}"
    code, out, _ = _run("--to", kind, "-o", str(target))
    assert (code, out) == (0, f"3 rows written to {target}\n")
    assert read_arrow(target).to_pylist() == read_arrow(lake / "sluice-data").to_pylist()
    assert read_arrow(target).column("id").to_pylist() == [1, None, 3]
    assert [path.name for path in lake.iterdir() if path.name.startswith(".")] == []
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~mask


def test_the_files_name_tells_the_format_and_limit_and_columns_hold(lake: Path) -> None:
    assert _run("-o", "x.parquet", "--limit", "2", "--columns", "event_id")[0] == 0
    assert pq.read_table("x.parquet").to_pylist() == [{"event_id": "e1"}, {"event_id": "e2"}]


def test_lists_and_objects_become_json_text_in_csv(lake: Path) -> None:
    Path("in.jsonl").write_text('{"a":[1,{"b":"é"}]}\n{"a":null}\n')
    assert _run("in.jsonl", "-o", "x.csv")[0] == 0
    with Path("x.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [json.loads(row["a"]) if row["a"] else None for row in rows] == [[1, {"b": "é"}], None]


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["nowhere"], 2, "nowhere does not exist: name a directory, a file or s3://"),
        (["--to", "csv"], 2, "--to csv needs a file: -o rows.csv"),
        (["-o", "x.xlsx"], 2, "say the format with --to csv, jsonl or parquet"),
        (["-o", "no/such/x.csv"], 2, "cannot write no/such/x.csv: No such file"),
        (
            ["--columns", "nope"],
            1,
            "has no column 'nope'; it has id, title, comment, bot, event_id",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    lake: Path, args: list[str], code: int, says: str
) -> None:
    got, out, err = _run(*args)
    assert (got, out) == (code, "")
    assert says in err
    assert len(err.splitlines()) == 1


def test_no_lake_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = _run()
    assert code == 2
    assert "run `sluice run` first" in err
    Path("sluice-data").mkdir()
    assert _run()[:2] == (0, "sluice-data holds no rows yet\n")
    code, _, err = _run("-o", "x.csv")
    assert code == 1
    assert "nothing was written" in err
    assert not Path("x.csv").exists()


def test_a_damaged_object_is_named(lake: Path) -> None:
    Path("sluice-data/dt=2026-11-23/hour=14/batch-0.parquet").write_bytes(b"PAR1")
    code, _, err = _run()
    assert code == 1
    assert "dt=2026-11-23/hour=14/batch-0.parquet cannot be read" in err
