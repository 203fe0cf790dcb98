"""No secret is shown, whoever writes the text that it is in."""

import json
import logging
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr
from sluice_core.errors import ConfigError
from sluice_core.secrets import Secrets, public_url, shown_url, without_urls
from sluice_core.service.logs import get_logger, setup_logging
from sluice_core.settings import SECRET_URL, CommonSettings, effective, load_settings

URL = "https://me:hunter2@host:8443/v1/stream?access_token=s3cr3t&stream=user"


@pytest.mark.parametrize(
    ("url", "shown", "public"),
    [
        (URL, "https://********@host:8443/v1/stream?********", "https://host:8443/v1/stream"),
        ("http://h/x", "http://h/x", "http://h/x"),
        ("http://h/x?", "http://h/x?", "http://h/x"),
        ("http://h?t=1", "http://h?********", "http://h"),
        ("http://h/x#t=1", "http://h/x#********", "http://h/x"),
        ("http://[::1]:80/x?t=1", "http://[::1]:80/x?********", "http://[::1]:80/x"),
        ("http://h/x?mail=a@b&t=1", "http://h/x?********", "http://h/x"),
        ("me:hunter2@h/x?t=1", "********@h/x?********", "h/x"),
        # An unescaped delimiter in the password: nobody can tell where it ends.
        ("http://me:hun/ter2@h/x", "http://********", "http://********"),
        ("http://me:12/34@h/x", "http://********", "http://********"),
        ("http://me:hun?ter2@h/x", "http://********", "http://********"),
        ("file:///var/lib/cp.json", "file:///var/lib/cp.json", "file:///var/lib/cp.json"),
        ("s3://bucket/key", "s3://bucket/key", "s3://bucket/key"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str, public: str) -> None:
    assert shown_url(url) == shown
    assert public_url(url) == public


def test_a_library_s_error_is_shown_without_its_urls_secrets() -> None:
    error = (
        "HTTPConnectionPool(host='h', port=1): Max retries exceeded with url: /x?access_token=s3cr3t "
        "(Caused by ProxyError('http://me:hunter2@proxy:1/'))"
    )
    shown = without_urls(error)
    assert "s3cr3t" not in shown
    assert "hunter2" not in shown
    assert "Max retries exceeded with url: /x?******** (Caused by" in shown


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=4, max_size=30))
def test_a_secret_is_found_however_it_is_quoted(secret: str) -> None:
    hide = Secrets.of(f"http://h/?token={quote(secret, safe='')}", {"X-Key": secret}).hide
    forms = [secret, quote(secret), quote(secret, safe=""), repr(secret), ascii(secret)]
    for form in forms:
        assert hide(f"<{form}>").strip("<>'\"") == "********"


def test_short_values_are_hidden_with_their_names_and_leave_other_text_alone() -> None:
    hide = Secrets.of("http://h/?a=1&b=en", {"Authorization": "Bearer abcdefgh"}).hide
    assert hide("GET /?a=1&b=en failed 1 of 10 times") == "GET /?******** failed 1 of 10 times"
    assert hide("b=en") == "********"
    assert hide("Bearer is no secret, abcdefgh is") == "Bearer is no secret, ******** is"


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_log_line_holds_a_secret_whoever_writes_it(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hide = Secrets.of(URL, {"X-Key": "k3y-of-mine"}).hide_in
    setup_logging("DEBUG", log_format, "producer", hide=hide)
    get_logger("t").info("hello", url=URL, more=["k3y-of-mine"], error=ValueError("hunter2"), n=1)
    logging.getLogger("urllib3.connectionpool").warning("Failed to parse headers (url=%s)", URL)
    try:
        int(f"{URL} and k3y-of-mine")
    except ValueError:
        get_logger("t").exception("failed s3cr3t")
    out = capsys.readouterr().out
    for secret in ("hunter2", "s3cr3t", "k3y-of-mine"):
        assert secret not in out
    assert "Failed to parse headers" in out
    assert "Traceback" in out
    if log_format == "json":
        lines = [json.loads(line) for line in out.splitlines()]
        assert lines[0]["n"] == 1
        assert [line["component"] for line in lines] == ["producer"] * 3


class Demo(CommonSettings):
    """A service."""

    url: str = Field(
        "http://h/", description="A URL.", pattern="^http", json_schema_extra=SECRET_URL
    )
    token: SecretStr | None = Field(None, description="A token.", min_length=20)


def test_effective_settings_hide_query_and_user_part() -> None:
    shown = effective(
        load_settings(Demo, {"SLUICE_URL": URL, "AWS_ENDPOINT_URL": "http://me:hunter2@h/x"})
    )
    assert shown["SLUICE_URL"] == "https://********@host:8443/v1/stream?********"
    assert "hunter2" not in str(shown)


@pytest.mark.parametrize(
    "environ",
    [
        {"SLUICE_URL": "me:hunter2@h/x?t=hunter2"},
        {"SLUICE_URL": "ftp://me:hunter2@h/x?t=hunter2"},
        {"SLUICE_URL": "ftp://me:hunter2/x@h"},
        {"SLUICE_TOKEN": "hunter2"},
    ],
)
def test_a_wrong_setting_is_named_without_its_secret(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(Demo, environ)
    assert next(iter(environ)) in str(caught.value)
    assert "hunter2" not in str(caught.value)
