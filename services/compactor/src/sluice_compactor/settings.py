"""The compactor's settings. A value that cannot work, alone or with others, refuses the start."""

import re
from typing import Final

from pydantic import Field, SecretStr, field_validator
from sluice_core.settings import CommonSettings
from sluice_core.settings.quantities import Bytes, Seconds

from sluice_compactor.catalog.choose import parse_catalog
from sluice_compactor.store.place import WAREHOUSE

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
        return problems
