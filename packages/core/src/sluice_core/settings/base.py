"""Settings from `SLUICE_*` environment variables: documented, typed, refused in one line when wrong.

A field's `description` is the reason that the documentation prints; AWS's own names stay AWS's own
(`AWS_ENDPOINT_URL`, `AWS_REGION`, credentials by boto3's default chain).
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import SettingsConfigDict

from sluice_core.errors import ConfigError
from sluice_core.keys import data_prefix
from sluice_core.secrets import HIDDEN, shown_url
from sluice_core.settings.addresses import parse_bucket, parse_queue
from sluice_core.settings.aws import AwsSettings
from sluice_core.settings.quantities import (
    Bytes,
    Seconds,
    parse_bytes,
    parse_seconds,
    write_bytes,
    write_seconds,
)
from sluice_core.settings.refusals import one_line, rule

PREFIX = "SLUICE_"
SECRET_URL: Final[dict[str, Any]] = {"secret": "user and query"}
"""`json_schema_extra` of a URL that may hold secrets, also where it is wrong and no URL at all."""
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

_MAY_BE_EMPTY: Final = frozenset({"prefix"})
"""Settings whose empty text says something; that of all others is as good as none."""


class CommonSettings(AwsSettings):
    """What producer and batcher both need. Units: seconds and bytes; `5s`, `2m`, `64MiB` work too."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True, populate_by_name=True
    )

    queue: str = Field(
        "sse_queue",
        min_length=1,
        description="The SQS queue: its name, URL or ARN (of another account or region, too). FIFO queues are refused.",
    )
    dlq: str | None = Field(
        None,
        description="The dead-letter queue: name, URL or ARN. Unset: the queue's redrive target, else `<queue>_dlq`.",
    )
    bucket: str = Field(
        "sse-bucket",
        description="The S3 bucket (name, ARN, or an access point's alias; of any account or region) of the objects, of checkpoints and of dead letters too large for SQS.",
    )
    prefix: str = Field(
        "events",
        description="The prefix of all objects that hold data (`_sluice` is taken); set and empty: the bucket's root.",
    )
    max_event_bytes: Bytes = Field(
        1_000_000,
        ge=1_000,
        le=64 * 2**20,
        description="A larger event goes to the dead-letter queue: it is never parsed.",
    )
    pack_max_unpacked_bytes: Bytes = Field(
        16 * 2**20,
        ge=1_000,
        le=2**30,
        description="The limit of decompression of one pack: more is a dead letter, never memory.",
    )
    shutdown_grace: Seconds = Field(
        25.0,
        gt=0,
        le=3600,
        description="After SIGTERM the process drains for so long, then leaves at once. Must fit into the pod's grace period.",
    )
    http_host: str = Field(
        "::",  # a pod must be reachable; `sluice run` uses loopback
        description="The address that `/metrics`, `/healthz` and `/readyz` listen on; `::` is every one, IPv4's too.",
    )
    http_port: int = Field(
        8080, ge=0, le=65535, description="Their port; 0 takes a free one and logs it."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least level that is logged. Event content appears at DEBUG only."
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="`json` for machines, `text` for people."
    )

    @field_validator("queue", "dlq")
    @classmethod
    def _queue_is_usable(cls, value: str | None) -> str | None:
        if value is not None:
            parse_queue(value)
        return value

    @field_validator("bucket")
    @classmethod
    def _bucket_name(cls, value: str) -> str:
        return parse_bucket(value)

    @field_validator("prefix")
    @classmethod
    def _prefix_is_for_data(cls, value: str) -> str:
        return data_prefix(value)

    def contradictions(self) -> list[str]:
        """Rules between settings that do not hold, a line each; services add their own."""
        return self.aws_contradictions()


S = TypeVar("S", bound=CommonSettings)


@dataclass(frozen=True)
class SettingDoc:
    """One row of the settings' documentation."""

    variable: str
    kind: str
    default: str
    description: str


def load_settings(cls: type[S], environ: Mapping[str, str] | None = None) -> S:
    """The settings in `environ` (default: the process's).

    Raises ConfigError whose one line names the first wrong variable, its value and the rule; further wrong
    ones are counted. Raises it, too, for a rule between settings that does not hold.
    """
    given = dict(os.environ if environ is None else environ)
    values: dict[str, Any] = {}
    for name, info in cls.model_fields.items():
        for variable in _variables(name, info):
            if given.get(variable, "") != "" or (name in _MAY_BE_EMPTY and variable in given):
                values[name] = given[variable]
                break
    try:
        settings = cls.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(cls, error, values)) from None
    problems = settings.contradictions()
    if problems:
        raise ConfigError(one_line(problems[0]) + _more(len(problems)))
    return settings


def describe_settings(cls: type[CommonSettings]) -> list[SettingDoc]:
    """The documentation of each setting of `cls`, in the order of its definition; AWS's own come last."""
    fields = sorted(cls.model_fields.items(), key=lambda item: item[0] in AwsSettings.model_fields)
    return [
        SettingDoc(
            variable=_variables(name, info)[0],
            kind=_kind(info),
            default=_show_default(info),
            description=info.description or "",
        )
        for name, info in fields
    ]


def effective(settings: CommonSettings) -> dict[str, str]:
    """Variable → effective value, as text; secrets and passwords in URLs are hidden."""
    shown = {}
    for name, info in type(settings).model_fields.items():
        value = getattr(settings, name)
        shown[_variables(name, info)[0]] = "" if value is None else _hide(value, info)
    return shown


def _variables(name: str, info: FieldInfo) -> list[str]:
    if isinstance(info.validation_alias, AliasChoices):
        return [str(choice) for choice in info.validation_alias.choices if str(choice).isupper()]
    return [PREFIX + name.upper()]


def _explain(cls: type[CommonSettings], error: ValidationError, values: dict[str, Any]) -> str:
    first = error.errors()[0]
    place = str(first["loc"][0]) if first["loc"] else ""
    name = next(
        (n for n, i in cls.model_fields.items() if place == n or place in _variables(n, i)), None
    )
    said = rule(first)
    if name is None:
        return said + _more(len(error.errors()))
    variable = _variables(name, cls.model_fields[name])[0]
    value = _hide(values.get(name, "(unset)"), cls.model_fields[name])
    return f"{variable}={value!r}: {said}" + _more(len(error.errors()))


def _more(count: int) -> str:
    return f" (and {count - 1} more)" if count > 1 else ""


def _hide(value: Any, info: FieldInfo) -> str:
    text = str(value)
    if SecretStr in _flatten(info.annotation):
        return HIDDEN
    if _URL.match(text) or (info.json_schema_extra == SECRET_URL and text != "(unset)"):
        return shown_url(text)
    return text


def _kind(info: FieldInfo) -> str:
    functions = {getattr(item, "func", None) for item in info.metadata}
    if parse_seconds in functions or _mentions(info.annotation, parse_seconds):
        return "duration"
    if parse_bytes in functions or _mentions(info.annotation, parse_bytes):
        return "size"
    options = [arg for arg in _flatten(info.annotation) if arg is not type(None)]
    literals = [
        str(value) for arg in options if get_origin(arg) is Literal for value in get_args(arg)
    ]
    if literals:
        return " \\| ".join(f"`{value}`" for value in literals)
    names = {str: "text", int: "number", float: "number", bool: "true/false"}
    return names.get(options[0], "text") if options else "text"


def _mentions(annotation: Any, function: object) -> bool:
    if any(
        getattr(item, "func", None) is function for item in getattr(annotation, "__metadata__", ())
    ):
        return True
    return any(_mentions(arg, function) for arg in get_args(annotation))


def _flatten(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return [annotation]
    args = get_args(annotation)
    return [inner for arg in args for inner in _flatten(arg)] if args else [annotation]


def _show_default(info: FieldInfo) -> str:
    if info.default is PydanticUndefined:
        return "(required)"
    if info.default is None:
        return "–"
    if isinstance(info.default, bool):
        return str(info.default).lower()
    write = {"duration": write_seconds, "size": write_bytes}.get(_kind(info), str)
    return write(info.default)
