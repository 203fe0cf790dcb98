"""The source: it answers, it speaks SSE, and it sends an event."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import requests
from sluice_core.secrets import HIDDEN, Secrets, public_url, without_urls
from sluice_core.version import __version__

from sluice_cli.check.result import Result, failed, ok

_CONNECT_SECONDS: Final = 5.0
_HTTP_ADVICE: Final[Mapping[int, str]] = {
    204: "the source says that there is no more: is the URL that of a stream?",
    401: "the source wants credentials: put them into SLUICE_SOURCE_HEADERS",
    404: "check the path of SLUICE_SOURCE_URL",
    429: "too many connections from here: stop other readers, and wait",
}
_WIKIMEDIA_403: Final = (
    "SLUICE_USER_AGENT must name a contact (URL or mail address): "
    "https://foundation.wikimedia.org/wiki/Policy:User-Agent_policy"
)


def check_source(settings: Mapping[str, str], seconds: float) -> Iterator[Result]:
    """Tries `SLUICE_SOURCE_URL` of the producer's effective settings; a first event within `seconds`.

    `settings` show no secrets; the environment has them. No result holds one.
    """
    url = _whole(settings, "SLUICE_SOURCE_URL")
    agent = settings.get("SLUICE_USER_AGENT") or f"sluice/{__version__}"
    headers = _headers(_whole(settings, "SLUICE_SOURCE_HEADERS"))
    hide = Secrets.of(url, headers).hide
    headers |= {"Accept": "text/event-stream", "User-Agent": agent, "Cache-Control": "no-store"}
    yield from probe(url, headers, seconds, hide)


def probe(
    url: str,
    headers: Mapping[str, str],
    seconds: float,
    hide: Callable[[str], str] = str,
    *,
    connect_seconds: float = _CONNECT_SECONDS,
) -> Iterator[Result]:
    """Whether `url` answers as an event stream within `connect_seconds`, and sends an event within `seconds`.

    With `seconds` 0 no event is waited for. The whole attempt is bounded, name resolution included, which no
    timeout of requests covers. `hide` takes secrets out of what a library says.
    """
    found: list[Result] = []
    limits = (connect_seconds, seconds)
    attempt = threading.Thread(target=_try, args=(url, headers, limits, found, hide), daemon=True)
    attempt.start()
    attempt.join(connect_seconds + seconds)
    results = list(found)
    yield from results
    if attempt.is_alive() and (not results or (seconds and results[-1].state == "ok")):
        yield (
            _silent(seconds)
            if results
            else failed(
                "source",
                f"{public_url(url)}: no answer within {connect_seconds + seconds:g} s",
                _NETWORK,
            )
        )


_NETWORK: Final = "check SLUICE_SOURCE_URL, the network, and HTTPS_PROXY and NO_PROXY"


def _whole(settings: Mapping[str, str], name: str) -> str:
    shown = settings.get(name, "")
    return os.environ.get(name, "") if HIDDEN in shown else shown


def _headers(text: str) -> dict[str, str]:
    """What the producer has found well-formed."""
    lines = [line.partition(":") for line in text.splitlines() if line.strip()]
    return {name.strip(): value.strip() for name, _, value in lines}


def _try(
    url: str,
    headers: Mapping[str, str],
    limits: tuple[float, float],
    found: list[Result],
    hide: Callable[[str], str],
) -> None:
    place, (connect_seconds, seconds) = public_url(url), limits
    try:
        with requests.get(
            url,
            headers={name: value.encode() for name, value in headers.items()},
            stream=True,
            timeout=(connect_seconds, seconds or connect_seconds),
        ) as reply:
            answer = _judge(place, reply)
            found.append(answer)
            if answer.state == "ok" and seconds:
                found.append(_first_event(reply))
    except requests.exceptions.SSLError as error:
        found.append(
            failed(
                "source",
                f"{place}: {hide(without_urls(str(error)))}",
                "set REQUESTS_CA_BUNDLE to your proxy's CA",
            )
        )
    except requests.RequestException as error:
        late = found or isinstance(error, requests.ReadTimeout)
        found.append(
            _silent(seconds)
            if late
            else failed(
                "source",
                f"{place}: {_failure(error)}: {hide(without_urls(str(error)))}",
                _NETWORK,
            )
        )


def _failure(error: requests.RequestException) -> str:
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__


def _judge(url: str, reply: requests.Response) -> Result:
    kind = reply.headers.get("Content-Type", "")
    if reply.status_code != 200:
        return failed("source", f"{url}: HTTP {reply.status_code}", _advice(url, reply.status_code))
    if kind.partition(";")[0].strip().lower() != "text/event-stream":
        return failed(
            "source",
            f"{url}: it answers with {kind or 'no content type'!r}, not text/event-stream",
            "is this the address of a page, or a proxy's? SLUICE_SOURCE_URL must be that of the stream",
        )
    return ok("source", f"{url}: text/event-stream")


def _advice(url: str, status: int) -> str:
    host = urlsplit(url).hostname or ""
    if status == 403 and (host == "wikimedia.org" or host.endswith(".wikimedia.org")):
        return _WIKIMEDIA_403
    if status >= 500:
        return "the source's own fault: try later (the producer does so by itself)"
    return _HTTP_ADVICE.get(status, "ask who runs the source")


def _first_event(reply: requests.Response) -> Result:
    data, line = False, bytearray()
    for byte in reply.iter_content(1):
        if byte not in (b"\n", b"\r"):
            line += byte
            continue
        if not line and data:
            return ok("source: first event", "it came")
        data = data or line.startswith(b"data")
        line.clear()
    return failed(
        "source: first event", "the stream ended before its first event", "is the source empty?"
    )


def _silent(seconds: float) -> Result:
    return failed(
        "source: first event",
        f"none within {seconds:g} s",
        "a quiet stream needs a longer --timeout; else a proxy between may hold events back",
    )
