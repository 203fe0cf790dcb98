"""The catalog that the settings name."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import orjson
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError, NotInstalledError
from sluice_core.errors import ConfigError

from sluice_compactor.catalog.in_bucket import BucketCatalog
from sluice_compactor.catalog.strict import strict
from sluice_compactor.errors import told
from sluice_compactor.store.place import Place

VARIABLE: Final = "SLUICE_LAKE_CATALOG"
GLUE: Final = "glue"


def parse_catalog(given: str) -> dict[str, str]:
    """PyIceberg's properties: `glue`, or a JSON object of text (`{"type": "rest", "uri": "https://…"}`).

    Raises ValueError with the rule. https://py.iceberg.apache.org/configuration/#catalogs
    """
    if given.strip() == GLUE:
        return {"type": GLUE}
    rule = 'unset (a pointer in the bucket), glue, or a JSON object of text such as {"type": "rest", "uri": "…"}'
    try:
        found = orjson.loads(given)
    except orjson.JSONDecodeError:
        raise ValueError(rule) from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError(rule)
    if not {"type", "uri", "py-catalog-impl"} & found.keys():
        raise ValueError('a catalog has a "type" (glue, rest, sql, hive …) or a "uri"')
    return dict(found)


def choose(given: str | None, namespace: str | None, place: Place) -> Catalog:
    """A catalog whose commits compare and swap. `namespace`: to be made when it is missing (None: nothing is made).

    Raises ConfigError, or what the catalog's place has to say.
    """
    if given is None:
        return strict(BucketCatalog(place))
    properties = {"warehouse": place.warehouse, **_clients(place), **parse_catalog(given)}
    try:
        with told(f"reach the catalog of {VARIABLE}"):
            catalog = strict(load_catalog("sluice", **properties))
            # Another may make it in this very moment.
            if namespace is not None:
                with suppress(NamespaceAlreadyExistsError):
                    catalog.create_namespace_if_not_exists(namespace)
    except (NotInstalledError, ImportError) as error:
        raise ConfigError(f"{VARIABLE}: {error}; install PyIceberg with that extra") from error
    return catalog


def _clients(place: Place) -> Mapping[str, str]:
    """What PyIceberg's clients are given: the same credentials for data and for Glue.

    Glue's endpoint is botocore's business (AWS_ENDPOINT_URL_GLUE, AWS_ENDPOINT_URL): S3's own is not Glue's.
    """
    same = ("access-key-id", "secret-access-key", "session-token", "region")
    return {
        **place.io,
        **{f"glue.{name}": place.io[f"s3.{name}"] for name in same if f"s3.{name}" in place.io},
    }
