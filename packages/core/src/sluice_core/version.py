"""The one place that knows Sluice's version (the workspace's packages share it)."""

__version__ = "0.1.0"
