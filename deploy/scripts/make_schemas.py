"""Makes the JSON schemas that `make chart-lint` holds the chart against, from Kubernetes' and the operators' own files.

Usage: make_schemas.py OUT --swagger 1.34=swagger.json … --crd scaledobjects.yaml …

Only the kinds that the chart makes are kept, without descriptions, and strict: an unknown field is an error.
`swagger.json` is `api/openapi-spec/swagger.json` of a Kubernetes release; a CRD is the operator's manifest.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

KINDS = {
    "ConfigMap": "io.k8s.api.core.v1.ConfigMap",
    "CronJob": "io.k8s.api.batch.v1.CronJob",
    "Deployment": "io.k8s.api.apps.v1.Deployment",
    "NetworkPolicy": "io.k8s.api.networking.v1.NetworkPolicy",
    "PersistentVolumeClaim": "io.k8s.api.core.v1.PersistentVolumeClaim",
    "Pod": "io.k8s.api.core.v1.Pod",
    "PodDisruptionBudget": "io.k8s.api.policy.v1.PodDisruptionBudget",
    "Secret": "io.k8s.api.core.v1.Secret",
    "Service": "io.k8s.api.core.v1.Service",
    "ServiceAccount": "io.k8s.api.core.v1.ServiceAccount",
}
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
REF = "#/definitions/"


def main(arguments: list[str]) -> None:
    """Writes `OUT/<version>/<kind>-<group>-<version>.json`, and the CRDs' under `OUT/crd`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--swagger", nargs="*", default=[], metavar="VERSION=FILE")
    parser.add_argument("--crd", nargs="*", default=[], type=Path)
    options = parser.parse_args(arguments)
    for pair in options.swagger:
        version, _, path = pair.partition("=")
        for name, schema in kubernetes(json.loads(Path(path).read_text())).items():
            write(options.out / f"v{version}.0" / name, schema)
    for path in options.crd:
        for name, schema in custom(yaml.safe_load(path.read_text())).items():
            write(options.out / "crd" / name, schema)


def kubernetes(swagger: dict[str, Any]) -> dict[str, Any]:
    """File name → schema of each kind, from a release's swagger file."""
    all_of_it = swagger["definitions"]
    made = {}
    for kind, root in KINDS.items():
        wanted: dict[str, Any] = {}
        collect(root, all_of_it, wanted)
        schema = wanted.pop(root)
        gvk = all_of_it[root]["x-kubernetes-group-version-kind"][0]
        api = f"{gvk['group']}/{gvk['version']}" if gvk["group"] else gvk["version"]
        schema["properties"]["apiVersion"] = {"const": api}
        schema["properties"]["kind"] = {"const": kind}
        schema["required"] = ["apiVersion", "kind", "metadata"]
        made[file_name(kind, gvk["group"], gvk["version"])] = {**schema, "definitions": wanted}
    return made


def custom(crd: dict[str, Any]) -> dict[str, Any]:
    """File name → schema of each served version of a CustomResourceDefinition."""
    spec = crd["spec"]
    return {
        file_name(spec["names"]["kind"], spec["group"], version["name"]): strict(
            version["schema"]["openAPIV3Schema"]
        )
        | {"required": ["apiVersion", "kind", "metadata", "spec"]}
        for version in spec["versions"]
        if version["served"]
    }


def collect(name: str, all_of_it: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Adds the definition `name` and all that it refers to."""
    if name in wanted:
        return
    if name == QUANTITY:
        wanted[name] = {"type": ["string", "number"]}
        return
    if name == INT_OR_STRING:
        wanted[name] = {"type": ["string", "integer"]}
        return
    wanted[name] = strict(all_of_it[name])
    for reference in references(all_of_it[name]):
        collect(reference, all_of_it, wanted)


def references(node: object) -> set[str]:
    """Names of the definitions that a schema mentions."""
    if isinstance(node, dict):
        own = {node["$ref"].removeprefix(REF)} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(references(value) for value in node)) if node else set()
    return set()


def strict(node: Any, *, names: bool = False) -> Any:
    """The schema without prose and extensions, with unknown fields refused. `names`: the keys are fields' names."""
    if isinstance(node, list):
        return [strict(value) for value in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: strict(value) for key, value in node.items()}
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["string", "integer"]}
    if node.get("x-kubernetes-preserve-unknown-fields"):
        return {}
    kept = {
        key: strict(value, names=key == "properties")
        for key, value in node.items()
        if key not in {"description", "format", "default"} and not key.startswith("x-")
    }
    if "properties" in kept and "additionalProperties" not in kept:
        kept["additionalProperties"] = False
    return kept


def file_name(kind: str, group: str, version: str) -> str:
    """As kubeconform's template `{{ .ResourceKind }}{{ .KindSuffix }}` asks for it."""
    short = group.partition(".")[0]
    return "-".join(filter(None, [kind.lower(), short, version])) + ".json"


def write(path: Path, schema: Any) -> None:
    """Minified: these files are for machines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
