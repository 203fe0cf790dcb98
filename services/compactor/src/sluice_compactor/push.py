"""The metrics of a pass, pushed to a Pushgateway: a CronJob's pod lives for a minute, and nobody scrapes it.

All passes push into one group of labels, so that each stands in the place of the last one. Counters go on from what
the gateway holds of the group, where each process would begin with 0. What a pass has not found out (when a commit
was, where it made none) is not pushed and stays as it was: a POST leaves the series alone that it does not bring.
https://github.com/prometheus/pushgateway/blob/master/README.md#api
"""

import base64
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from functools import partial
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, build_opener

from prometheus_client import CollectorRegistry, pushadd_to_gateway
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from sluice_core.aws.errors import clean
from sluice_core.secrets import public_url, without_urls
from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger

_log = get_logger(__name__)
TIMEOUT: Final = 5.0
"""Seconds for an answer, and for what it holds. A gateway in the same cluster takes milliseconds."""
_MOST: Final = 64 * 2**20
_READ: Final = 2**16
_OURS: Final = "sluice_"
_LINES: Final = (_OURS, f"# TYPE {_OURS}")
_COUNTS: Final = ("counter", "histogram")

Values = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
"""By a sample's name and its own labels."""


class Pusher:
    """Pushes what a registry holds of Sluice's metrics; NaN is what nobody has found out.

    `url` may hold a user and a password. `labels` name the group; `job` is one of them. `timeout`: seconds.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        url: str,
        labels: Mapping[str, str],
        *,
        clock: Clock,
        timeout: float = TIMEOUT,
    ) -> None:
        self._registry, self._labels, self._clock = registry, dict(labels), clock
        self._timeout = timeout
        parts = urlsplit(url)
        user, _, place = parts.netloc.rpartition("@")
        self._url = urlunsplit(parts._replace(netloc=place)).rstrip("/")
        word = base64.b64encode(unquote(user).encode()).decode()
        self._auth = {"Authorization": f"Basic {word}"} if user else {}

    def push(self) -> str:
        """Why it could not be done, in words; empty when the gateway has taken it. No pass fails for it."""
        job = self._labels["job"]
        group = {name: value for name, value in self._labels.items() if name != "job"}
        try:
            registry = CollectorRegistry()
            registry.register(_Told(self._registry, self._held()))
            pushadd_to_gateway(self._url, job, registry, group, self._timeout, self._handler)
        except HTTPError as error:
            with error:
                why = f"{error}: {error.read(_READ).decode('utf-8', 'replace').strip()}"
        except (OSError, HTTPException, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
        else:
            return ""
        why = without_urls(clean(why))
        _log.warning(
            "the Pushgateway has not taken the metrics of this pass: it goes on telling the last one's",
            url=public_url(self._url),
            why=why,
        )
        return why

    def _held(self) -> Values:
        """What the gateway holds of the group."""
        text = self._ask(f"{self._url}/metrics", "GET", {}, None).decode()
        # Other jobs' lines may be of any kind.
        ours = [line for line in text.splitlines() if line.startswith(_LINES)]
        group = set(self._labels.items())
        return {
            _key(sample, without=group): sample.value
            for family in text_string_to_metric_families("\n".join(ours))
            for sample in family.samples
            if group <= sample.labels.items()
        }

    def _handler(
        self, url: str, method: str, timeout: float, headers: Iterable[Any], data: bytes
    ) -> Callable[[], object]:
        """What prometheus_client asks for: a call that makes the request."""
        del timeout
        return partial(self._ask, url, method, dict(headers), data)

    def _ask(self, url: str, method: str, headers: Mapping[str, str], data: bytes | None) -> bytes:
        request = Request(url, data, {**headers, **self._auth}, method=method)  # noqa: S310  (http(s), as the settings have it)
        found = b""
        end = self._clock.monotonic() + self._timeout
        with build_opener().open(request, timeout=self._timeout) as answer:
            while part := answer.read1(_READ):
                found += part
                if len(found) > _MOST or self._clock.monotonic() > end:
                    raise OSError(
                        f"its answer has not ended after {len(found):,} bytes and {self._timeout:g} s"
                    )
        return found


class _Told(Collector):
    """A registry's metrics of Sluice, with `earlier` added to what is counted, and without what is not known."""

    def __init__(self, registry: CollectorRegistry, earlier: Values) -> None:
        self._registry, self._earlier = registry, earlier

    def collect(self) -> Iterator[Metric]:
        """A family for each that has a sample."""
        for family in self._registry.collect():
            counts = family.type in _COUNTS
            samples = [
                sample._replace(
                    value=sample.value + (self._earlier.get(_key(sample), 0) if counts else 0)
                )
                for sample in family.samples
                if sample.name.startswith(_OURS)
                and not sample.name.endswith("_created")
                and not math.isnan(sample.value)
            ]
            if samples:
                told = Metric(family.name, family.documentation, family.type)
                told.samples = samples
                yield told


def _key(
    sample: Sample, without: Set[tuple[str, str]] = frozenset()
) -> tuple[str, frozenset[tuple[str, str]]]:
    return sample.name, frozenset(sample.labels.items() - without)
