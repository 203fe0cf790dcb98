"""What Sluice's services share: settings, AWS adapters, the wire codec, errors, lifecycle, telemetry.

`read_batches` is the one name meant for notebooks: objects in S3 or on disk in, a pandas DataFrame out.
It is loaded on first use, because the producer's image carries neither pandas nor pyarrow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sluice_core.version import __version__

if TYPE_CHECKING:
    from sluice_core.lake.reader import read_batches as read_batches

__all__ = ["__version__", "read_batches"]


def __getattr__(name: str) -> Any:
    if name == "read_batches":
        return import_module("sluice_core.lake.reader").read_batches
    raise AttributeError(f"module 'sluice_core' has no attribute {name!r}")
