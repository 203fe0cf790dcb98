"""A requests session for one connection: it keeps the response, and secrets where they belong."""

import contextlib
from collections.abc import Collection
from typing import Any

import requests

from sluice_producer.source.chunks import EagerAdapter


class StreamSession(requests.Session):
    """`response`: the last one that was got, None before.

    `secret`: names of headers that a redirect to another host, port or scheme must not take along. requests
    itself holds back `Authorization` alone.
    """

    def __init__(self, secret: Collection[str] = ()) -> None:
        super().__init__()
        self._secret = secret
        self.response: requests.Response | None = None
        for scheme in ("http://", "https://"):
            self.mount(scheme, EagerAdapter())

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """See `requests.Session`."""
        self.response = super().request(*args, **options)
        return self.response

    def interrupt(self) -> None:
        """Wakes a thread that is blocked in reading the response; safe from any thread, any number of times."""
        # Already closed or given back: nobody is blocked in it.
        with contextlib.suppress(ValueError, RuntimeError, OSError, AttributeError):
            if self.response is not None:
                self.response.raw.shutdown()

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """See `requests.Session`: called for each redirect."""
        old, new = str(response.request.url), str(prepared_request.url)
        if self.should_strip_auth(old, new):  # type: ignore[no-untyped-call]  # requests has no types
            for name in self._secret:
                prepared_request.headers.pop(name, None)
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]  # ditto
