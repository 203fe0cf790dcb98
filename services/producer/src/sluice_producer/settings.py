"""The producer's settings; what contradicts itself refuses to start."""

from typing import Literal
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from pydantic import Field, SecretStr, field_validator
from sluice_core.keys import checkpoint_key, safe_name
from sluice_core.limits import SQS_MAX_BYTES
from sluice_core.secrets import Secrets, public_url
from sluice_core.settings import SECRET_URL, CommonSettings
from sluice_core.settings.quantities import Bytes, Seconds
from sluice_core.version import __version__
from sluice_core.wire.event_time import DEFAULT_EVENT_TIME, EventTimePaths
from sluice_core.wire.id_rule import SHA256, SSE, Rule, parse_rule

from sluice_producer.progress.tracker import parse_since
from sluice_producer.source.headers import parse_headers

WIKIMEDIA = "https://stream.wikimedia.org/v2/stream/recentchange"
_WIKIMEDIA_HOST = "wikimedia.org"


class ProducerSettings(CommonSettings):
    """What the producer alone needs. Units: seconds and bytes; `5s`, `2m`, `64MiB` work too."""

    source_url: str = Field(
        WIKIMEDIA,
        description="The SSE stream. With the preset `wikimedia`, `since` in it is where the very first start begins. Its query and user part are secret.",
        json_schema_extra=SECRET_URL,
    )
    source_headers: SecretStr | None = Field(
        None,
        description="Request headers for the source, one `Name: value` a line, such as `Authorization: Bearer …`. Secret: never shown, logged or stored.",
    )
    source_preset: Literal["wikimedia", "generic"] | None = Field(
        None,
        description="Rules of resume, canary filter and event id. Unset: `wikimedia` for its hosts, else `generic`.",
    )
    source_name: str | None = Field(
        None,
        description="Names the checkpoint and travels as `sluice-source`. Unset: host and path of the URL; sources that differ only in the query need names.",
    )
    source_events: str | None = Field(
        None,
        description="SSE event types to take, with commas between them (`message`: events without one). The others are filtered and counted. Unset: all.",
    )
    event_id: str | None = Field(
        None,
        description="What makes an event itself: a path in the data (`meta.id`), `sse` (the SSE id) or `sha256` (of SSE id and data). Unset: `meta.id` with the preset `wikimedia`, else `sha256`.",
    )
    event_time: EventTimePaths = Field(
        DEFAULT_EVENT_TIME,
        description="Where an event says when it happened, as for the batcher: how far behind the source the producer is (its lag) is told by it. Nothing else here depends on it.",
    )
    source_idle_timeout: Seconds = Field(
        60.0,
        ge=1,
        le=3600,
        description="No byte for so long: the connection is taken for dead and made again.",
    )
    source_rewind: Seconds = Field(
        0.0,
        le=7 * 86_400,
        description="A resume begins so much earlier, for example after the source has changed its datacenter. Events already sent are dropped as far as their ids are remembered (the last 50,000 of a topic: some 20 minutes of recent changes); what is older comes again, and is logged.",
    )
    user_agent: str | None = Field(
        None,
        description="Must hold a contact (URL or mail address) for Wikimedia's hosts: their policy. Unset: `sluice/<version>`.",
    )
    wire: Literal["packed", "plain"] = Field(
        "packed",
        description="Many events a message (compressed), or one event a message, readable by anybody.",
    )
    pack_max_events: int = Field(
        100, ge=0, le=1_000_000, description="Events in a pack; 0: no such limit."
    )
    pack_max_bytes: Bytes = Field(
        65_536,
        ge=1_024,
        le=SQS_MAX_BYTES,
        description="Bytes of a pack's message after base64. A lone event may exceed it, up to what SQS takes.",
    )
    pack_max_age: Seconds = Field(
        5.0,
        gt=0,
        le=300,
        description="A pack is sent at this age, however small (plain: at most 1 s).",
    )
    senders: int = Field(2, ge=1, le=64, description="Threads that send to SQS.")
    heartbeat: Seconds = Field(
        0.0,
        le=3600,
        description="So often a message without events goes through the whole pipeline, so that its time is known (`60s`); it is never a row. 0: none. Less than a second is refused.",
    )
    buffer_max_bytes: Bytes = Field(
        64 * 2**20,
        ge=2**20,
        description="Event bytes read and not yet accepted by SQS; when it is full, reading waits.",
    )
    checkpoint: str | None = Field(
        None,
        description="Where the stream resumes: `s3://bucket/key` or `file:///path`. Unset: `s3://<bucket>/_sluice/checkpoint/<source>.json`.",
    )
    checkpoint_interval: Seconds = Field(
        1.0,
        ge=0.1,
        le=60,
        description="A checkpoint is written so often while events come: one S3 request each. After a kill at most so much comes again; an orderly stop always writes one.",
    )
    checkpoint_max_age: Seconds = Field(
        300.0,
        ge=2,
        description="While no checkpoint can be written, reading goes on for so long, then pauses.",
    )
    ledger: str | None = Field(
        None,
        description="`file:///path` of a ledger of every event's id and fate, for `sluice verify`. Unset: none.",
    )
    max_events: int = Field(0, ge=0, description="Stop cleanly after so many events; 0: never.")

    @field_validator("source_url")
    @classmethod
    def _http(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # its text quotes the URL
            usable = False
        if not usable:
            raise ValueError(
                "an http:// or https:// URL is needed, its user and password percent-encoded"
            )
        return value

    @field_validator("heartbeat")
    @classmethod
    def _heartbeat(cls, value: float) -> float:
        if 0 < value < 1:
            raise ValueError("0 (none) or at least 1s is needed: each is a message of its own")
        return value

    @field_validator("source_headers")
    @classmethod
    def _headers(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_headers(value.get_secret_value())
        return value

    @field_validator("source_events")
    @classmethod
    def _types(cls, value: str | None) -> str | None:
        if value is not None and not all(kind.strip() for kind in value.split(",")):
            raise ValueError("event types with commas between them are needed; one is empty")
        return value

    @field_validator("event_id")
    @classmethod
    def _rule(cls, value: str | None) -> str | None:
        if value is not None:
            parse_rule(value)
        return value

    @field_validator("checkpoint")
    @classmethod
    def _checkpoint_place(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if (
            value is None
            or _is_file(value)
            or (parts.scheme == "s3" and parts.netloc and parts.path.strip("/"))
        ):
            return value
        raise ValueError("s3://bucket/key or file:///absolute/path is needed")

    @field_validator("ledger")
    @classmethod
    def _ledger_place(cls, value: str | None) -> str | None:
        if value is None or _is_file(value):
            return value
        raise ValueError("file:///absolute/path is needed")

    @field_validator("user_agent")
    @classmethod
    def _header(cls, value: str | None) -> str | None:
        if value is None or (value.isascii() and value.isprintable() and value.strip() == value):
            return value
        raise ValueError(
            "printable ASCII without spaces around it is needed: it becomes an HTTP header"
        )

    def contradictions(self) -> list[str]:
        """See `CommonSettings`."""
        found = super().contradictions()
        if self.pack_max_unpacked_bytes <= self.max_event_bytes:
            found.append(
                f"SLUICE_PACK_MAX_UNPACKED_BYTES={self.pack_max_unpacked_bytes}: must exceed "
                f"SLUICE_MAX_EVENT_BYTES={self.max_event_bytes}, or no pack could hold a large event"
            )
        agent = self.user_agent or ""
        if self.is_wikimedia_host and not ("@" in agent or "://" in agent):
            found.append(
                f"SLUICE_USER_AGENT={agent!r}: must hold a contact (URL or mail address) for {self.host}: "
                "https://foundation.wikimedia.org/wiki/Policy:User-Agent_policy"
            )
        if self.buffer_max_bytes < self.max_event_bytes:
            found.append(
                f"SLUICE_BUFFER_MAX_BYTES={self.buffer_max_bytes}: must be at least "
                f"SLUICE_MAX_EVENT_BYTES={self.max_event_bytes}"
            )
        if self.source_rewind and self.preset == "generic":
            found.append(
                f"SLUICE_SOURCE_REWIND={self.source_rewind:g}: only the preset wikimedia can rewind; this is generic"
            )
        if self.id_rule == SSE and self.preset == "wikimedia":
            found.append(
                "SLUICE_EVENT_ID=sse: with the preset wikimedia an SSE id is a position, which events share; "
                "leave it unset"
            )
        try:
            self.started_at(0.0)
        except ValueError:
            found.append(
                f"SLUICE_SOURCE_URL={public_url(self.source_url)!r}: its since is neither ISO 8601 nor an epoch"
            )
        if (
            "authorization" in map(str.lower, self.headers)
            and "@" in urlsplit(self.read_url).netloc
        ):
            found.append(
                "SLUICE_SOURCE_HEADERS: its Authorization contradicts the user in SLUICE_SOURCE_URL; keep one of them"
            )
        return found

    @property
    def host(self) -> str:
        """The source's host."""
        return urlsplit(self.source_url).hostname or ""

    @property
    def is_wikimedia_host(self) -> bool:
        """Whether Wikimedia's policies hold for the source."""
        return self.host == _WIKIMEDIA_HOST or self.host.endswith("." + _WIKIMEDIA_HOST)

    @property
    def preset(self) -> str:
        """The preset in force."""
        return self.source_preset or ("wikimedia" if self.is_wikimedia_host else "generic")

    @property
    def id_rule(self) -> Rule:
        """What makes an event itself, in force."""
        return parse_rule(self.event_id or ("meta.id" if self.preset == "wikimedia" else SHA256))

    @property
    def event_types(self) -> frozenset[str] | None:
        """The SSE types that are taken; None for all."""
        if self.source_events is None:
            return None
        return frozenset(kind.strip() for kind in self.source_events.split(","))

    @property
    def name(self) -> str:
        """The source's name in force: it holds nothing of the URL's user part and query, which are secret."""
        if self.source_name:
            return self.source_name
        return safe_name(self._bare_name)

    @property
    def _bare_name(self) -> str:
        parts = urlsplit(self.read_url)
        return f"{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def query_left_out(self) -> bool:
        """Whether the name is the URL's, and the URL has a query that another source may differ in."""
        return not self.source_name and bool(urlsplit(self.read_url).query)

    @property
    def former_checkpoint_url(self) -> str | None:
        """Where the checkpoint of such a URL stood when its query was a part of the name; itself a secret."""
        if self.checkpoint or not self.query_left_out:
            return None
        name = safe_name(f"{self._bare_name}-{urlsplit(self.read_url).query}")
        return f"s3://{self.bucket}/{checkpoint_key(name)}"

    @property
    def headers(self) -> dict[str, str]:
        """The source's request headers: secret."""
        return parse_headers(self.source_headers.get_secret_value()) if self.source_headers else {}

    @property
    def secrets(self) -> Secrets:
        """What no log line and no error may hold."""
        return Secrets.of(self.source_url, self.headers)

    @property
    def public_url(self) -> str:
        """What may be told of the URL that is read."""
        return public_url(self.read_url)

    @property
    def agent(self) -> str:
        """The User-Agent in force."""
        return self.user_agent or f"sluice/{__version__}"

    @property
    def checkpoint_url(self) -> str:
        """The checkpoint's place in force."""
        return self.checkpoint or f"s3://{self.bucket}/{checkpoint_key(self.name)}"

    @property
    def read_url(self) -> str:
        """The URL that is read: without `since`, which is the position's business (preset wikimedia)."""
        return self._without_since()[0]

    def started_at(self, now: float) -> int:
        """Where the very first start begins, in epoch milliseconds: the URL's `since`, else `now` (seconds)."""
        since = self._without_since()[1]
        return int(now * 1000) if since is None else parse_since(since)

    def _without_since(self) -> tuple[str, str | None]:
        if self.preset != "wikimedia":
            return self.source_url, None
        parts = urlsplit(self.source_url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        since = [value for key, value in query if key == "since"]
        rest = urlencode([pair for pair in query if pair[0] != "since"])
        return urlunsplit(parts._replace(query=rest)), since[-1] if since else None


def _is_file(url: str) -> bool:
    parts = urlsplit(url)
    path = unquote(parts.path)
    return parts.scheme == "file" and not parts.netloc and len(path) > 1 and not path.endswith("/")
