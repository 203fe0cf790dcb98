"""Makes docs/images/dashboard.png from what a run of the cluster's scaling test kept (`make dashboard-picture`).

No Grafana is at hand there; panels stand where the dashboard has them, with its titles, units and thresholds, and show
what Prometheus answered to their own queries.
"""

import json
import math
import re
import sys
from pathlib import Path
from typing import Any, Final

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

ROOT: Final = Path(__file__).resolve().parents[1]
KEPT: Final = ROOT / ".evidence" / "dashboards" / "scaling.json"
OUT: Final = ROOT / "docs" / "images"
BACK, PANEL, TEXT, MUTED = "#111217", "#181b1f", "#d8d9da", "#8e8e8e"
COLORS: Final = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c"}
LINES: Final = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#b877d9", "#6ed0e0"]
SHOWN: Final = 6
"""Names under a panel at most; of more lines those that were never above 0 have none."""
CELL: Final = (0.55, 0.32)
"""Inches of a column of the 24 and of a line of the grid."""


def told(value: float, unit: str) -> str:
    """A value with its unit, short."""
    if unit == "s" and abs(value) >= 120:
        return f"{value / 60:.3g} min" if abs(value) < 7200 else f"{value / 3600:.3g} h"
    if unit in ("s", "currencyUSD"):
        return f"{value:.3g} s" if unit == "s" else f"${value:.3g}"
    for size, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {name}{'B' if unit == 'bytes' else ''}"
    end = {"bytes": " B", "ops": "/s", "percentunit": ""}.get(unit, "")
    return f"{value:.0%}" if unit == "percentunit" else f"{value:.3g}{end}"


def color(panel: dict[str, Any], value: float) -> str:
    """That of the threshold it has passed."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    passed = [step for step in steps if step["value"] is None or value >= step["value"]]
    return COLORS[passed[-1]["color"]]


def name(line: dict[str, Any]) -> str:
    """The line's name with its labels put in."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: line["metric"].get(match[1], ""), line["legend"])


def draw(figure: Figure, shown: dict[str, Any], start: float, height: float) -> None:
    """One panel at its place of the grid; `height`: lines of the whole page."""
    panel, place = shown["panel"], shown["panel"]["gridPos"]
    unit = panel["fieldConfig"]["defaults"]["unit"]
    left, width = place["x"] / 24, place["w"] / 24
    bottom, tall = 1 - (place["y"] + place["h"]) / height, place["h"] / height
    gap = 0.004
    box = (left + gap, bottom + gap, width - 2 * gap, tall - 2 * gap)
    frame = figure.add_axes(box, facecolor=PANEL)
    frame.set_xticks([])
    frame.set_yticks([])
    frame.text(0.2 / place["w"], 1 - 0.25 / place["h"], panel["title"], color=TEXT, fontsize=9, va="top", weight="bold", transform=frame.transAxes)  # fmt: skip
    lines = shown["lines"]
    if panel["type"] == "stat":
        value = lines[0]["values"][-1][1]
        frame.text(0.5, 0.42, told(value, unit), color=color(panel, value), fontsize=20, ha="center", va="center", transform=frame.transAxes)  # fmt: skip
        inner = figure.add_axes(
            (box[0], box[1], box[2], box[3] * 0.25), facecolor="none", frameon=False
        )
        x = [(at - start) / 60 for at, _ in lines[0]["values"]]
        inner.fill_between(
            x, [v for _, v in lines[0]["values"]], color=color(panel, value), alpha=0.3
        )
        inner.axis("off")
        return
    inner = figure.add_axes(
        (box[0] + 0.035, box[1] + 1.9 / height, box[2] - 0.045, box[3] - 3.1 / height),
        facecolor="none",
    )
    start_to_end = max((line["values"][-1][0] - start) / 60 for line in lines) if lines else 1
    longest = max((len(name(line)) for line in lines), default=0)
    named = 0
    for number, line in enumerate(lines):
        x = [(at - start) / 60 for at, _ in line["values"]]
        y = [value for _, value in line["values"]]
        hue = LINES[number % len(LINES)]
        inner.plot(
            x,
            y,
            color=hue,
            linewidth=1.1,
            label=name(line)
            if named < (2 if longest > 24 else SHOWN) and (any(y) or len(lines) < SHOWN)
            else None,
        )
        named += any(y)
        inner.fill_between(x, y, color=hue, alpha=0.06)
    top = max((v for line in lines for _, v in line["values"] if math.isfinite(v)), default=1)
    inner.set_ylim(0, top * 1.1 or 1)
    inner.tick_params(colors=MUTED, labelsize=7, length=0)
    inner.grid(color="#2c3235", linewidth=0.5)
    inner.yaxis.set_major_formatter(FuncFormatter(lambda value, _: told(value, unit)))
    inner.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} min"))
    for spine in inner.spines.values():
        spine.set_visible(False)
    inner.xaxis.set_major_locator(MaxNLocator(5, integer=start_to_end > 4))
    if named or (lines and len(lines) < SHOWN):
        inner.legend(loc="upper left", bbox_to_anchor=(-0.07, -0.1), ncols=1 if longest > 24 else 3, fontsize=7, frameon=False, labelcolor=TEXT, handlelength=1, columnspacing=1)  # fmt: skip


def main() -> None:
    """Draws each page that is wanted."""
    if not KEPT.exists():
        sys.exit('nothing is kept yet: make e2e E2E_ARGS="-k one_to_many" first')
    kept = json.loads(KEPT.read_text())
    start = min(at for shown in kept for line in shown["lines"] for at, _ in line["values"])
    for page, file in (("overview", "dashboard.png"), ("scaling", "dashboard-scaling.png")):
        mine = [shown for shown in kept if shown["page"] == page]
        height = max(s["panel"]["gridPos"]["y"] + s["panel"]["gridPos"]["h"] for s in mine)
        figure = pyplot.figure(figsize=(24 * CELL[0], height * CELL[1]), facecolor=BACK)
        for shown in mine:
            draw(figure, shown, start, height)
        rows = {shown["row"]: shown["panel"]["gridPos"]["y"] for shown in reversed(mine)}
        for title, line in rows.items():
            figure.text(
                0.006, 1 - (line - 0.5) / height, title, color=TEXT, fontsize=10, va="center"
            )
        OUT.mkdir(exist_ok=True)
        figure.savefig(OUT / file, dpi=90, facecolor=BACK)
        sys.stdout.write(f"{OUT / file}\n")


if __name__ == "__main__":
    main()
