"""SIGTERM in a container's first second, while Python still imports.

A container's first process is PID 1 of its namespace, and the kernel drops a signal that PID 1 has no handler
for. Without this module such a SIGTERM is lost: the pod runs on until its grace period ends in SIGKILL.
Importing it, first of all, is enough; the services put their own handlers in its place when they start.
"""

import os
import signal
from types import FrameType


def leave_on_sigterm(pid: int) -> bool:
    """Makes SIGTERM end the process at once with code 0, as long as `pid` is 1: nothing has begun yet.

    Any other process dies of it by default. True when the handler was installed.
    """
    if pid != 1:
        return False
    signal.signal(signal.SIGTERM, _leave)
    return True


def _leave(_signal: int, _frame: FrameType | None) -> None:
    os._exit(0)


leave_on_sigterm(os.getpid())
