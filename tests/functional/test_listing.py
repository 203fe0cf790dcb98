"""Listings of more than one page (1,000 keys), whose keys hold a `=`, as those of every partition do."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.cloud import Cloud
from sluice_core.lake.reader import read_arrow

pytestmark = [pytest.mark.functional, pytest.mark.timeout(300)]

OBJECTS = 2_500


def test_every_object_of_many_pages_is_listed_and_read(cloud: Cloud) -> None:
    bucket = cloud.bucket
    keys = [f"events/dt=2026-11-{n % 28 + 1:02d}/hour=14/batch-{n:04d}.csv" for n in range(OBJECTS)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: bucket.put(key, f"event_id\n{key}\n".encode()), keys))
    assert [stored.key for stored in bucket.list("events/")] == sorted(keys)
    rows = read_arrow(f"s3://{cloud.name}/events", bucket=bucket)
    assert rows.column("event_id").to_pylist() == sorted(keys)
