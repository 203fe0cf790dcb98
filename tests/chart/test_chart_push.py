"""`make images` and `make chart-push`: what is built, and for which machines."""

import os
import subprocess

import pytest


def run(root, script, tmp_path, **environ):
    """The script with a docker and a helm that write down what they are asked."""
    for tool in ("docker", "helm"):
        path = tmp_path / tool
        path.write_text(f'#!/bin/sh\necho "{tool} $*" >> {tmp_path}/asked\n')
        path.chmod(0o755)
    given = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PLATFORMS": "linux/amd64,linux/arm64"}
    done = subprocess.run(
        [str(root / "deploy/scripts" / script)], env={**given, **environ},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    asked = tmp_path / "asked"
    return done, asked.read_text().splitlines() if asked.exists() else []


def test_images_of_all_services_for_both_machines(pytestconfig, tmp_path):
    done, asked = run(
        pytestconfig.rootpath, "images.sh", tmp_path, REGISTRY="ghcr.io/acme", TAG="7"
    )
    assert done.returncode == 0, done.stderr
    services = ("producer", "batcher", "compactor", "cli")
    names = [f"ghcr.io/acme/sluice-{name}:7".replace("-cli", "") for name in services]
    assert done.stdout.split() == names
    for line, name, service in zip(asked, names, services, strict=True):
        assert "--platform linux/amd64,linux/arm64" in line
        assert f"--build-arg SERVICE={service} " in line
        assert f"--tag {name} --push" in line


def test_the_chart_goes_beside_them(pytestconfig, tmp_path):
    done, asked = run(pytestconfig.rootpath, "chart-push.sh", tmp_path, REGISTRY="ghcr.io/acme/")
    assert done.returncode == 0, done.stderr
    assert asked[0].startswith("helm package ")
    assert asked[1].endswith("oci://ghcr.io/acme/charts")


@pytest.mark.parametrize(
    ("registry", "plain"),
    [
        ("localhost:5000", True),
        ("127.0.0.1:5000/acme", True),
        ("[::1]:5000", True),
        ("ghcr.io/acme", False),
        ("localhost.example/acme", False),
    ],
)
def test_only_a_registry_on_this_machine_goes_without_tls(pytestconfig, tmp_path, registry, plain):
    done, asked = run(pytestconfig.rootpath, "chart-push.sh", tmp_path, REGISTRY=registry)
    assert done.returncode == 0, done.stderr
    assert asked[1].endswith(f"oci://{registry}/charts{' --plain-http' * plain}")


def test_one_of_the_images(pytestconfig, tmp_path):
    root = pytestconfig.rootpath
    done, asked = run(root, "images.sh", tmp_path, REGISTRY="ghcr.io/acme", TAG="7", ONLY="sluice")
    assert done.stdout.split() == ["ghcr.io/acme/sluice:7"]
    assert len(asked) == 1


def test_an_image_that_is_none_is_refused(pytestconfig, tmp_path):
    root = pytestconfig.rootpath
    done, asked = run(root, "images.sh", tmp_path, REGISTRY="ghcr.io/acme", ONLY="batcher")
    assert done.returncode == 1
    assert "ONLY=batcher is none of the images: sluice-producer sluice-batcher" in done.stderr
    assert asked == []


@pytest.mark.parametrize("script", ["images.sh", "chart-push.sh"])
def test_without_a_registry_they_say_what_to_give(pytestconfig, tmp_path, script):
    done, asked = run(pytestconfig.rootpath, script, tmp_path)
    assert done.returncode == 1
    assert "REGISTRY=ghcr.io/acme" in done.stderr
    assert asked == []


def test_skaffold_builds_without_attestations_as_the_scripts_do(pytestconfig):
    """By the environment: docker without buildx knows no flag for it, and would refuse one of skaffold.yaml's."""
    root = pytestconfig.rootpath
    variable = "BUILDX_NO_DEFAULT_ATTESTATIONS=1"
    assert f"export {variable}\n" in (root / "deploy/scripts/common.sh").read_text()
    assert variable in (root / "skaffold.env").read_text().splitlines()
    assert "provenance" not in (root / "skaffold.yaml").read_text()
