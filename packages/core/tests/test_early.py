"""SIGTERM before a service's own handlers are there."""

import os
import signal
import subprocess
import sys

import pytest
from sluice_core.service.early import leave_on_sigterm


@pytest.mark.parametrize(("pid", "code"), [(1, 0), (4711, -signal.SIGTERM)])
def test_sigterm_ends_the_process(pid, code):
    script = f"import os, signal; from sluice_core.service import early; early.leave_on_sigterm({pid}); os.kill(os.getpid(), signal.SIGTERM)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == code


def test_importing_it_changes_no_other_process():
    before = signal.getsignal(signal.SIGTERM)
    assert leave_on_sigterm(os.getpid()) is (os.getpid() == 1)
    assert signal.getsignal(signal.SIGTERM) is before
