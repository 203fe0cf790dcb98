"""Without a hook a batcher's process never loads pandas, whatever it writes; with one it does."""

import json
import subprocess
import sys

import pytest

CODE = """
import json, sys
import sluice_batcher.__main__ as process
from sluice_batcher.testing import Rig, event, pack

asked = [(f, c) for f in ("csv", "jsonl", "parquet") for c in ("article", "recentchange")] + [("jsonl", "raw")]
process.Batcher = lambda *a: type("Ready", (), {"run": lambda self: 0})()
process.connect = lambda *a: None
rigs = [Rig(format=f, columns=c) for f, c in asked]
assert process.run(rigs[0].settings, process.Conversion.of(rigs[0].settings), None) == 0
heap = process.share_memory.__globals__["pa"].default_memory_pool().backend_name
for rig in rigs:
    rig.send([pack([event(f"e{n}", title=None, id=n, bot=True, log_params={"a": [n]}) for n in range(9)])])
    rig.send([pack([event(f"u{n}", timestamp=n, revision={"old": n}) for n in range(9)])])
    rig.run_dry()
    assert len(rig.queue) == 0 and rig.dead() == [] and rig.bucket.objects, (rig.settings.format, rig.settings.columns)
print(json.dumps([len(rigs), sorted(m for m in sys.modules if m == "pandas"), heap]))
"""


def printed(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_no_pandas_without_a_hook_and_one_heap():
    assert printed(CODE) == [7, [], "system"]


def test_it_is_pyarrow_that_would_load_it():
    code = "import json, sys, sluice_batcher.__main__, pyarrow as pa\n{}\npa.array([1])\nprint(json.dumps('pandas' in sys.modules))"
    assert printed(code.format("")) is True
    assert printed(code.format("sluice_batcher.__main__.do_without_pandas()")) is False


@pytest.mark.parametrize("before", ["import pandas; assert not do_without_pandas()", ""])
def test_with_a_hook_pyarrow_and_pandas_work_together(before):
    code = f"""
import json
from sluice_batcher.rows.lean import do_without_pandas
{before}
import pyarrow as pa
import pandas
print(json.dumps(list(pa.table({{"a": [1, 2]}}).to_pandas()["a"])))
"""
    assert printed(code) == [1, 2]


def test_who_did_without_may_still_import_it():
    code = """
import json
from sluice_batcher.rows.lean import do_without_pandas
assert do_without_pandas()
import pandas
print(json.dumps(list(pandas.Series([1, 2]))))
"""
    assert printed(code) == [1, 2]
