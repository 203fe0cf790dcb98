"""Writes the chart's dashboards from pages.py. `--check` writes nothing and fails when they are not what it makes."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from kit import built
from pages import PAGES

TARGET: Final = Path(__file__).resolve().parents[1] / "helm" / "sluice" / "dashboards"


def made() -> Iterator[tuple[Path, str]]:
    """Each file and its text. Words in capitals such as `UID`, `RUNBOOKS` and `FULLNAME` are for the chart to put in."""
    for page in PAGES:
        board: dict[str, Any] = json.loads(
            JSONEncoder(sort_keys=True).encode(built(page, PAGES).build())
        )
        for number, panel in enumerate(board["panels"], start=1):
            panel["id"] = number
        text = json.dumps(board, indent=1, sort_keys=True, ensure_ascii=False)
        yield TARGET / f"{page.name}.json", text + "\n"


def main() -> int:
    """0, or 1 when `--check` finds a difference."""
    files = dict(made())
    strangers = set(TARGET.glob("*.json")) - files.keys()
    if "--check" in sys.argv:
        old = [
            path for path, text in files.items() if not path.exists() or path.read_text() != text
        ]
        for path in [*old, *strangers]:
            sys.stderr.write(f"{path.name} is not what pages.py makes: run `make dashboards`\n")
        return 1 if old or strangers else 0
    for path in strangers:
        path.unlink()
    for path, text in files.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
