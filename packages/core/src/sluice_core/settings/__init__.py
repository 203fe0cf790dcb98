"""Settings from the environment: documented, typed, refused in one line when wrong."""

from sluice_core.settings.base import (
    SECRET_URL,
    CommonSettings,
    describe_settings,
    effective,
    load_settings,
)

__all__ = [
    "SECRET_URL",
    "CommonSettings",
    "describe_settings",
    "effective",
    "load_settings",
]
