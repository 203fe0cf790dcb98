"""Settings: what is written wrong is refused in one line that names variable, value and rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr
from sluice_core.errors import ConfigError
from sluice_core.settings import CommonSettings, describe_settings, effective, load_settings
from sluice_core.settings.quantities import (
    format_bytes,
    parse_bytes,
    parse_seconds,
    write_bytes,
    write_seconds,
)


class Demo(CommonSettings):
    token: SecretStr = Field(SecretStr("x"), description="A secret.")

    def contradictions(self):
        return ["SLUICE_HTTP_PORT=1: one is not allowed here"] if self.http_port == 1 else []


def test_defaults_are_the_designs():
    settings = load_settings(CommonSettings, {})
    assert settings.queue == "sse_queue"
    assert settings.bucket == "sse-bucket"
    assert settings.prefix == "events"
    assert settings.max_event_bytes == 1_000_000
    assert settings.pack_max_unpacked_bytes == 16 << 20
    assert settings.shutdown_grace == 25


def test_units_and_aws_names_are_read():
    settings = load_settings(
        CommonSettings,
        {
            "SLUICE_SHUTDOWN_GRACE": "1.5m",
            "SLUICE_MAX_EVENT_BYTES": "2MiB",
            "AWS_ENDPOINT_URL": "http://x:1",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "us-west-2",
            "SLUICE_DLQ": "",
        },
    )
    assert settings.shutdown_grace == 90
    assert settings.max_event_bytes == 2 << 20
    assert settings.aws_endpoint_url == "http://x:1"
    assert settings.aws_region == "eu-west-1"
    assert settings.dlq is None


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("SLUICE_SHUTDOWN_GRACE", "soon", "not a duration"),
        ("SLUICE_SHUTDOWN_GRACE", "-1", "not a duration"),
        ("SLUICE_MAX_EVENT_BYTES", "1.5", "whole number"),
        ("SLUICE_HTTP_PORT", "99999", "65535"),
        ("SLUICE_BUCKET", "Not_A_Bucket", "3 to 63 small letters"),
        ("SLUICE_PREFIX", "_sluice/x", "skipped by engines"),
        ("SLUICE_LOG_LEVEL", "LOUD", "'DEBUG'"),
        ("SLUICE_HTTP_PORT", "1", "one is not allowed"),
    ],
)
def test_a_wrong_value_is_named_in_one_line(variable, value, rule):
    with pytest.raises(ConfigError) as caught:
        load_settings(Demo, {variable: value})
    line = str(caught.value)
    assert variable in line
    assert value in line
    assert rule in line
    assert "\n" not in line


def test_secrets_are_hidden():
    shown = effective(
        load_settings(Demo, {"SLUICE_TOKEN": "hunter2", "AWS_ENDPOINT_URL": "http://me:pw@host/x"})
    )
    assert "hunter2" not in str(shown)
    assert shown["AWS_ENDPOINT_URL"] == "http://********@host/x"


def test_every_setting_is_documented():
    for row in describe_settings(Demo):
        assert row.description, row.variable
        assert row.kind in {
            "duration",
            "size",
            "text",
            "number",
            "true/false",
        } or row.kind.startswith("`"), row


@given(
    st.integers(0, 10**9),
    st.sampled_from([("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400), ("", 1)]),
)
def test_durations(number, unit):
    assert parse_seconds(f"{number}{unit[0]}") == pytest.approx(number * unit[1])


@given(
    st.integers(0, 2**40), st.sampled_from([("KiB", 1024), ("MB", 10**6), ("", 1), (" GiB", 2**30)])
)
def test_sizes(number, unit):
    assert parse_bytes(f"{number}{unit[0]}") == number * unit[1]


@pytest.mark.parametrize("text", ["", "5 parsecs", "1e400s", "nan", "-3s", "inf"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="duration"):
        parse_seconds(text)


@given(st.integers(0, 2**45), st.integers(0, 10**7))
def test_what_is_written_reads_back(size, tenths):
    assert parse_bytes(write_bytes(size)) == size
    assert parse_seconds(write_seconds(tenths / 10)) == pytest.approx(tenths / 10, rel=1e-5)


def test_quantities_are_written_short():
    assert [write_bytes(n) for n in (65536, 64 << 20, 1_000_000, 7)] == [
        "64KiB",
        "64MiB",
        "1MB",
        "7",
    ]
    assert [write_seconds(n) for n in (25.0, 300.0, 43200.0, 0.5)] == ["25s", "5m", "12h", "0.5s"]


def test_sizes_for_people():
    assert [format_bytes(n) for n in (5, 65536, 3 * 2**20, 5 * 2**30)] == [
        "5 B",
        "64.0 KiB",
        "3.0 MiB",
        "5.0 GiB",
    ]
