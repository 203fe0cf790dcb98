"""Can the live stream be reached? Asked in a few seconds, before anybody waits for it."""

import threading

import requests


def unreachable(url: str, user_agent: str, seconds: float = 4.0) -> str | None:
    """Why `url` gives no event stream within `seconds`; None when it does.

    The whole attempt is bounded, name resolution included, which no timeout of requests covers.
    """
    found: list[str | None] = []
    attempt = threading.Thread(
        target=lambda: found.append(_try(url, user_agent, seconds)), daemon=True
    )
    attempt.start()
    attempt.join(seconds)
    return found[0] if found else f"no answer within {seconds:g} s"


def _try(url: str, user_agent: str, seconds: float) -> str | None:
    headers = {"Accept": "text/event-stream", "User-Agent": user_agent}
    try:
        with requests.get(url, headers=headers, stream=True, timeout=seconds) as reply:
            kind = reply.headers.get("Content-Type", "")
            if reply.status_code != 200:
                return f"HTTP {reply.status_code}"
            return None if kind.startswith("text/event-stream") else f"it answers with {kind!r}"
    except requests.ConnectionError:
        return "no connection"
    except (requests.RequestException, ValueError) as error:
        return type(error).__name__
