"""`make images` and `make chart-push` against a real registry: what was pushed is what is pulled and installed."""

import json
import os
import re
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kit.cluster import command
from kit.containers import docker, environment
from kit.release import CHART, ROOT
from kit.waiting import until

# Debian's name for the registry of github.com/distribution/distribution, and its own.
PROGRAMS = ("docker-registry", "registry")
TAG = "0.0.0-e2e"
MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """`localhost:PORT/acme` of an empty registry on this machine."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        reason = (
            f"no registry: none of {', '.join(PROGRAMS)} is on the PATH (Debian: docker-registry)"
        )
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"localhost:{free.getsockname()[1]}"
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "registry")}},
        "http": {"addr": place.replace("localhost", "127.0.0.1")},
    }
    (tmp_path / "registry.yml").write_text(yaml.safe_dump(settings))
    log = tmp_path / "registry.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program, "serve", str(tmp_path / "registry.yml")], stdout=out, stderr=out
        )
    try:
        until(lambda: _answers(place, process, log), "the registry", deadline=30, pause=0.1)
        yield f"{place}/acme"
    finally:
        process.terminate()
        process.wait(30)


def _answers(place: str, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(place.rpartition(":")[2]))) == 0


def make(target: str, registry: str, **settings: str) -> str:
    given = [f"{name}={value}" for name, value in {"REGISTRY": registry, **settings}.items()]
    return command("make", target, *given, cwd=ROOT, deadline=500).stdout


def manifest(registry: str, name: str, reference: str) -> dict:
    place, _, path = registry.partition("/")
    request = urllib.request.Request(
        f"http://{place}/v2/{path}/{name}/manifests/{reference}", headers={"Accept": MANIFESTS}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)


@pytest.mark.off_cluster
@pytest.mark.timeout(600)
def test_a_pushed_image_is_pulled_and_runs(tag, registry):
    """One of the four: they are built and pushed alike, and the others are 400 MB each."""
    machine = docker("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")
    told = make("images", registry, PLATFORMS=machine, TAG=TAG, ONLY="sluice-producer")
    name = f"{registry}/sluice-producer:{TAG}"
    assert told.split() == [name]

    found = manifest(registry, "sluice-producer", TAG)
    built = json.loads(docker("image", "inspect", f"sluice-producer:{tag}"))[0]
    assert len(found["layers"]) == len(built["RootFS"]["Layers"])

    docker("image", "rm", name, check=False)
    docker("pull", "--quiet", name)
    try:
        (pulled,) = json.loads(docker("image", "inspect", name))
        assert pulled["Id"] == found["config"]["digest"]
        assert pulled["RootFS"]["Layers"] == built["RootFS"]["Layers"]
        assert f"{pulled['Os']}/{pulled['Architecture']}" == machine
        labels = pulled["Config"]["Labels"]
        assert labels["org.opencontainers.image.version"] == TAG
        assert re.fullmatch("[0-9a-f]{40}", labels["org.opencontainers.image.revision"])
        agent = environment({"SLUICE_USER_AGENT": "Test/1.0 (test@sluice.example)"})
        shown = docker("run", "--rm", "--network", "none", "--read-only", *agent, name, "--print-config")  # fmt: skip
        assert "SLUICE_QUEUE=sse_queue" in shown
    finally:
        docker("image", "rm", name, check=False)


@pytest.mark.timeout(300)
def test_a_pushed_chart_is_pulled_and_installed(registry, make_release, tmp_path):
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    make("chart-push", registry)
    chart = f"oci://{registry}/charts/sluice"
    assert manifest(registry, "charts/sluice", version)["config"]["mediaType"] == (
        "application/vnd.cncf.helm.config.v1+json"
    )

    command("helm", "pull", chart, "--version", version, "--plain-http", "--untar", "-d", str(tmp_path))  # fmt: skip
    pulled = tmp_path / "sluice"
    # The archive has the chart's own file as helm writes it.
    read = [yaml.safe_load((place / "Chart.yaml").read_text()) for place in (CHART, pulled)]
    assert read[0] == read[1]
    ignored = {"Chart.yaml", ".helmignore", *(CHART / ".helmignore").read_text().split()}
    for path in CHART.rglob("*"):
        if path.is_file() and path.name not in ignored:
            assert (pulled / path.relative_to(CHART)).read_bytes() == path.read_bytes(), path

    release = make_release(
        chart=chart,
        arguments=("--version", version, "--plain-http"),
        autoscaling__enabled=False,
        demoSource__args=["--events=500"],
        demoSource__rate=0,
    )
    until(lambda: release.lake.ids().total() > 100, "rows", deadline=90, pause=1)
    (listed,) = json.loads(release.helm("list", "-o", "json").stdout)
    assert listed["chart"] == f"sluice-{version}"
