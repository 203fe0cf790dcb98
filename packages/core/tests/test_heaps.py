import ctypes
import platform
import subprocess
import sys

import pytest
from sluice_core.service.main import share_heaps

_HEAPS = """
import ctypes, sys, threading
from sluice_core.service.main import share_heaps
if sys.argv[1] == "shared":
    assert share_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(12)
def work():
    together.wait()
    libc.malloc(1000)
    together.wait()
threads = [threading.Thread(target=work) for _ in range(12)]
[t.start() for t in threads], [t.join() for t in threads]
libc.fopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="not the GNU C library")
def test_threads_share_two_heaps_where_each_would_have_its_own():
    heaps = {
        asked: subprocess.run(
            [sys.executable, "-c", _HEAPS, asked],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.count("<heap ")
        for asked in ("own", "shared")
    }
    assert heaps["shared"] == 2
    assert heaps["own"] > 2


def test_a_c_library_without_heaps_of_threads_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert share_heaps() is False
