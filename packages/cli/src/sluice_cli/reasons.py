"""The reasons of dead letters, as `--reason` takes them."""

from typing import Final

from sluice_core import reasons
from sluice_core.errors import ConfigError

_KNOWN: Final = reasons.ALL | {"redriven"}
"""With what a dead letter is called that only the queue's own redrive policy moved."""


def known_reason(name: str | None) -> None:
    """Raises ConfigError for a name that is none of the reasons: it would find nothing, and look like none."""
    if name is not None and name not in _KNOWN:
        raise ConfigError(f"--reason {name!r}: not one of {', '.join(sorted(_KNOWN))}")
