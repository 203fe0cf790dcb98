"""The chart's own test, as its pod runs it: against a batcher of many shapes, and with nothing sent."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.functional

SCRIPT = Path(__file__).resolve().parents[2] / "deploy/helm/sluice/files/helm_test.py"
PRODUCTION = {
    "SLUICE_FORMAT": "parquet",
    "SLUICE_COMPRESSION": "zstd",
    "SLUICE_COLUMNS": "recentchange",
}
NO_TEXT = (
    "columns:\n- {name: when, path: at.ms, type: int64}\n- {name: good, path: good, type: bool}\n"
)
ELSEWHERE = (
    "columns:\n- {name: what, path: payload.text}\n- {name: more, path: payload, type: json}\n"
)


def run(pipeline, *, sent="true", seconds=60, **settings):
    """The script's exit code and what it said."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={**pipeline.environ(**settings), "MARK_SENT": sent, "TIMEOUT_SECONDS": str(seconds)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("settings", "columns", "says"),
    [
        ({}, None, "its row is in"),
        (PRODUCTION, None, "its row is in"),
        ({"SLUICE_FORMAT": "jsonl", "SLUICE_COLUMNS": "raw"}, None, "its row is in"),
        ({"SLUICE_FORMAT": "jsonl", "SLUICE_COMPRESSION": "gzip"}, NO_TEXT, "no column of text"),
        ({"SLUICE_FORMAT": "csv", "SLUICE_COMPRESSION": "zstd", "SLUICE_PREFIX": "", "SLUICE_PARTITION_BY": "none",
          "SLUICE_EVENT_TIME": "payload.when"}, ELSEWHERE, "its row is in"),
    ],
)  # fmt: skip
def test_it_finds_its_event(make_pipeline, tmp_path, settings, columns, says):
    if columns:
        (tmp_path / "columns.yaml").write_text(columns)
        settings = {**settings, "SLUICE_COLUMNS": str(tmp_path / "columns.yaml")}
    pipeline = make_pipeline(events=500)
    pipeline.start_producer()
    pipeline.start_batcher(**settings)
    code, said = run(pipeline, **settings)
    assert code == 0, said
    assert says in said


def test_it_fails_when_nothing_was_sent_and_when_the_row_is_left_out(make_pipeline, tmp_path):
    pipeline = make_pipeline(events=0)
    (tmp_path / "drops.py").write_text(
        "def all_of_it(frame):\n    return frame[frame.title == 'kept']\n"
    )
    hook = {"SLUICE_TRANSFORM": "drops:all_of_it", "PYTHONPATH": str(tmp_path)}
    pipeline.start_batcher(**hook)
    code, said = run(pipeline, sent="false", seconds=3)
    assert code == 1
    assert "not found in time" in said
    code, said = run(pipeline, seconds=8)
    assert code == 1
    assert "not found in time" in said or "left out" in said
