"""What values ask for and only running pods can show."""

import pytest
from kit.lake import BUCKET
from kit.source import expected, soon

HOOK = """
def transform(frame):
    frame["title"] = frame["title"].str.upper()
    return frame
"""


@pytest.mark.timeout(240)
def test_two_sources_share_a_queue_and_the_pandas_hook_runs(make_release):
    release = make_release(
        producers=[{"name": "one"}, {"name": "two", "wire": "plain"}],
        demoSource__args=["--events=1500", soon()],
        demoSource__rate=0,
        batcher__transform__code=HOOK,
        autoscaling__enabled=False,
    )
    ids = expected(1500)
    release.lake.wait_for(ids, deadline=90)
    release.lake.wait_empty(deadline=60)
    # Both read the same stream here, so each event comes from both.
    assert set(release.lake.ids().values()) == {2}
    titles = [row["title"] for found in release.lake.refresh() for row in found.rows]
    assert any(title.isascii() and title.isupper() for title in titles)
    assert titles == [title.upper() for title in titles]

    listed = release.lake.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="_sluice/checkpoint/")
    assert {item["Key"].rpartition("/")[2].partition(".")[0] for item in listed["Contents"]} == {
        "one",
        "two",
    }
