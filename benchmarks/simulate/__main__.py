"""`make simulate`: docs/scaling.md and its plots, from the simulation. `--out DIR` writes elsewhere."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulate.given import ROOT, Network, Prices, measured
from simulate.page import write


def main() -> None:
    """Simulates and writes."""
    known, network = Prices(), Network()
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    for name, value in vars(known).items() | vars(network).items():
        unit = "seconds" if name in vars(network) else "$, list price"
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=value, help=unit)
    parser.add_argument(
        "--producer-us", type=float, help="µs of CPU an event; else docs/benchmarks.json"
    )
    parser.add_argument("--batcher-us", type=float, help="the same, of the batcher")
    given = parser.parse_args()
    costs = measured()
    if given.producer_us or given.batcher_us:
        costs = type(costs)(
            given.producer_us or costs.producer,
            given.batcher_us or costs.batcher,
            costs.packed_bytes,
            "the command's arguments",
        )
    prices = Prices(**{name: getattr(given, name) for name in vars(known)})
    network = Network(**{name: getattr(given, name) for name in vars(network)})
    write(given.out, costs, network, prices)
    print(f"written: {given.out / 'scaling.md'}")


if __name__ == "__main__":
    main()
