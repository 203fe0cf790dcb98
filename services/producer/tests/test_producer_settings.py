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


def test_what_the_url_names_holds_neither_user_nor_query() -> None:
    """A query may hold a token, and a token that is renewed must not begin a new checkpoint."""
    one = load(SLUICE_SOURCE_URL="http://u:secret@h/x?access_token=1234567")
    two = load(SLUICE_SOURCE_URL="http://u:secret@h/x?access_token=7654321")
    assert one.name == two.name == "h-x"
    assert one.checkpoint_url == "s3://sse-bucket/_sluice/checkpoint/h-x.json"
    assert one.public_url == "http://h/x"
    assert one.query_left_out
    assert one.former_checkpoint_url == (
        "s3://sse-bucket/_sluice/checkpoint/h-x-access_token-1234567.json"
    )


@pytest.mark.parametrize(
    "more",
    [{"SLUICE_SOURCE_NAME": "mine"}, {"SLUICE_CHECKPOINT": "file:///cp"}],
)
def test_a_checkpoint_that_was_named_has_no_former_place(more: dict[str, str]) -> None:
    assert load(SLUICE_SOURCE_URL="http://h/x?a=1", **more).former_checkpoint_url is None


def test_a_url_without_a_query_has_no_former_place() -> None:
    s = load(SLUICE_SOURCE_URL="http://h/x?since=1", SLUICE_SOURCE_PRESET="wikimedia")
    assert not s.query_left_out
    assert s.former_checkpoint_url is None


def test_headers_are_read_line_by_line() -> None:
    s = load(SLUICE_SOURCE_HEADERS="Authorization: Bearer a:b \r\n\nX-Key:\tü\n", **LOCAL)
    assert s.headers == {"Authorization": "Bearer a:b", "X-Key": "ü"}
    assert load(**LOCAL).headers == {}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("hunter2", "line 1: `Name: value`"),
        ("A: 1\nhunter2:", "line 2: `Name: value`"),
        (": hunter2", "line 1"),
        ("hun ter2: x", "line 1"),
        ("X: hunter2\x01", "no control character"),
        ("X: hunter2\rY: 1", "no control character"),
        ("X: hunter2\nx: 1", "line 2: a second"),
        ("user-agent: hunter2", "SLUICE_USER_AGENT"),
        ("Last-Event-ID: hunter2", "resumes by it"),
        ("Accept-Encoding: hunter2", "identity"),
    ],
)
def test_a_wrong_header_is_named_by_its_line_alone(text: str, rule: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(SLUICE_SOURCE_HEADERS=text, **LOCAL)
    assert "SLUICE_SOURCE_HEADERS" in str(caught.value)
    assert rule in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_authorizations_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match="SLUICE_SOURCE_HEADERS: its Authorization") as caught:
        load(
            SLUICE_SOURCE_URL="http://me:hunter2@h/x",
            SLUICE_SOURCE_HEADERS="authorization: Bearer hunter2",
        )
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("since", "milliseconds"),
    [("2025-08-29T06:45:17Z", 1756449917000), ("1756449917001", 1756449917001)],
)
def test_since_in_the_url_is_the_first_start(since: str, milliseconds: int) -> None:
    s = load(SLUICE_SOURCE_URL=f"http://h/x?a=1&since={since}", SLUICE_SOURCE_PRESET="wikimedia")
    assert s.started_at(5.0) == milliseconds
    assert s.read_url == "http://h/x?a=1"
    assert s.name == "h-x"


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
        ({"SLUICE_SOURCE_URL": "http://u:a/b@h/x"}, "percent-encoded"),
        ({"SLUICE_SOURCE_URL": "http://[h/x"}, "SLUICE_SOURCE_URL"),
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
        "--print-config",
        SLUICE_SOURCE_URL="http://me:secret@h/x?access_token=secret",
        SLUICE_SOURCE_HEADERS="X-Key: secret",
        SLUICE_PACK_MAX_AGE="250ms",
    )
    assert "SLUICE_SOURCE_URL=http://********@h/x?********" in done.stdout.splitlines()
    assert "SLUICE_SOURCE_HEADERS=********" in done.stdout.splitlines()
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
