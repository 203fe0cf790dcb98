"""What the simulation is given: the chart's values, the services' defaults, quotas, measured costs, prices."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import yaml
from sluice_batcher.settings import BatcherSettings, flushers_for
from sluice_core.limits import SQS_IN_FLIGHT
from sluice_core.settings.quantities import parse_bytes, parse_seconds
from sluice_producer.settings import ProducerSettings

ROOT: Final = Path(__file__).resolve().parents[2]
CHART: Final = ROOT / "deploy" / "helm" / "sluice"
PAYLOAD: Final = 65_536
"""Bytes that SQS bills as one request: https://aws.amazon.com/sqs/pricing/"""
S3_PUTS: Final = 3_500.0
"""PUTs a second and prefix: https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"""


@dataclass(frozen=True)
class Prices:
    """$; AWS's list for us-east-1, as of August 2025 (compute: Fargate, x86)."""

    million_sqs_requests: float = 0.40
    million_puts: float = 5.00
    core_hour: float = 0.04048
    gib_hour: float = 0.004445


@dataclass(frozen=True)
class Network:
    """Seconds of one call, within a region; and from KEDA's wish to a pod that polls. Assumed, not measured."""

    sqs: float = 0.015
    put: float = 0.060
    pod_start: float = 20.0


@dataclass(frozen=True)
class Measured:
    """µs of CPU an event, bytes of an event in a pack (after base64), and where the figures are from."""

    producer: float = 14.0
    batcher: float = 18.0
    packed_bytes: float = 219.0
    origin: str = 'guesses: `make bench ARGS="--page docs"` has not written docs/benchmarks.json'


@dataclass(frozen=True)
class Setup:
    """One installation. Sizes in bytes, times in seconds; `pod_*`: one batcher."""

    name: str
    pack_events: int
    pack_bytes: int
    pack_age: float
    batch_rows: int
    batch_age: float
    held_messages: int
    min_pods: int
    max_pods: int
    queue_length: int
    scale_down_after: float
    visibility: float
    pod_cores: float
    pod_gib: float
    producer_cores: float
    producer_gib: float
    senders: int
    receivers: int
    flushers: int
    receive_wait: float
    checkpoint_interval: float
    producers: int = 1
    prefixes: int = 1


def setup(name: str, *files: str) -> Setup:
    """The chart's defaults, with the values of `files` over them; what the chart leaves open is the services' own."""
    values = _values("values.yaml")
    for file in files:
        values = _over(values, _values(file))
    pack, batcher, scaling = values["producer"]["pack"], values["batcher"], values["autoscaling"]
    age = parse_seconds(str(batcher["batch"]["maxAge"]))
    held = int(batcher["maxHeldMessages"])
    length, after = scaling["queueLength"], scaling["scaleDownStabilizationSeconds"]
    producer = values["producer"]["resources"]["requests"]
    pod = batcher["resources"]["requests"]
    return Setup(
        name,
        pack_events=int(pack["maxEvents"]),
        pack_bytes=parse_bytes(str(pack["maxBytes"])),
        pack_age=parse_seconds(str(pack["maxAge"])),
        batch_rows=int(batcher["batch"]["maxRows"]),
        batch_age=age,
        held_messages=held,
        min_pods=int(scaling["minReplicas"]),
        max_pods=int(scaling["maxReplicas"]),
        # The chart's own rules for what is left open: templates/_scaling.tpl.
        queue_length=held * 5 // 4 + 1 if length is None else int(length),
        scale_down_after=min(3600.0, age + 30) if after is None else float(after),
        visibility=float(values["queue"]["visibilityTimeout"]),
        pod_cores=_cores(pod["cpu"]),
        pod_gib=_gib(pod["memory"]),
        producer_cores=_cores(producer["cpu"]),
        producer_gib=_gib(producer["memory"]),
        senders=ProducerSettings.model_fields["senders"].default,
        receivers=BatcherSettings.model_fields["receivers"].default,
        flushers=flushers_for(int(batcher["batch"]["maxRows"])),
        receive_wait=parse_seconds(str(BatcherSettings.model_fields["receive_wait"].default)),
        checkpoint_interval=parse_seconds(str(values["producer"]["checkpointInterval"])),
    )


def measured(page: Path = ROOT / "docs" / "benchmarks.json") -> Measured:
    """The medians of the last `make bench` whose page is there, else the built-in figures."""
    if not page.exists():
        return Measured()
    runs = json.loads(page.read_text())["runs"]

    def of(job: str) -> list[dict[str, Any]]:
        return [run for run in runs if (run["contender"], run["job"]) == ("sluice", job)]

    sent, read = of("SSE → packed"), of("packed → Parquet of 10,000")
    if not sent or not read:
        return Measured()
    return Measured(
        median(1e6 * run["cpu"] / run["events"] for run in sent),
        median(1e6 * run["cpu"] / run["events"] for run in read),
        median(1e6 * run["megabytes"] / run["events"] for run in sent),
        "docs/benchmarks.json: SSE → packed, and packed → Parquet of 10,000",
    )


IN_FLIGHT: Final = SQS_IN_FLIGHT


def _values(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHART / name).read_text())
    return found


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _over(old, value) if both else value
    return merged


def _cores(text: str) -> float:
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def _gib(text: str) -> float:
    return parse_bytes(f"{text}B" if text.endswith("i") else text) / 2**30
