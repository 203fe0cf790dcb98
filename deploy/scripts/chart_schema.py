"""Makes the chart's values.schema.json: from the settings classes where a value is a setting, else from chart_schema.yaml.

And files/limits.yaml: what JSON Schema cannot say of a text ("2m" is at most five minutes), for the chart's templates.
`--check` writes nothing and fails when a committed file is not what this makes.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from sluice_batcher.settings import DRAIN_SECONDS, BatcherSettings
from sluice_compactor.settings import CompactorSettings
from sluice_core.settings import CommonSettings, describe_settings
from sluice_core.settings.aws import AwsSettings
from sluice_core.settings.quantities import write_bytes, write_seconds
from sluice_producer.settings import ProducerSettings

SOURCE = Path(__file__).with_suffix(".yaml")
CHART = Path(__file__).resolve().parents[1] / "helm" / "sluice"
SCHEMA = CHART / "values.schema.json"
QUANTITIES = CHART / "files" / "limits.yaml"
WRITTEN: Final = {"duration": write_seconds, "size": write_bytes}
SERVICES: Final[dict[str, type[CommonSettings]]] = {
    "producer": ProducerSettings,
    "batcher": BatcherSettings,
    "compactor": CompactorSettings,
}
TYPES: Final = ("string", "integer", "number", "boolean", "object", "array")
NULLABLE: Final = ("string", "object", "array")
LIMITS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength")
UNTOLD: Final = {
    "ge": "minimum",
    "le": "maximum",
    "gt": "exclusiveMinimum",
    "lt": "exclusiveMaximum",
}
"""pydantic's own names, which it leaves in the schema of a value that may be None and is read by a function."""
Schema = dict[str, Any]


class SourceError(ValueError):
    """chart_schema.yaml says something that this script does not know."""


def setting(name: str) -> Schema:
    """What a value may be that becomes the setting `<service>.<field>`; null (and "" for one that may be unset) is its default.

    Limits of durations and sizes hold for bare numbers only: JSON Schema cannot read "2m" (see `quantities`).
    """
    service, _, field = name.partition(".")
    cls = SERVICES.get(service)
    if cls is None or field not in cls.model_fields:
        raise SourceError(f"{name}: no setting of {', '.join(SERVICES)}")
    rows = dict(zip(_ordered(cls), describe_settings(cls), strict=True))
    told = cls.model_json_schema(by_alias=False)["properties"][field]
    unset = cls.model_fields[field].default is None
    plain = next((s for s in told.get("anyOf", ()) if s.get("type") != "null"), told)
    plain = {UNTOLD.get(key, key): value for key, value in plain.items()}
    limits = {key: plain[key] for key in LIMITS if key in plain}
    kind = rows[field].kind
    if kind in ("duration", "size"):
        return {"$ref": f"#/$defs/{kind}", **limits}
    if "enum" in plain or "const" in plain:
        return {"enum": [*plain.get("enum", [plain.get("const")]), *([""] if unset else []), None]}
    if plain["type"] == "boolean" and unset:
        return {"enum": [True, False, "true", "false", "", None]}
    return {"type": [plain["type"], "null"], **limits}


def _ordered(cls: type[CommonSettings]) -> list[str]:
    """The fields in the order of `describe_settings`: AWS's own last."""
    return sorted(cls.model_fields, key=lambda name: name in AwsSettings.model_fields)


def node(given: Any) -> Schema:
    """One node of the source as JSON Schema: see the source's head for what may stand there."""
    if isinstance(given, str):
        if given in TYPES:
            return {"type": [given, "null"] if given in NULLABLE else given}
        return setting(given) if "." in given else {"$ref": f"#/$defs/{given}"}
    if not isinstance(given, dict):
        raise SourceError(f"{given!r}: a node is text or a mapping")
    own = {key[1:]: value for key, value in given.items() if key.startswith("$")}
    made: Schema = setting(own.pop("setting")) if "setting" in own else {}
    children = {key: node(value) for key, value in given.items() if not key.startswith("$")}
    if children:
        made |= {"type": "object", "additionalProperties": False, "properties": children}
        # Helm takes a value away that is overridden with null: what has no meaning then is refused here, by its name.
        required = [k for k, v in given.items() if k in children and not _may_go(v, children[k])]
        made |= {"required": required} if required else {}
    if "ref" in own:
        made["$ref"] = f"#/$defs/{own.pop('ref')}"
    for key in ("items", "additionalProperties", "not"):
        if isinstance(own.get(key), str | dict):
            made[key] = node(own.pop(key))
    if "anyOf" in own:
        made["anyOf"] = [node(item) for item in own.pop("anyOf")]
    nullable = own.pop("null", own.get("type") in NULLABLE)
    if nullable and isinstance(own.get("type"), str):
        own["type"] = [own["type"], "null"]
    return made | own


def _may_go(given: Any, made: Schema) -> bool:
    """Whether a value may be null, or not there."""
    is_setting = "." in given if isinstance(given, str) else "$setting" in given
    if is_setting or "$ref" in made or "anyOf" in made:
        return True
    return "null" in made.get("type", ()) or None in made.get("enum", ())


def schema(text: str) -> str:
    """The whole schema, as it is committed."""
    source = yaml.safe_load(text)
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "made by deploy/scripts/chart_schema.py (`make chart-schema`): edit the settings classes or chart_schema.yaml",
        "title": "Values of the chart sluice",
        **node(source["values"]),
        "$defs": {name: node(value) for name, value in source["defs"].items()},
    }
    return json.dumps(made, indent=2) + "\n"


def _quantities(made: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Each value that is a duration or a size with limits: its path, and them as numbers and as text."""
    for name, child in made.get("properties", {}).items():
        here = f"{path}.{name}".lstrip(".")
        yield from _quantities(child, here)
        kind = child.get("$ref", "").removeprefix("#/$defs/")
        limits = {key: child[key] for key in LIMITS if key in child}
        if kind in WRITTEN and limits:
            told = {key: [value, WRITTEN[kind](value)] for key, value in limits.items()}
            yield here, {"kind": kind, **told}


def quantities(text: str) -> str:
    """files/limits.yaml, and with it the settings that have no value in the chart but bound one that has."""
    made = {
        "limits": dict(_quantities(node(yaml.safe_load(text)["values"]))),
        "settings": {
            "receiveWaitSeconds": BatcherSettings.model_fields["receive_wait"].default,
            "drainSeconds": DRAIN_SECONDS,
            "maxEventBytes": BatcherSettings.model_fields["max_event_bytes"].default,
        },
    }
    head = "# Made by deploy/scripts/chart_schema.py (`make chart-schema`) from the settings classes.\n"
    return head + yaml.safe_dump(made, sort_keys=False, default_flow_style=None, width=120)


def main(arguments: list[str]) -> int:
    """0, or 1 when `--check` finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    source = SOURCE.read_text()
    for path, made in ((SCHEMA, schema(source)), (QUANTITIES, quantities(source))):
        if not options.check:
            path.write_text(made)
        elif made != path.read_text():
            sys.stderr.write(f"{path.name} is not what its sources say: make chart-schema\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
