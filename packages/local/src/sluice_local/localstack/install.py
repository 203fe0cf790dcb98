"""Make LocalStack's own Python environment, once per user and lock file.

The directory's name carries a hash of the lock and of the interpreter, so a new lock never meets an
old environment. A file lock lets parallel processes wait for the one that builds; a marker written
last tells a finished environment from one whose builder was killed.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
import uv

DEFINITION = Path(__file__).with_name("environment")
"""pyproject.toml and uv.lock of the environment, shipped with the package."""

_MARKER = ".complete"
_SUPPORTED = ((3, 11), (3, 14))
"""Python versions that LocalStack 4.12 runs on: from the first, below the second."""

_PASSED_ON = ("UV_CACHE_DIR", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_OFFLINE", "UV_SYSTEM_CERTS")


class EnvironmentBuildError(RuntimeError):
    """LocalStack's environment could not be made; the message holds uv's last lines."""


def ensure_environment(say: Callable[[str], None] | None = None, root: Path | None = None) -> Path:
    """The Python interpreter of LocalStack's environment, which is made when it is not there yet.

    `say` is told in one line when something has to be downloaded; `root` is the cache directory
    (default: the user's). Raises EnvironmentBuildError.
    """
    base = root or Path(platformdirs.user_cache_dir("sluice"))
    target = base / f"localstack-{_key()}"
    python = target / ".venv" / "bin" / "python"
    if (target / _MARKER).exists() and python.exists():
        return python
    base.mkdir(parents=True, exist_ok=True)
    with _exclusive(base / f"{target.name}.lock"):
        if not ((target / _MARKER).exists() and python.exists()):
            if say is not None:
                say(f"making LocalStack's own environment (first run only, about 110 MB) in {base}")
            _build(target)
    return python


def _key() -> str:
    digest = hashlib.sha256((DEFINITION / "uv.lock").read_bytes())
    digest.update(f"{sys.implementation.cache_tag} {platform.platform()}".encode())
    return digest.hexdigest()[:16]


def _build(target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copyfile(DEFINITION / name, target / name)
    command = [uv.find_uv_bin(), "sync", "--frozen", "--no-progress", "--directory", str(target)]
    if _SUPPORTED[0] <= sys.version_info[:2] < _SUPPORTED[1]:
        command += ["--python", getattr(sys, "_base_executable", sys.executable)]
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("UV_", "VIRTUAL_ENV", "PYTHON")) or name in _PASSED_ON
    }
    done = subprocess.run(  # noqa: S603 - our own arguments
        command, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        tail = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise EnvironmentBuildError(
            f"LocalStack's environment could not be made in {target} (uv's exit {done.returncode}); "
            f"it needs the package index once and Python 3.11 to 3.13:\n{tail}"
        )
    (target / _MARKER).touch()


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
