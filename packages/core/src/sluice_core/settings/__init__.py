"""Settings from the environment: documented, typed, refused in one line when wrong."""

from sluice_core.settings.base import (
    CommonSettings,
    describe_settings,
    effective,
    load_settings,
)

__all__ = [
    "CommonSettings",
    "describe_settings",
    "effective",
    "load_settings",
]
