"""The compactor's settings. A value that cannot work, alone or with others, refuses the start."""

import re
from typing import Final

from pydantic import Field, SecretStr, field_validator
from sluice_core.keys import WAREHOUSE
from sluice_core.secrets import shown_url
from sluice_core.settings import SECRET_URL, CommonSettings
from sluice_core.settings.addresses import web_address
from sluice_core.settings.quantities import Bytes, Seconds
from sluice_core.wire.id_rule import Rule, parse_rule

from sluice_compactor.catalog.choose import parse_catalog

_LABEL: Final = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*=[^,=]+")
_TABLE: Final = re.compile(r"[a-z0-9_]{1,128}\.[a-z0-9_]{1,128}")


class CompactorSettings(CommonSettings):
    """Settings of `python -m sluice_compactor` and `sluice compact`. Units: seconds and bytes; `5s`, `2m`, `64MiB` work too."""

    lake_catalog: SecretStr | None = Field(
        None,
        description="Where the table's current state is kept. Unset: one pointer object in the bucket. `glue`, or PyIceberg's properties as a JSON object (REST, S3 Tables, SQL …; may hold secrets, so it is never shown).",
    )
    lake_table: str = Field(
        "sluice.events",
        description="The table, `namespace.name`: small letters, digits and `_` (Glue's rule).",
    )
    lake_settle: Seconds = Field(
        900.0,
        ge=0,
        description="How long a raw object is left alone after it was written, so that most of an hour comes in few files. Not needed for exactness.",
    )
    lake_max_memory: Bytes = Field(
        512 * 2**20,
        ge=16 * 2**20,
        description="Memory for ids and rows, beside about 200 MiB that the process takes at rest. A day whose ids need more is read several times, a part of the ids each.",
    )
    lake_keep_raw: bool = Field(
        False,
        description="`true`: raw objects stay after they are in the table, and are read again by each pass (for a trial, or where a lifecycle rule removes them).",
    )
    lake_id_column: str = Field(
        "event_id",
        min_length=1,
        description="The column that holds the event's id (the path `@event_id`).",
    )
    event_id: str = Field(
        "meta.id",
        description="Where an event's id is in objects of events as they came (`SLUICE_COLUMNS=raw`): a path in the data, as the producer's setting of this name. `sha256`: the hash of an event's text is its id, so that equal events are one. Other columns hold the id.",
    )
    lake_file_bytes: Bytes = Field(
        256 * 2**20,
        ge=2**20,
        le=2**31,
        description="Compressed size at which a data file is closed and the next begun.",
    )
    lake_every: Seconds | None = Field(
        None,
        gt=0,
        description="Seconds from pass to pass. Unset: one pass, then the process ends. `--every` on the command line.",
    )
    lake_maintain: bool = Field(
        True,
        description="Rewrite finished days, expire snapshots, sweep files that nobody names. `false` where Glue, S3 Tables or Spark do it.",
    )
    lake_keep_snapshots: Seconds = Field(
        3 * 86_400.0,
        ge=0,
        description="How long a snapshot can be read after a newer one has come. Rows of `sluice lake forget` are on disk for so long.",
    )

    pushgateway: str | None = Field(
        None,
        json_schema_extra=SECRET_URL,
        description="A Pushgateway (`http://host:9091`; a user and a password may stand before the host) that gets the metrics of a pass at its end, for a CronJob, which nobody scrapes. One that does not answer is logged and holds nothing up.",
    )
    pushgateway_labels: str = Field(
        "job=sluice-compactor",
        description="Labels of what is pushed, `name=value` with commas between them, `job` among them. Passes with the same labels replace each other's metrics. Without an `instance` it is the bucket and the table.",
    )

    @field_validator("lake_catalog")
    @classmethod
    def _catalog_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_catalog(value.get_secret_value())
        return value

    @field_validator("lake_table")
    @classmethod
    def _table_has_a_name(cls, value: str) -> str:
        if _TABLE.fullmatch(value) is None:
            raise ValueError("namespace.name is needed, of small letters, digits and _")
        return value

    @field_validator("pushgateway")
    @classmethod
    def _gateway_is_an_address(cls, value: str | None) -> str | None:
        if value is not None:
            parts = web_address(value, "http://host:port or https://host:port")
            if parts.query or parts.fragment:
                raise ValueError("an address without ? and # is needed: the labels have a setting")
        return value

    @field_validator("pushgateway_labels")
    @classmethod
    def _labels_name_a_group(cls, value: str) -> str:
        parts = [part.strip() for part in value.split(",")]
        names = [part.partition("=")[0] for part in parts]
        if not all(map(_LABEL.fullmatch, parts)) or len(set(names)) < len(names):
            raise ValueError("name=value is needed, with commas between several, each name once")
        if "job" not in names:
            raise ValueError("a Pushgateway asks for the label job: job=sluice-compactor")
        return value

    @property
    def pushed_labels(self) -> dict[str, str]:
        """The labels of what is pushed."""
        parts = (part.strip().partition("=") for part in self.pushgateway_labels.split(","))
        given = {name: value for name, _, value in parts}
        return {"instance": f"{self.bucket}/{self.lake_table}", **given}

    @field_validator("event_id")
    @classmethod
    def _rule_is_one(cls, value: str) -> str:
        parse_rule(value)
        return value

    @property
    def id_rule(self) -> Rule:
        """Where ids are in events as they came."""
        return parse_rule(self.event_id)

    @property
    def identifier(self) -> tuple[str, str]:
        """The table's namespace and name."""
        namespace, _, name = self.lake_table.partition(".")
        return namespace, name

    def contradictions(self) -> list[str]:
        """Rules between settings that do not hold, a line each."""
        problems = super().contradictions()
        if f"{self.prefix}/".startswith(f"{WAREHOUSE}/"):
            problems.append(
                f"SLUICE_PREFIX={self.prefix}: the table lies under {WAREHOUSE}/, so raw objects must lie elsewhere"
            )
        if self.pushgateway is not None and self.lake_every is not None:
            problems.append(
                f"SLUICE_PUSHGATEWAY={shown_url(self.pushgateway)}: is for single passes; with SLUICE_LAKE_EVERY the "
                "process lives, and Prometheus scrapes its /metrics: unset one of them"
            )
        return problems
