"""docs/reference says of every dead letter's reason and every exit code what the code itself does."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sluice_cli.main import _Commands
from sluice_core import exit_codes, reasons
from sluice_producer.metrics import Metrics

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
MAKERS = {
    "producer": ("services/producer/src",),
    "batcher": (
        "services/batcher/src",
        "packages/core/src/sluice_core/wire",
        "packages/core/src/sluice_core/deadletter/pointer.py",
    ),
}


def rows(page: str) -> dict[str, list[str]]:
    """The first cell of each row of a page's tables, without its marks → the others."""
    lines = re.findall(r"^\| (.+) \|$", (REFERENCE / page).read_text(), re.MULTILINE)
    cells = [line.split(" | ") for line in lines]
    return {first.strip("`"): rest for first, *rest in cells}


def constants() -> dict[str, str]:
    found = {
        name: value
        for name, value in vars(reasons).items()
        if name.isupper() and isinstance(value, str)
    }
    del found["REDRIVEN"]
    return {name: value for name, value in found.items() if not name.startswith("_")}


def raised(part: str) -> set[str]:
    """The codes that a part of the code names."""
    place = ROOT / part
    files = [place] if place.is_file() else place.rglob("*.py")
    named = {
        name
        for path in files
        for name in re.findall(r"\b([A-Z][A-Z0-9_]+)\b", path.read_text())
        if name in constants()
    }
    return {constants()[name] for name in named}


def test_every_reason_is_in_the_table():
    assert set(constants().values()) == reasons.ALL
    assert len(reasons.TOLD) == len(reasons.ALL), "none twice"
    assert rows("dead-letter-reasons.md").keys() >= reasons.ALL | {reasons.REDRIVEN}


@pytest.mark.parametrize("maker", MAKERS)
def test_who_makes_them(maker):
    told = {reason.code for reason in reasons.TOLD if maker in reason.made_by}
    assert set().union(*map(raised, MAKERS[maker])) == told


def test_the_producers_counter_has_the_producers_reasons():
    registry = CollectorRegistry()
    Metrics(registry, "packed")
    (family,) = [f for f in registry.collect() if f.name.endswith("_events_dead_lettered")]
    labels = {sample.labels["reason"] for sample in family.samples if sample.labels}
    assert labels == {reason.code for reason in reasons.TOLD if "producer" in reason.made_by}


def test_settings_that_a_reason_names_are_there():
    known = set(re.findall(r"^\| `(SLUICE_\w+)`", (REFERENCE / "settings.md").read_text(), re.M))
    named = set(re.findall(r"SLUICE_\w+", (REFERENCE / "dead-letter-reasons.md").read_text()))
    assert named
    assert named <= known


def test_every_exit_code_is_in_the_table():
    codes = {
        value
        for name, value in vars(exit_codes).items()
        if name.isupper() and value.__class__ is int
    }
    assert codes == {told.code for told in exit_codes.TOLD}
    assert {int(first) for first in rows("exit-codes.md") if first.isdigit()} == codes


def test_whoever_chooses_an_exit_code_is_named_for_failing():
    """The services, and each command that ends by a code of its own rather than by an error."""
    (failed,) = [told for told in exit_codes.TOLD if told.code == exit_codes.FAILED]
    named = {name.split()[0] for names in failed.whose for name in names.split(", ") if name}
    modules = {module.rpartition(".")[2]: name for name, (module, _) in _Commands.table.items()}
    choosing = {
        modules[path.stem]
        for path in ROOT.glob("packages/*/src/*/commands/*.py")
        if "typer.Exit(" in path.read_text()
    }
    services = {path.name for path in ROOT.glob("services/*/src/*") if path.is_dir()}
    assert {"verify", "compact", "run"} <= choosing
    assert named == choosing | services


def test_every_command_is_in_the_table():
    assert {f"sluice {name}" for name in _Commands.table} <= rows("commands.md").keys()
