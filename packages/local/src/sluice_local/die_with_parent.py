"""Run a module as a child that does not outlive its parent: `python -m sluice_local.die_with_parent MODULE ARGS…`.

Standard input is a pipe that only the parent holds open. Its end of file means that the parent is gone,
even by kill -9: then the module gets the SIGTERM that an orderly parent would have sent.
"""

import os
import runpy
import signal
import sys
import threading


def _hold() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_hold, name="die-with-parent", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
