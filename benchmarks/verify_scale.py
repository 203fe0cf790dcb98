"""Seconds and peak memory of `sluice verify` for millions of ids: Parquet objects, the source's ids, a ledger.

python benchmarks/verify_scale.py [--millions 10] [--ledger]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 50_000


def make(folder: Path, count: int) -> None:
    """`count` UUID-like ids in objects of `ROWS` rows; the first million's last one is missing, one is there twice."""
    (folder / "events").mkdir()
    with (folder / "source").open("w") as source, (folder / "ledger").open("w") as ledger:
        ledger.write('{"state":"start"}\n')
        for start in range(0, count, ROWS):
            ids = [_id(n) for n in range(start, min(start + ROWS, count))]
            source.writelines(f"{name}\n" for name in ids)
            ledger.writelines(
                f'{{"id":"{name}","state":"sent","digest":"{n:016x}"}}\n'
                for n, name in enumerate(ids)
            )
            if start == 0:
                ids[-1] = ids[0]
            pq.write_table(
                pa.table({"event_id": ids}), folder / "events" / f"batch-{start:012}.parquet"
            )


def _id(number: int) -> str:
    text = f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def main() -> None:
    """Makes the files, runs `sluice verify` on them, and tells what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, default=10)
    parser.add_argument(
        "--ledger", action="store_true", help="with the producer's ledger beside the source"
    )
    options = parser.parse_args()
    count = round(options.millions * 1_000_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, count)
        command = [
            sys.executable,
            "-m",
            "sluice_cli.main",
            "verify",
            str(folder / "events"),
            "--json",
        ]
        command += ["--source-ids", str(folder / "source")]
        command += ["--ledger", str(folder / "ledger")] if options.ledger else []
        started = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
    said = json.loads(done.stdout)
    if (said["source"], said["lost"], said["duplicates"]) != (count, 1, 1):
        raise SystemExit(f"wrong account: {done.stdout[:2000]}")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    print(f"{count:,} ids: {seconds:.1f} s ({cpu:.1f} s of CPU), peak {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
