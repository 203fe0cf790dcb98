"""Writes the table of settings into README.md, from the settings classes themselves.

`python scripts/settings_table.py` rewrites the part between the two markers; `--check` only compares and fails.
"""

import sys
from pathlib import Path

from sluice_batcher.settings import BatcherSettings
from sluice_core.settings import CommonSettings, describe_settings
from sluice_producer.settings import ProducerSettings

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN = "<!-- settings: made by scripts/settings_table.py -->"
END = "<!-- end of settings -->"


def table() -> str:
    """The three tables, as Markdown."""
    common = {row.variable for row in describe_settings(CommonSettings)}
    parts = []
    for title, cls in (
        ("Both services", CommonSettings),
        ("Producer", ProducerSettings),
        ("Batcher", BatcherSettings),
    ):
        lines = [f"**{title}**", "", "| variable | kind | default | |", "|---|---|---|---|"]
        lines += [
            f"| `{row.variable}` | {row.kind} | {_code(row.default)} | {row.description} |"
            for row in describe_settings(cls)
            if cls is CommonSettings or row.variable not in common
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def replaced(text: str) -> str:
    """`text` with a fresh table between the markers."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


def _code(default: str) -> str:
    return default if default in ("–", "(required)") else f"`{default}`"


def main() -> int:
    """Rewrites the README, or with `--check` tells whether it is up to date."""
    text = README.read_text()
    wanted = replaced(text)
    if "--check" in sys.argv:
        if text != wanted:
            sys.stderr.write("README.md's settings are out of date: run `make docs`\n")
            return 1
        return 0
    README.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
