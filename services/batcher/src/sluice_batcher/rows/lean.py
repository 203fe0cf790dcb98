"""A process of less memory: one heap, and no pandas.

Only the user's hook needs pandas, and to import it takes as long as all else together. pyarrow works without, but looks
for it once, when it makes the process's first array, and so imports it: half a second of CPU at every start, and the
memory, for nothing.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

import pyarrow as pa


class _NoPandas(MetaPathFinder):
    """A finder that has the first word, and says that there is no pandas."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError("this process does without pandas", name=fullname)


def do_without_pandas() -> bool:
    """From now on pyarrow takes pandas for missing; False when it has been imported already, and is kept.

    For a process without a hook, before its first array. Others may import pandas, but not get a DataFrame of pyarrow.
    """
    if "pandas" in sys.modules:
        return False
    nothing = _NoPandas()
    sys.meta_path.insert(0, nothing)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(nothing)
    return True


def share_memory() -> None:
    """Arrow's memory comes from the C library's heap, as Python's does: what one has freed, the other can use."""
    pa.set_memory_pool(pa.system_memory_pool())
