"""Which stream the run reads, and the built-in server when it is that one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import requests
from sluice_cli.check.source import probe
from sluice_core.secrets import public_url

from sluice_local.ports import free_port
from sluice_local.run.options import BUILT_IN, WIKIMEDIA, RunOptions, user_agent


@dataclass(frozen=True)
class ChosenSource:
    """A stream: how people call it, its URL, and whether we serve it ourselves."""

    label: str
    url: str
    built_in: bool = False

    def environ(self, options: RunOptions) -> dict[str, str]:
        """The producer's settings for it."""
        found = {"SLUICE_SOURCE_URL": self.url, "SLUICE_USER_AGENT": user_agent()}
        if self.built_in:
            found["SLUICE_SOURCE_PRESET"] = "wikimedia"
        elif options.events:
            found["SLUICE_MAX_EVENTS"] = str(options.events)
        return found


def choose(options: RunOptions, say: Callable[[str], None]) -> "Future[ChosenSource]":
    """Decides in the background, because asking Wikimedia may take some seconds."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="probe")
    future = pool.submit(_decide, options, say)
    pool.shutdown(wait=False)
    return future


def _decide(options: RunOptions, say: Callable[[str], None]) -> ChosenSource:
    if options.source not in (None, BUILT_IN):
        return ChosenSource(public_url(str(options.source)), str(options.source))
    if options.source is None:
        why = unreachable(WIKIMEDIA, user_agent())
        if why is None:
            say(f"reading Wikimedia's recent changes as {user_agent()!r} (SLUICE_USER_AGENT)")
            return ChosenSource("Wikimedia's recent changes", WIKIMEDIA)
        say(f"Wikimedia's stream cannot be reached ({why}): reading the built-in source instead")
    url = f"http://127.0.0.1:{free_port()}/v2/stream/recentchange"
    return ChosenSource("built-in source", url, built_in=True)


def unreachable(url: str, agent: str, seconds: float = 4.0) -> str | None:
    """Why `url` gives no event stream within `seconds`; None when it does."""
    headers = {"Accept": "text/event-stream", "User-Agent": agent}
    for result in probe(url, headers, 0.0, connect_seconds=seconds):
        if result.state != "ok":
            return result.detail.removeprefix(f"{public_url(url)}: ").partition(": ")[0]
    return None


def server_arguments(options: RunOptions, url: str, ledger: Path) -> list[str]:
    """Arguments of `sluice serve-events` for this run."""
    port = url.split(":")[2].split("/", maxsplit=1)[0]
    arguments = ["serve-events", "--port", port, "--ledger", str(ledger)]
    arguments += ["--rate", f"{options.rate:g}", "--seed", str(options.seed)]
    return arguments if options.events is None else [*arguments, "--events", str(options.events)]


def server_finished(url: str) -> bool | None:
    """Whether the built-in server has handed out its last event; None when it does not answer."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            reply = session.get(url.split("/v2/", maxsplit=1)[0] + "/healthz", timeout=2)
            return bool(reply.json()["finished"])
    except (requests.RequestException, ValueError, KeyError):
        return None
