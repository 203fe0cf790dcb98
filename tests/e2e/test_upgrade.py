"""An upgrade from an earlier chart with both wires in the queue; an uninstallation that leaves nothing."""

import pytest
from kit.cluster import command
from kit.release import CHART
from kit.source import expected, soon
from kit.waiting import until


@pytest.mark.timeout(300)
def test_upgrade_with_both_wires_then_uninstall(make_release, tmp_path):
    command("helm", "package", str(CHART), "--version", "0.0.9", "--destination", str(tmp_path))
    start = soon()
    release = make_release(
        chart=tmp_path / "sluice-0.0.9.tgz",
        demoSource__args=["--events=1500", start],
        demoSource__rate=0,
        producer__wire="plain",
        autoscaling__pausedReplicas=0,
    )
    plain = len(expected(1500))
    until(lambda: release.lake.depth() == (plain, 0), f"{plain} plain messages", deadline=90)

    release.chart = CHART
    release.apply(producer__wire="packed", demoSource__args=["--events=4000", start])
    until(lambda: release.lake.depth()[0] >= plain + 25, "packs beside them", deadline=90)

    release.apply(autoscaling__pausedReplicas=None)
    ids = expected(4000)
    found = release.lake.wait_for(ids, deadline=120)
    assert found.total() == len(ids)
    assert "0.1.0" in release.helm("list", "-o", "json").stdout

    assert len(release.objects()) > 10
    release.helm("uninstall", "sluice", "--wait")
    until(lambda: not release.objects(), "nothing to be left", deadline=90)
