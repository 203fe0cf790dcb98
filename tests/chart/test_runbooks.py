"""What a runbook quotes is there: log messages, metrics, settings, values of the chart, objects and labels.

A page is read at night: a command that asks the wrong pod, or looks for a line that nobody writes, says that all is
well.
"""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from sluice_batcher.metrics import Metrics as BatcherMetrics
from sluice_batcher.settings import BatcherSettings
from sluice_compactor.metrics import Metrics as CompactorMetrics
from sluice_compactor.settings import CompactorSettings
from sluice_core.settings import describe_settings
from sluice_producer.metrics import Metrics as ProducerMetrics
from sluice_producer.settings import ProducerSettings

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "docs" / "runbooks" / "README.md"
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("Sluice*.md"))
DOCS = sorted((ROOT / "docs").rglob("*.md"))
SHELL = re.compile(r"^( *)```sh\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
COMMANDS = ("kubectl", "helm", "aws", "curl", "describe", "ask")
OTHERS = {"AccessDenied", "OOMKilled", "DeadlineExceeded", "maxReceiveCount", "MaximumMessageSize"}
"""Words of SQS, S3 and Kubernetes."""
ACTION = re.compile(r"(s3|sqs|kms):[A-Z]\w+")


def blocks(page: Path) -> str:
    return "\n".join(code for _, code in SHELL.findall(page.read_text()))


def spans(page: Path) -> list[str]:
    return CODE.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))


@cache
def trees() -> list[ast.Module]:
    folders = ("services/*/src", "packages/core/src")
    return [
        ast.parse(path.read_text()) for name in folders for path in ROOT.glob(f"{name}/**/*.py")
    ]


def strings(tree: ast.AST) -> Iterator[str]:
    """The texts in a piece of code, each whole (a gap where a value stands), but for its documentation."""
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (str(p.value) if isinstance(p, ast.Constant) else "\0" for p in node.values)
            yield "".join(parts)


@cache
def texts() -> list[str]:
    """All texts of the code, and the keys of log lines."""
    keys = [
        node.arg
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg
    ]
    return [*keys, *(text for tree in trees() for text in strings(tree))]


@cache
def messages() -> list[str]:
    """What is logged, and what errors say."""
    return [
        text
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in ("_log", "log")
        )
        for text in strings(node)
    ]


@cache
def templates() -> list[re.Pattern[str]]:
    """Texts with gaps, and with enough besides to tell them apart."""
    gapped = [text for text in texts() if "\0" in text and len(text.replace("\0", "")) > 4]
    return [re.compile(re.escape(text).replace("\0", ".+")) for text in gapped]


def said(phrase: str) -> bool:
    inside = any(phrase in text for text in texts())
    return inside or any(template.fullmatch(phrase) for template in templates())


@cache
def metrics() -> frozenset[str]:
    registry = CollectorRegistry()
    ProducerMetrics(registry, "packed")
    BatcherMetrics(registry, "csv")
    CompactorMetrics(registry)
    samples = {sample.name for family in registry.collect() for sample in family.samples}
    return frozenset(samples | {family.name for family in registry.collect()})


@cache
def values() -> frozenset[str]:
    """The dotted paths of all values, maps among them, and every end of one: a page may leave its beginning out."""
    found: set[str] = set()

    def walk(node: object, path: tuple[str, ...]) -> None:
        found.update(".".join(path[start:]) for start in range(len(path)))
        if isinstance(node, dict):
            for name, inner in node.items():
                walk(inner, (*path, name))

    walk(yaml.safe_load((ROOT / "deploy/helm/sluice/values.yaml").read_text()), ())
    return frozenset(found)


def settings() -> set[str]:
    classes = (ProducerSettings, BatcherSettings, CompactorSettings)
    return {doc.variable for cls in classes for doc in describe_settings(cls)}


def known(span: str) -> bool:
    """Whether what a page sets in code is a command, another's word, or ours."""
    if span.split(maxsplit=1)[0] in COMMANDS or span in OTHERS or ACTION.fullmatch(span):
        return True
    if span.startswith(("sluice ", "SLUICE_")) or "sluice_" in span:
        return True  # commands and names that tests below look up
    return span.partition(":")[0] in values() or said(span) or said(span.removesuffix("*"))


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_what_a_page_quotes_is_there(page):
    assert [span for span in spans(page) if not known(span)] == []


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_log_lines_that_a_page_looks_for_are_written(page):
    for line in re.findall(r"logs -l \$APP.*\| grep (.*)$", blocks(page), re.MULTILINE):
        pattern = re.sub(r'^(-\w+ )*"?(.*?)"?$', r"\2", line)
        for phrase in pattern.split("|"):
            found = re.compile(re.escape(phrase), re.IGNORECASE if "-i" in line else 0)
            assert any(map(found.search, messages())), phrase


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_metrics_settings_and_set_values_that_a_page_names_are_there(page):
    text = page.read_text()
    named = set(re.findall(r"\bsluice_(?:producer|batcher|compactor)_[a-z_]+", text))
    assert named <= metrics()
    assert set(re.findall(r"\bSLUICE_[A-Z0-9_]+\b", text)) <= settings()
    given = re.findall(r"--set(?:-string)? ([a-z][\w.]*)=", text)
    assert {value for value in given if value not in values()} == set()


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_variables_have_a_value(page):
    """From the index, or from the page itself."""
    code = blocks(page)
    used = set(re.findall(r"\$\{?([A-Z_]+)", "\n".join([code, *spans(page)])))
    defined = set(re.findall(r"\b([A-Z_]+)=", blocks(INDEX) + code))
    assert used <= defined


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_what_a_shell_takes(page):
    code = blocks(page)
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-n"],
        input=code,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


def test_objects_and_labels_are_those_of_the_chart(render):
    """By labels and not by names: those depend on the release's (`sluice` makes `sluice-batcher`, `a` `a-sluice-batcher`)."""
    rendered = render("--set", "compactor.enabled=true").objects
    labels = [o["metadata"].get("labels", {}) for o in rendered]
    label = "app.kubernetes.io/component"
    for page in DOCS:
        code = page.read_text()
        assert not re.findall(r"(?:\$RELEASE|<release>|/RELEASE)-\S+", code), page
        for name in re.findall(r"\b(?:deployment|cronjob)/([$\w-]+)", blocks(page)):
            assert name == "keda-operator" or name.startswith("$"), (page, name)
        for component in re.findall(rf"{label}=([a-z-]+)", code):
            assert component in {own.get(label) for own in labels}, (page, component)
        for key in re.findall(r"[ ,](sluice/[a-z]+)=", code):
            assert any(key in own for own in labels), (page, key)


def test_a_page_asks_a_pod_of_the_service_that_its_alert_is_about(groups):
    services = {}
    for group in groups:
        for rule in group["rules"]:
            asked = re.findall(r"sluice_(producer|batcher|compactor)_", rule.get("expr", ""))
            services.setdefault(rule.get("alert"), set()).update(asked)
    pods = dict(re.findall(r"\b([A-Z]+)=\$\(pod (\w+)\)", blocks(INDEX)))
    assert set(pods.values()) == {"producer", "batcher"}
    asking = 0
    for page in RUNBOOKS:
        for variable in re.findall(r"ask \$([A-Z]+) ", page.read_text()):
            asking += 1
            assert variable == "POD" or pods[variable] in services[page.stem], page
        assert "/proxy/readyz" not in page.read_text(), "kubectl does not show what a 503 says"
    assert asking >= 5
