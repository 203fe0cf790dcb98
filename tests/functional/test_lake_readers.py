"""Other engines read the table where it lies, in S3, and see what Sluice sees."""

import os
import shutil
import subprocess
import textwrap

import duckdb
import polars
import pytest
from harness.cloud import CREDENTIALS
from harness.lakes import DAYS, CloudLake

pytestmark = pytest.mark.functional

COUNTS = [(14, 30), (15, 20)]
EXTENSION = "1.5.5"
"""Of DuckDB and of its extensions as wheels: DuckDB takes only those of exactly its own version."""


@pytest.fixture
def lake(cloud, tmp_path):
    """Thirty events of one hour and twenty of the next, in two commits, some of them sent twice."""
    lake = CloudLake(cloud, tmp_path / "log")
    lake.put([f"a{n}" for n in range(30)], hour=14)
    lake.compact()
    lake.put([f"b{n}" for n in range(20)], hour=15)
    lake.put([f"a{n}" for n in range(10)], hour=14)
    assert lake.compact().rows_out == 20
    return lake


def options(lake):
    """What clients of S3 other than boto3 must be told of this server."""
    return {
        "s3.endpoint": lake.cloud.endpoint,
        "s3.access-key-id": CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "s3.secret-access-key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        "s3.region": CREDENTIALS["AWS_REGION"],
    }


def metadata(lake):
    """The address of the table's newest metadata file."""
    return lake.open().table().metadata_location


def test_polars_reads_it_from_s3(lake):
    frame = polars.scan_iceberg(metadata(lake), storage_options=options(lake))
    found = frame.group_by("hour").len().sort("hour").collect()
    assert found.rows() == COUNTS
    one = frame.filter(polars.col("event_id") == "b7").select("title", "dt").collect()
    assert [(title, str(day)) for title, day in one.rows()] == [("t b7", DAYS[1])]


def test_duckdb_asks_what_pyiceberg_scans(lake):
    connection = lake.open().table().scan().to_duckdb("events", duckdb.connect())
    found = connection.sql("SELECT hour, count(*) FROM events GROUP BY 1 ORDER BY 1").fetchall()
    assert found == COUNTS


def test_duckdb_scans_it_by_the_pointer_of_the_bucket(lake):
    """`iceberg_scan` follows version-hint.text by itself; extension and engine from the package index."""
    uv = shutil.which("uv")
    if uv is None:
        if os.environ.get("CI"):
            pytest.fail("uv is missing; make puts it on the PATH")
        pytest.skip("uv is missing: `make functional` puts it on the PATH")
    code = textwrap.dedent(f"""
        import duckdb, importlib, pathlib
        connection = duckdb.connect(config={{"allow_unsigned_extensions": "true"}})
        for name in ("avro", "httpfs", "iceberg"):
            folder = pathlib.Path(importlib.import_module(f"duckdb_extension_{{name}}").__file__).parent
            (file,) = folder.rglob("*.duckdb_extension")
            connection.execute(f"LOAD '{{file}}'")
        connection.execute('''CREATE SECRET (TYPE s3, KEY_ID 'test', SECRET 'test', REGION 'us-east-1',
            ENDPOINT '{lake.cloud.endpoint.removeprefix("http://")}', URL_STYLE 'path', USE_SSL false)''')
        table = "iceberg_scan('s3://{lake.cloud.name}/lake/sluice/events', version_name_format='%s%s.metadata.json')"
        print(connection.execute(f"SELECT hour, count(*) FROM {{table}} GROUP BY 1 ORDER BY 1").fetchall())
        print(connection.execute(f"SELECT title FROM {{table}} WHERE event_id = 'b7'").fetchall())
    """)
    wheels = [f"--with={name}=={EXTENSION}" for name in
              ("duckdb", "duckdb-extension-avro", "duckdb-extension-httpfs", "duckdb-extension-iceberg")]  # fmt: skip
    done = subprocess.run(
        [uv, "run", "--no-project", "--isolated", "--quiet", *wheels, "python", "-c", code],
        capture_output=True, text=True, check=False, env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [str(COUNTS), "[('t b7',)]"]
