"""Spark with Iceberg's own runtime on the same table: it reads it, rewrites it, and the next compaction still is exact.

`make lake-spark` brings Spark (from the package index) and Iceberg's jars (from Maven Central), and runs this.
"""

import json
import os
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from harness.cloud import CREDENTIALS
from harness.lakes import CloudLake

pytestmark = [pytest.mark.functional, pytest.mark.spark, pytest.mark.timeout(1800)]

PYSPARK = "4.0.1"
"""Of the jars' Spark version, 4.0."""


@pytest.fixture
def spark(cloud, tmp_path):
    """`spark(catalog, code)` runs Python with `spark` at hand; gives what it prints as JSON in its last line."""
    jars = sorted(Path(os.environ.get("SPARK_JARS", "none")).glob("*.jar"))
    uv = shutil.which("uv")
    if not jars or uv is None:
        pytest.skip("Spark's jars are not here: run this with `make lake-spark`")

    def run(database, code):
        settings = {
            "spark.jars": ",".join(map(str, jars)),
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            "spark.sql.catalog.sluice": "org.apache.iceberg.spark.SparkCatalog",
            "spark.sql.catalog.sluice.type": "jdbc",
            "spark.sql.catalog.sluice.uri": f"jdbc:sqlite:{database}",
            "spark.sql.catalog.sluice.jdbc.schema-version": "V1",
            "spark.sql.catalog.sluice.warehouse": f"s3://{cloud.name}/lake",
            "spark.sql.catalog.sluice.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
            "spark.sql.catalog.sluice.s3.endpoint": cloud.endpoint,
            "spark.sql.catalog.sluice.s3.path-style-access": "true",
        }
        script = tmp_path / "job.py"
        script.write_text(
            textwrap.dedent(f"""
                import json
                from pyspark.sql import SparkSession
                builder = SparkSession.builder.master("local[2]")
                for name, value in {settings!r}.items():
                    builder = builder.config(name, value)
                spark = builder.getOrCreate()
            """)
            + textwrap.dedent(code)
        )
        done = subprocess.run(
            [uv, "run", "--no-project", "--isolated", "--quiet", f"--with=pyspark=={PYSPARK}", "python", str(script)],
            capture_output=True, text=True, check=False, env={**os.environ, **CREDENTIALS},
        )  # fmt: skip
        told = [
            line
            for line in done.stderr.splitlines()
            if not line.lstrip().startswith(("at ", "..."))
        ]
        assert done.returncode == 0, "\n".join(told)[-4000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_spark_reads_and_rewrites_and_the_next_compaction_is_exact(cloud, tmp_path, spark):
    database = tmp_path / "catalog.db"
    catalog = json.dumps({"type": "sql", "uri": f"sqlite:///{database}"})
    lake = CloudLake(
        cloud,
        tmp_path / "log",
        {"SLUICE_LAKE_CATALOG": catalog, "SLUICE_LAKE_MAINTAIN": "false"},
    )
    for start in range(0, 60, 10):
        lake.put([f"e{n:03d}" for n in range(start, start + 10)])
        lake.compact()
    before = lake.open().table().current_snapshot().snapshot_id
    told = spark(
        database,
        """
        ids = [row.event_id for row in spark.sql("SELECT event_id FROM sluice.sluice.events ORDER BY 1").collect()]
        done = spark.sql("CALL sluice.system.rewrite_data_files(table => 'sluice.sluice.events', options => map('min-input-files', '2'))").collect()[0]
        print(json.dumps({"ids": ids, "rewritten": done.rewritten_data_files_count, "added": done.added_data_files_count}))
        """,
    )
    assert told == {"ids": [f"e{n:03d}" for n in range(60)], "rewritten": 6, "added": 1}
    assert lake.open().table().current_snapshot().snapshot_id != before
    # The whole day comes again, with twenty events that are new.
    lake.put([f"e{n:03d}" for n in range(80)])
    report = lake.compact()
    assert (report.rows_in, report.rows_out, report.failures) == (80, 20, {})
    assert lake.ids() == [f"e{n:03d}" for n in range(80)]
    assert lake.raw() == []
