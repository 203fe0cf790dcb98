"""One pipeline: source, producer, queue, batchers, bucket, each started and hurt by the test."""

import json
import signal
from pathlib import Path
from typing import Any

from sluice_cli.main import app
from sluice_local.ports import free_port
from typer.testing import CliRunner

from harness import balance
from harness.account import Account, account, data_keys, rows_of
from harness.cloud import Cloud
from harness.processes import Child, Children
from harness.proxy import FaultProxy
from harness.source import ScriptedSource, Source
from harness.waiting import GaveUpError, until

VISIBILITY = 4
"""Seconds; the least with which half-life extensions and a redelivery fit into a short test."""

DEFAULTS = {
    "SLUICE_HTTP_HOST": "127.0.0.1",
    "SLUICE_USER_AGENT": "sluice-functional-tests (mailto:nobody@example.org)",
    "SLUICE_SHUTDOWN_GRACE": "15s",
}
PRODUCER = {"SLUICE_PACK_MAX_AGE": "0.5s", "SLUICE_PACK_MAX_EVENTS": "50"}
BATCHER = {
    "SLUICE_BATCH_MAX_ROWS": "500",
    "SLUICE_BATCH_MAX_AGE": "1s",
    "SLUICE_RECEIVE_WAIT": "1s",
}


class Pipeline:
    """`settings` are the test's `SLUICE_*` variables for both services."""

    def __init__(
        self,
        cloud: Cloud,
        source: Source | ScriptedSource,
        directory: Path,
        *,
        through_proxy: bool = False,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.cloud = cloud
        self.source = source
        self.directory = directory
        self.children = Children(directory)
        self.proxy = FaultProxy(cloud.endpoint) if through_proxy else None
        self.settings = settings or {}
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def environ(self, **extra: str) -> dict[str, str]:
        """Everything that a service or the command line is given."""
        return {
            **self.cloud.environ(self.proxy.endpoint if self.proxy else None),
            **DEFAULTS,
            "SLUICE_SOURCE_URL": self.source.url,
            "SLUICE_SOURCE_PRESET": self.source.preset,
            **self.settings,
            **extra,
        }

    def start_producer(self, **extra: str) -> Child:
        """A producer with settings of its own in `extra`."""
        return self._start("producer", PRODUCER, extra)

    def start_batcher(self, **extra: str) -> Child:
        """A batcher with settings of its own in `extra`."""
        return self._start("batcher", BATCHER, extra)

    def start_compactor(self) -> Child:
        """A compactor that takes everything at once, pass after pass."""
        return self._start("compactor", {"SLUICE_LAKE_SETTLE": "0", "SLUICE_LAKE_EVERY": "3s"}, {})

    def start(self) -> tuple[Child, Child]:
        """One of each."""
        return self.start_producer(), self.start_batcher()

    def _start(self, name: str, own: dict[str, str], extra: dict[str, str]) -> Child:
        port = {"SLUICE_HTTP_PORT": str(free_port())}
        environ = {**own, **port, **self.environ(**extra)}
        return self.children.start(name, f"sluice_{name}", environ)

    def stop(self) -> None:
        """SIGTERM for all that run, at once; each must end in time and say that it was clean."""
        running = [child for child in self.children.all if child.alive]
        for child in running:
            child.signal(signal.SIGTERM)
        for child in running:
            assert child.wait(within=15) == 0, child.tail()

    def rows(self) -> list[dict[str, Any]]:
        """All rows written so far; an object is read once, because objects never change."""
        for key in data_keys(self.cloud):
            if key not in self._rows:
                self._rows[key] = list(rows_of(key, self.cloud.bucket.get(key).body))
        return [row for rows in self._rows.values() for row in rows]

    def account(self) -> Account:
        """Ids in against ids out, now."""
        return account(self.source.expected(), [str(row["event_id"]) for row in self.rows()])

    def written(self, at_least: int = 1, *, deadline: float = 60) -> None:
        """Waits for so many rows in the bucket."""
        until(
            lambda: len(self.rows()) >= at_least,
            f"{at_least} rows",
            deadline=deadline,
            seen=self.state,
        )

    def drain(self, *, deadline: float = 90) -> Account:
        """Waits until all that the source has is in the bucket and the queue holds nothing any more."""

        def done() -> bool:
            return (
                self.source.finished
                and self.cloud.queue.attributes().depth == 0
                and not self.account().lost
            )

        try:
            until(done, "all events in the bucket and an empty queue", deadline=deadline, pause=0.2)
        except GaveUpError as error:
            raise AssertionError(f"{error}: {self.state()}\n{self.children.report()}") from None
        return self.account()

    def caught_up(self, events: int) -> Account:
        """Waits until the source's first `events` were handed out and are in the bucket, the queue empty."""

        def done() -> bool:
            return (
                self.source.log.sent >= events
                and self.cloud.queue.attributes().depth == 0
                and not self.account().lost
            )

        until(done, "everything so far", pause=0.1, seen=self.state)
        return self.account()

    def checkpoint(self) -> dict[str, Any]:
        """The producer's checkpoint as it is stored."""
        (stored,) = self.cloud.bucket.list("_sluice/checkpoint/")
        found: dict[str, Any] = json.loads(self.cloud.bucket.get(stored.key).body)
        return found

    def state(self) -> str:
        """In one line, for messages."""
        queue = self.cloud.queue.attributes()
        return (
            f"source finished: {self.source.finished}; {self.account()}; "
            f"queue {queue.visible} visible, {queue.in_flight} in flight"
        )

    def lossless(self, *, duplicates: bool = False) -> Account:
        """Drains, and fails on any loss, on rows that nobody sent, on duplicates unless they are allowed.

        `sluice verify` must say the same, and the metrics of all that still run must balance.
        """
        found = self.drain()
        assert not found.lost, found
        assert not found.strangers, found
        assert duplicates or not found.duplicates, found
        assert self.cloud.dlq.attributes().depth == 0, self.cloud.dead_letters()
        self.verified(found)
        for child in self.children.all:
            if child.alive and child.get("/metrics")[0] == 200:
                balance.holds(child)
        return found

    def verified(self, found: Account) -> dict[str, Any]:
        """What `sluice verify --json` says, which must agree with `found`."""
        # An empty dead-letter queue costs a long poll of a second to look into, and `lossless` has looked.
        code, said = self.verify(self.source.ledger, "--no-dlq")
        assert said["lost"] == len(found.lost), (said, found)
        assert said["rows"] == found.rows, (said, found)
        assert said["duplicates"] == sum(found.duplicates.values()), (said, found)
        assert said["unexpected"] == len(found.strangers), (said, found)
        assert (code == 0) is (not found.lost), (code, said)
        return said

    def verify(self, source_ids: Path, *options: str) -> tuple[int, dict[str, Any]]:
        """Exit code and report of `sluice verify --json`, never through the fault proxy."""
        done = CliRunner().invoke(
            app,
            ["verify", "--json", "--source-ids", str(source_ids), *options],
            env={**self.environ(), "AWS_ENDPOINT_URL": self.cloud.endpoint},
        )
        assert isinstance(done.exception, SystemExit | None), done.exception
        return done.exit_code, json.loads(done.stdout)

    def close(self) -> None:
        """Ends processes first, then what they speak to."""
        self.children.close()
        if self.proxy is not None:
            self.proxy.close()
        self.source.close()
