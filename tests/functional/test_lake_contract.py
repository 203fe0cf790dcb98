"""What a compactor relies on, asked of the pinned PyIceberg and of each kind of catalog."""

import json
from collections import Counter

import pyarrow as pa
import pytest
from harness.cloud import Cloud
from harness.lakes import CloudLake
from harness.pipeline import VISIBILITY
from harness.proxy import Fault, FaultProxy
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import StaticTable
from pyiceberg.types import StringType
from sluice_compactor.catalog import choose
from sluice_compactor.errors import LostRaceError

pytestmark = pytest.mark.functional


@pytest.fixture(params=["in the bucket", "glue", "sqlite"])
def lake(request, tmp_path, monkeypatch):
    """A lake with two events; Glue is moto's, all else is in LocalStack."""
    if request.param == "glue":
        endpoint = request.getfixturevalue("moto")
        cloud = Cloud.make(endpoint, visibility=VISIBILITY)
        settings = {"SLUICE_LAKE_CATALOG": "glue", "SLUICE_LAKE_TABLE": f"{cloud.name}.events"}
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    else:
        cloud = request.getfixturevalue("cloud")
        sql = {"type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db"}
        settings = {} if request.param != "sqlite" else {"SLUICE_LAKE_CATALOG": json.dumps(sql)}
    lake = CloudLake(cloud, tmp_path / "log", settings)
    lake.put(["a", "b"])
    assert not lake.compact().failures
    return lake


def rows_of(lake, *ids):
    """Rows of the day and hour that the lake has."""
    schema = lake.open().table().scan().to_arrow().schema
    day, hour = lake.open().table().scan().to_arrow().to_pylist()[0]["dt"], 14
    rows = [{"event_id": name, "title": name, "dt": day, "hour": hour} for name in ids]
    return pa.Table.from_pylist(rows, schema=schema)


WRITES = {
    "append": lambda table, rows: table.append(rows),
    "overwrite": lambda table, rows: table.overwrite(rows),
    "upsert": lambda table, rows: table.upsert(rows, join_cols=["event_id"]),
    "delete": lambda table, _: table.delete("event_id = 'a'"),
}


def test_a_write_upon_a_stale_read_is_refused(lake):
    stale, rows = [lake.open().table() for _ in WRITES], rows_of(lake, "b", "c")
    lake.put(["b", "c", "d"])
    lake.compact()
    for table, write in zip(stale, WRITES.values(), strict=True):
        with pytest.raises(LostRaceError):
            write(table, rows)
    assert lake.ids() == ["a", "b", "c", "d"]


def test_a_schema_that_has_moved_is_not_overwritten(cloud, tmp_path):
    lake = CloudLake(cloud, tmp_path / "log")
    lake.put(["a"])
    lake.compact()
    stale = lake.open().table()
    lake.open().table().update_schema().add_column("x", StringType()).commit()
    with pytest.raises(LostRaceError):
        stale.update_schema().add_column("y", StringType()).commit()
    assert "y" not in lake.open().table().schema().column_names


def test_pyiceberg_alone_appends_upon_a_stale_read(cloud, tmp_path, monkeypatch):
    """Why there is `catalog.strict`. Where this fails, PyIceberg has changed: see whether it is still needed."""
    lake = CloudLake(cloud, tmp_path / "log")
    lake.put(["a"])
    lake.compact()
    monkeypatch.setattr(choose, "strict", lambda catalog: catalog)
    one, two = lake.open().table(), lake.open().table()
    rows = rows_of(lake, "b")
    one.append(rows)
    two.append(rows)
    assert Counter(lake.ids()) == {"a": 1, "b": 2}


def broken(monkeypatch, lake, *, before=None, after=None):
    """The catalog's own commit, below the strict one, raises before it has done anything, or after all of it."""
    kind = type(lake.open().catalog)
    inner = kind.commit_table

    def commit_table(self, table, requirements, updates):
        if before is not None:
            raise before
        inner(self, table, requirements, updates)
        raise after

    monkeypatch.setattr(kind, "commit_table", commit_table)


def test_a_lost_reply_of_a_landed_commit_is_a_success(lake, monkeypatch):
    errors = [CommitFailedException("version mismatch"), ConnectionError("reset")]
    for name, error in zip("cd", errors, strict=True):
        with monkeypatch.context() as patch:
            broken(patch, lake, after=error)
            lake.put(["b", name])
            report = lake.compact()
            assert (report.failures, report.lost_races, report.rows_out) == ({}, 0, 1)
    assert lake.ids() == ["a", "b", "c", "d"]
    assert lake.raw() == []


def test_an_unknown_outcome_deletes_nothing_and_the_next_pass_is_exact(
    cloud, tmp_path, monkeypatch
):
    lake = CloudLake(cloud, tmp_path / "log")
    lake.put(["a", "b"])
    lake.compact()
    before = {stored.key for stored in lake.cloud.bucket.list("lake/")}
    broken(monkeypatch, lake, before=ConnectionError("reset"))
    lake.put(["b", "c"])
    (why,) = lake.compact().failures.values()
    assert "whether it has landed is not known" in why
    monkeypatch.undo()
    left = {stored.key for stored in lake.cloud.bucket.list("lake/")}
    assert left > before
    assert [key for key in left - before if key.endswith(".parquet")]
    assert lake.ids() == ["a", "b"]
    assert len(lake.raw()) == 1
    lake.compact()
    assert lake.ids() == ["a", "b", "c"]
    assert lake.raw() == []


def test_a_refused_commit_leaves_none_of_its_data_files(cloud, tmp_path, monkeypatch):
    lake = CloudLake(cloud, tmp_path / "log")
    lake.put(["a"])
    lake.compact()
    monkeypatch.setattr("sluice_compactor.compact.passes.RACES", 1)
    broken(monkeypatch, lake, before=CommitFailedException("no"))
    before = [s.key for s in lake.cloud.bucket.list("lake/") if s.key.endswith(".parquet")]
    lake.put(["c"])
    assert lake.compact().failures
    left = [s.key for s in lake.cloud.bucket.list("lake/") if s.key.endswith(".parquet")]
    assert left == before


@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.REFUSE, Fault.UNAVAILABLE])
def test_the_pointers_own_write_fails_on_the_network(cloud, tmp_path, fault):
    proxy = FaultProxy(cloud.endpoint)
    try:
        lake = CloudLake(cloud, tmp_path / "log", endpoint=proxy.endpoint)
        lake.put(["a", "b"])
        lake.compact()
        lake.put(["b", "c"])
        proxy.inject(fault, operation="PutObject", path="version-hint.text", times=1)
        failed = bool(lake.compact().failures)
        assert failed is (fault is not Fault.LOSE_REPLY)
        lake.compact()
        assert lake.ids() == ["a", "b", "c"]
        assert lake.raw() == []
    finally:
        proxy.close()


def test_a_table_that_is_made_with_a_lost_reply_is_ours(cloud, tmp_path):
    proxy = FaultProxy(cloud.endpoint)
    try:
        lake = CloudLake(cloud, tmp_path / "log", endpoint=proxy.endpoint)
        lake.put(["a", "b"])
        proxy.inject(Fault.LOSE_REPLY, operation="PutObject", path="version-hint.text", times=1)
        lake.compact()
        lake.compact()
        assert lake.ids() == ["a", "b"]
    finally:
        proxy.close()


def test_others_read_the_table_without_our_catalog(lake):
    table = lake.open().table()
    static = StaticTable.from_metadata(table.metadata_location, lake.open().place.io)
    assert sorted(static.scan().to_arrow()["event_id"].to_pylist()) == ["a", "b"]
    if lake.settings.lake_catalog is None:
        by_hint = StaticTable.from_metadata(table.location(), lake.open().place.io)
        assert by_hint.metadata == static.metadata
    elif lake.settings.lake_catalog.get_secret_value() == "glue":
        glue = load_catalog("any", type="glue", **lake.open().place.io)
        assert glue.load_table(lake.settings.identifier).metadata == static.metadata
