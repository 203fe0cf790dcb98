"""docs/scaling.md and its plots."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from simulate.given import Measured, Network, Prices, Setup, setup
from simulate.limits import Parts
from simulate.model import State, simulate

WIKIMEDIA: Final = 35
"""Events a second of its recent changes, about."""
RATES: Final = (WIKIMEDIA, 100, 1_000, 10_000, 100_000, 1_000_000)
HOUR: Final = 3_600
_BURST_FROM, _BURST_FOR, _BURST = 600, 600, 10
_KILL_AT: Final = 1_800
_LAST: Final = 900
"""Seconds at the end of the hour that the tables tell of."""


def installations() -> list[Setup]:
    """The chart as it comes, the lake's values, and those with what the largest rate asks for."""
    lake = setup("values-production.yaml", "values-production.yaml")
    return [
        setup("the chart's defaults"),
        lake,
        replace(lake, name="the same, 20 sources, 40 batchers", producers=20, max_pods=40),
    ]


def write(folder: Path, costs: Measured, network: Network, prices: Prices) -> None:
    """Writes scaling.md and images/scaling-*.svg."""
    parts = [Parts(each, costs, network) for each in installations()]
    steady = {
        (each.setup.name, rate): simulate(each, lambda _s, rate=rate: rate, HOUR, prices=prices)
        for each in parts
        for rate in RATES
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scaling.md").write_text(_markdown(parts, steady, costs, network, prices))
    _plot_steady(parts, steady, folder / "images" / "scaling-steady.svg")
    _plot_burst(parts[1], prices, folder / "images" / "scaling-burst.svg")


def _markdown(
    parts: list[Parts],
    steady: dict[tuple[str, int], list[State]],
    costs: Measured,
    network: Network,
    prices: Prices,
) -> str:
    text = [
        "<!-- made by `make simulate` -->\n# Scaling, on paper\n",
        (
            "How far one installation goes, what comes first, and which setting moves it: a simulation, second by "
            "second, of the source's rate, KEDA's reading, the HorizontalPodAutoscaler's steps, the start of pods, "
            "visibility, the messages in flight and S3's limits. Two figures in it are measured, the settings are "
            "the chart's own, the quotas AWS's; the rest is arithmetic (`benchmarks/simulate`). It tells of orders, "
            "not of per cents: nothing of it was run at AWS.\n"
        ),
        (
            f"{given_line(costs)}\n"
            f"- assumed: {network.sqs * 1000:.0f} ms a call to SQS, {network.put * 1000:.0f} ms a PUT, "
            f"{network.pod_start:.0f} s from KEDA's wish to a pod that polls\n"
            f"- list prices (us-east-1, August 2025): ${prices.million_sqs_requests:.2f} a million SQS requests, "
            f"${prices.million_puts:.2f} a million PUTs, ${prices.core_hour:.4f} a core and hour, "
            f"${prices.gib_hour:.4f} a GiB and hour (the pods' requests, as Fargate bills them)\n"
        ),
        "## The first limit\n",
    ]
    for each in parts:
        text.append(f"### {_title(each)}\n")
        rows = [
            {"limit": limit.what, "events/s": _number(limit.most), "what moves it": limit.moves}
            for limit in each.all()
        ]
        text += [_table(rows)]
    text += [
        (
            "One source is read by one connection, and a connection by one core: beyond the producer's limit a stream "
            "has to be offered in parts, each with a `producers` entry of its own. That limit is "
            f"{_number(parts[0].producers_rate() / WIKIMEDIA)} times Wikimedia's {WIKIMEDIA} events/s.\n"
        ),
        "## An hour at one rate\n",
        (
            "From a cold start with the fewest batchers. *lag*: age of the oldest event that is in no object, the "
            "worst of the last quarter of an hour; *grows*: the installation does not carry the rate; *PUTs/s*: of objects, and of "
            "checkpoints.\n"
        ),
    ]
    for each in parts:
        text.append(f"### {_title(each)}\n")
        text += [_table([_row(rate, steady[each.setup.name, rate]) for rate in RATES])]
    lake = parts[1]
    text += [
        "![lag and money by rate](images/scaling-steady.svg)\n",
        (
            "Autoscaling is a proportional rule: more pods need more messages in the queue, `queueLength` "
            f"({lake.setup.queue_length:,} with values-production.yaml) for each of them. So there is a standing "
            "backlog, whose age is `queueLength` × events of a message × µs an event, "
            f"{lake.setup.queue_length * lake.full_pack / lake.pod_rate():.0f} s here, whatever the rate; around it the "
            "number of batchers swings. A smaller `batcher.maxHeldMessages`, from which `queueLength` follows, makes "
            "it younger, as a higher `autoscaling.minReplicas` does.\n"
        ),
        "## A burst, and a lost node\n",
        (
            f"values-production.yaml: for {_BURST_FOR // 60} minutes ten times as much comes, which is what one producer "
            "reads at most; later two batchers are killed, and what they held is seen again when its "
            f"{lake.setup.visibility:.0f} s of visibility are over.\n"
        ),
        "![a burst and a kill](images/scaling-burst.svg)\n",
        "## The one point that is measured\n",
        single_node(costs),
    ]
    return "\n".join(text)


def _title(parts: Parts) -> str:
    name = parts.setup.name
    return name[0].upper() + name[1:] if not name.startswith("values") else f"`{name}`"


def _row(rate: int, states: list[State]) -> dict[str, Any]:
    last, before, tail = states[-1], states[-_LAST], states[-_LAST:]
    written = (tail[-1].written - tail[0].written) / 1e6
    grows = last.lag > before.lag * 1.2 + 60
    return {
        "events/s": f"{rate:,}",
        "batchers": _span([state.pods for state in tail]),
        "lag": "grows" if grows else f"{worst_lag(states):,.0f} s",
        "while it starts": "–" if grows else f"{max(state.lag for state in states):,.0f} s",
        "in flight": f"{max(state.in_flight for state in tail):,.0f}",
        "PUTs/s": f"{sum(s.puts for s in tail) / len(tail):,.2f} + {sum(s.checkpoints for s in tail) / len(tail):,.2f}",
        "SQS requests a million": "–"
        if not written
        else f"{sum(s.sqs_requests for s in tail) / written:,.0f}",
        "$ a million": "–" if not written else f"{sum(s.dollars for s in tail) / written:,.3f}",
        "$ a day": f"{sum(s.dollars for s in tail) / len(tail) * 86_400:,.2f}",
    }


def worst_lag(states: list[State]) -> float:
    """Seconds, in the last quarter of an hour."""
    return max(state.lag for state in states[-_LAST:])


def _span(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}–{high}"


def given_line(costs: Measured) -> str:
    """What is measured."""
    return (
        f"- measured ({costs.origin}): the producer {costs.producer:.1f} µs of CPU an event, the batcher "
        f"{costs.batcher:.1f} µs, {costs.packed_bytes:.0f} bytes of an event in a pack"
    )


def single_node(costs: Measured) -> str:
    """The model beside the one point that is measured."""
    page = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.json"
    modelled = drain_rate(costs)
    if not page.exists():
        return (
            f"One batcher drains a backlog at {modelled:,.0f} events/s here. `make bench` measures the same "
            "(docs/benchmarks.md, *Backlog*); with its figures this page compares the two.\n"
        )
    rows = json.loads(page.read_text()).get("extras", {}).get("Backlog", [])
    if not rows:
        return f"One batcher drains a backlog at {modelled:,.0f} events/s here.\n"
    found = rows[-1]["events/s"]
    return (
        f"One batcher drains a backlog of {rows[-1]['events']:,} events at {found:,} events/s (docs/benchmarks.md, "
        f"*Backlog*), and at {modelled:,.0f} here: {modelled / found - 1:+.0%}.\n"
    )


def drain_rate(costs: Measured) -> float:
    """Events/s at which the model's one batcher works off a backlog, without a network between."""
    lake = setup("values-production.yaml", "values-production.yaml")
    alone = Parts(
        replace(lake, min_pods=1, max_pods=1, batch_rows=10_000), costs, Network(1e-6, 1e-6, 0.0)
    )
    backlog = 60 * 1e6 / costs.batcher
    states = simulate(alone, lambda _s: 0.0, 600, backlog=backlog)
    done = next(state.second for state in states if state.visible < 1)
    return backlog / done


def _number(value: float) -> str:
    digits = 10 ** max(0, math.floor(math.log10(value)) - 1)
    return f"{round(value / digits) * digits:,}"


def _table(rows: list[dict[str, Any]]) -> str:
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(str(row[name]) for name in names) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _pyplot() -> Any:
    import matplotlib as mpl  # noqa: PLC0415  (slow to load, and only plots need it)

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "sluice"
    import matplotlib.pyplot as plt  # noqa: PLC0415

    return plt


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _plot_steady(
    parts: list[Parts], steady: dict[tuple[str, int], list[State]], path: Path
) -> None:
    figure, (lag, money) = _pyplot().subplots(1, 2, figsize=(10, 3.8))
    for each in parts:
        found = [steady[each.setup.name, rate] for rate in RATES]
        lag.plot(
            RATES, [max(1.0, worst_lag(states)) for states in found], "o-", label=each.setup.name
        )
        spent = [
            sum(s.dollars for s in states[-_LAST:])
            / max((states[-1].written - states[-_LAST].written) / 1e6, 1e-9)
            for states in found
        ]
        money.plot(RATES, spent, "o-", label=each.setup.name)
    for axes, title in ((lag, "lag, s"), (money, "$ a million events")):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("events/s")
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    lag.legend(fontsize=7, frameon=False)
    _save(figure, path)


def _plot_burst(parts: Parts, prices: Prices, path: Path) -> None:
    most = parts.producers_rate()
    base = most / _BURST

    def rate(second: int) -> float:
        return most if _BURST_FROM <= second < _BURST_FROM + _BURST_FOR else base

    states = simulate(parts, rate, HOUR, prices=prices, kills={_KILL_AT: 2})
    figure, (upper, lower) = _pyplot().subplots(2, 1, figsize=(10, 5), sharex=True)
    minutes = [state.second / 60 for state in states]
    upper.plot(minutes, [state.lag for state in states], label="lag, s")
    upper.axvspan(_BURST_FROM / 60, (_BURST_FROM + _BURST_FOR) / 60, alpha=0.1, label="burst")
    upper.axvline(_KILL_AT / 60, linestyle=":", color="grey", label="batchers killed")
    upper.legend(fontsize=8, frameon=False)
    lower.step(minutes, [state.pods for state in states], label="batchers", where="post")
    lower.plot(
        minutes, [state.in_flight / 1000 for state in states], label="thousand messages in flight"
    )
    lower.plot(
        minutes, [state.visible / 1e6 for state in states], label="million events waiting in SQS"
    )
    lower.set_xlabel("minutes")
    lower.legend(fontsize=8, frameon=False)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)
