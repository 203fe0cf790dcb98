"""The events of a benchmark are as many as were asked for, whatever was asked for before."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import data


def test_events_that_were_overwritten_are_made_again(tmp_path: Path) -> None:
    for count in (40, 20, 40):
        data.make(tmp_path, count, pack=10)
        lines = (tmp_path / "plain").read_bytes().splitlines()
        packs = (tmp_path / "packed").read_text().splitlines()
        assert (len(lines), len(packs)) == (count, count // 10)
