"""Settings: what is in force, and what refuses to start with one line that says why."""

import os
import subprocess
import sys

import pytest
from sluice_core.errors import ConfigError
from sluice_core.settings import describe_settings, load_settings
from sluice_producer.settings import ProducerSettings

AGENT = {"SLUICE_USER_AGENT": "my-lake/1 (mailto:me@example.org)"}
LOCAL = {"SLUICE_SOURCE_URL": "http://127.0.0.1:9/v2/stream/recentchange"}


def load(**environ: str) -> ProducerSettings:
    return load_settings(ProducerSettings, environ)


def test_defaults() -> None:
    s = load(**AGENT)
    assert s.preset == "wikimedia"
    assert s.name == "stream.wikimedia.org-v2-stream-recentchange"
    assert s.checkpoint_url == f"s3://sse-bucket/_sluice/checkpoint/{s.name}.json"
    assert (s.wire, s.pack_max_events, s.pack_max_bytes, s.pack_max_age) == (
        "packed",
        100,
        65_536,
        5.0,
    )
    assert s.agent == AGENT["SLUICE_USER_AGENT"]


def test_another_host_is_generic_and_needs_no_agent() -> None:
    s = load(**LOCAL)
    assert (s.preset, s.name) == ("generic", "127.0.0.1-9-v2-stream-recentchange")
    assert s.agent.startswith("sluice/")


def test_names_keep_no_password_and_tell_queries_apart() -> None:
    one = load(SLUICE_SOURCE_URL="http://u:secret@h/x?channel=1")
    two = load(SLUICE_SOURCE_URL="http://u:secret@h/x?channel=2")
    assert one.name != two.name
    assert "secret" not in one.name


@pytest.mark.parametrize(
    ("since", "milliseconds"),
    [("2025-08-29T06:45:17Z", 1756449917000), ("1756449917001", 1756449917001)],
)
def test_since_in_the_url_is_the_first_start(since: str, milliseconds: int) -> None:
    s = load(SLUICE_SOURCE_URL=f"http://h/x?a=1&since={since}", SLUICE_SOURCE_PRESET="wikimedia")
    assert s.started_at(5.0) == milliseconds
    assert s.read_url == "http://h/x?a=1"
    assert s.name == "h-x-a-1"


def test_without_since_it_is_now_and_a_generic_url_stays_whole() -> None:
    s = load(SLUICE_SOURCE_URL="http://h/x?since=soon")
    assert s.started_at(5.0) == 5000
    assert s.read_url == "http://h/x?since=soon"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "SLUICE_USER_AGENT"),
        ({"SLUICE_USER_AGENT": "curl"}, "contact"),
        ({"SLUICE_USER_AGENT": "a@b\n"}, "SLUICE_USER_AGENT"),
        ({"SLUICE_USER_AGENT": "é@b"}, "SLUICE_USER_AGENT"),
        ({"SLUICE_SOURCE_URL": "ftp://h/x"}, "SLUICE_SOURCE_URL"),
        ({"SLUICE_SOURCE_URL": "h/x"}, "SLUICE_SOURCE_URL"),
        (LOCAL | {"SLUICE_WIRE": "zip"}, "SLUICE_WIRE"),
        (LOCAL | {"SLUICE_PACK_MAX_AGE": "-1"}, "SLUICE_PACK_MAX_AGE"),
        (LOCAL | {"SLUICE_PACK_MAX_BYTES": "2MiB"}, "SLUICE_PACK_MAX_BYTES"),
        (LOCAL | {"SLUICE_PACK_MAX_BYTES": "lots"}, "SLUICE_PACK_MAX_BYTES"),
        (LOCAL | {"SLUICE_SENDERS": "0"}, "SLUICE_SENDERS"),
        (LOCAL | {"SLUICE_CHECKPOINT": "cp.json"}, "SLUICE_CHECKPOINT"),
        (LOCAL | {"SLUICE_CHECKPOINT": "s3://bucket"}, "SLUICE_CHECKPOINT"),
        (LOCAL | {"SLUICE_CHECKPOINT": "file://relative/x"}, "SLUICE_CHECKPOINT"),
        (LOCAL | {"SLUICE_LEDGER": "s3://b/k"}, "SLUICE_LEDGER"),
        (
            LOCAL | {"SLUICE_MAX_EVENT_BYTES": "16MiB", "SLUICE_BUFFER_MAX_BYTES": "64MiB"},
            "SLUICE_PACK_MAX_UNPACKED_BYTES",
        ),
        (
            LOCAL | {"SLUICE_MAX_EVENT_BYTES": "8MiB", "SLUICE_BUFFER_MAX_BYTES": "2MiB"},
            "SLUICE_BUFFER_MAX_BYTES",
        ),
        (LOCAL | {"SLUICE_SOURCE_REWIND": "5m"}, "SLUICE_SOURCE_REWIND"),
        (
            {"SLUICE_SOURCE_URL": "http://h/x?since=soon", "SLUICE_SOURCE_PRESET": "wikimedia"},
            "SLUICE_SOURCE_URL",
        ),
        (LOCAL | {"SLUICE_SOURCE_PRESET": "other"}, "SLUICE_SOURCE_PRESET"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(environ: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(**environ)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_setting_is_documented() -> None:
    for row in describe_settings(ProducerSettings):
        assert row.description
        assert row.variable.startswith(("SLUICE_", "AWS_"))


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    base = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "AWS_"))}
    return subprocess.run(
        [sys.executable, "-m", "sluice_producer", *arguments],
        env=base | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_print_config_hides_passwords() -> None:
    done = run(
        "--print-config", SLUICE_SOURCE_URL="http://me:secret@h/x", SLUICE_PACK_MAX_AGE="250ms"
    )
    assert done.returncode == 0
    assert "SLUICE_PACK_MAX_AGE=0.25" in done.stdout.splitlines()
    assert "secret" not in done.stdout


def test_a_wrong_setting_exits_with_2_and_one_line() -> None:
    done = run(SLUICE_WIRE="zip", **LOCAL)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "SLUICE_WIRE='zip'" in line


def test_the_producer_needs_no_pandas_and_no_pyarrow() -> None:
    code = "import sys, sluice_producer.__main__; print(sorted({'pandas', 'pyarrow', 'numpy'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
