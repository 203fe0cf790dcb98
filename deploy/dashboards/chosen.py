"""The dashboards' queries as Grafana would send them with everything chosen: what tests and the picture ask."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_ALL: Final = dict.fromkeys(("job", "release", "source", "pod", "instance"), ".+")
_PRICES: Final = {"price_put": "0.005", "price_sqs": "0.4"}


@dataclass(frozen=True)
class Asked:
    """A panel as Grafana would ask for it. `queries`: expression and its line's name."""

    page: str
    row: str
    panel: Mapping[str, Any]
    queries: tuple[tuple[str, str], ...]

    @property
    def title(self) -> str:
        """What stands above it."""
        return str(self.panel["title"])


def asked(boards: Mapping[str, str], *, namespace: str, interval: str) -> Iterator[Asked]:
    """Each panel of these dashboards (name → JSON). `interval`: what `$__rate_interval` is."""
    chosen = {
        **_ALL,
        **_PRICES,
        "namespace": namespace,
        "__rate_interval": interval,
        "__range": "1h",
    }
    for page, text in boards.items():
        row = ""
        for panel in json.loads(text)["panels"]:
            if panel["type"] == "row":
                row = panel["title"]
                continue
            queries = tuple(
                (
                    re.sub(r"\$(\w+)", lambda match: chosen[match[1]], target["expr"]),
                    target["legendFormat"],
                )
                for target in panel["targets"]
            )
            yield Asked(page, row, panel, queries)


def of_the_chart(root: Path) -> dict[str, str]:
    """Name → JSON, as they stand in the chart's files: what the chart puts in is not in yet."""
    folder = root / "deploy" / "helm" / "sluice" / "dashboards"
    return {path.stem: path.read_text() for path in sorted(folder.glob("*.json"))}
