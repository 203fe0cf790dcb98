"""Runs inside LocalStack's environment: `python launcher.py INTERFACE PRIVATE_DIR`.

Three things LocalStack does not do by itself. It listens on every interface whatever GATEWAY_LISTEN
says (its twisted server drops the host), so the endpoint class gets an interface here, and a port
that is taken ends the process instead of leaving it deaf. And it should not outlive the process
that started it: standard input is a pipe whose other end only that process holds, so its end of
file means that the starter is gone, killed or not. And it writes large S3 objects below one fixed
directory in /tmp, by bucket: of two LocalStacks with a bucket of one name, the first to stop takes the
other's directory away, so each gets its own.
"""

import os
import shutil
import sys
import threading
from importlib import import_module
from typing import Any


def _listen_on(interface: str) -> None:
    endpoints: Any = import_module("twisted.internet.endpoints")
    base: Any = endpoints.TCP4ServerEndpoint

    class Endpoint(base):  # type: ignore[misc] # twisted is not in the workspace's environment
        def __init__(self, reactor: object, port: int, backlog: int = 511) -> None:
            super().__init__(reactor, port, backlog=backlog, interface=interface)

        def listen(self, factory: object) -> object:
            return super().listen(factory).addErrback(_refused)

    endpoints.TCP4ServerEndpoint = Endpoint


def _keep_objects_in(directory: str) -> None:
    storage: Any = import_module("localstack.services.s3.storage.ephemeral").EphemeralS3ObjectStore
    make = storage.__init__

    def make_in_our_place(self: object, root_directory: str | None = None) -> None:
        make(self, directory)

    storage.__init__ = make_in_our_place


def _refused(failure: object) -> None:
    sys.stdout.write(f"ERROR: cannot listen: {failure}\n")
    sys.stdout.flush()
    os._exit(98)


def _die_with_starter(private_dir: str) -> None:
    while os.read(0, 4096):
        pass
    shutil.rmtree(private_dir, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    _, chosen_interface, own_dir = sys.argv
    threading.Thread(target=_die_with_starter, args=(own_dir,), daemon=True).start()
    _listen_on(chosen_interface)
    _keep_objects_in(f"{own_dir}/objects")
    import_module("localstack.runtime.main").main()
