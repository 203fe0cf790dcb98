"""The chart's README is what its values say."""

import subprocess
import sys


def test_the_readme_is_up_to_date(pytestconfig):
    script = pytestconfig.rootpath / "deploy" / "scripts" / "chart_readme.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_versions_agree(pytestconfig):
    root = pytestconfig.rootpath
    chart = (root / "deploy/helm/sluice/Chart.yaml").read_text()
    version = (root / "packages/core/src/sluice_core/version.py").read_text().split('"')[-2]
    assert f'appVersion: "{version}"' in chart
    assert f"ARG VERSION={version}\n" in (root / "deploy" / "Dockerfile").read_text()
