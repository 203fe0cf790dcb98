"""Where the rows may lie: nothing that an engine takes for something else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core.errors import ConfigError
from sluice_core.keys import object_key
from sluice_core.settings import CommonSettings, load_settings


def _prefix(text: str) -> str:
    return load_settings(CommonSettings, {"SLUICE_PREFIX": text}).prefix


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("dt=2026-11-23", "'dt=2026-11-23': engines take name=value for a partition"),
        ("lake/source=wikimedia/x", "'source=wikimedia': engines take"),
        ("_sluice/x", "'_sluice': what begins with _ or . is skipped"),
        ("lake/.hidden", "'.hidden': what begins with"),
        ("lake//x", "no //"),
        ("a\nb", "printable"),
    ],
)
def test_refused(text: str, rule: str) -> None:
    with pytest.raises(ConfigError, match=r"^SLUICE_PREFIX=") as refused:
        _prefix(text)
    assert rule in str(refused.value)


@pytest.mark.parametrize("text", ["", "/", "//"])
def test_empty_is_the_buckets_root(text: str) -> None:
    assert _prefix(text) == ""
    assert object_key(_prefix(text), "dt=2026-11-23", "b.csv") == "dt=2026-11-23/b.csv"


def test_unset_is_the_default_and_no_other_setting_may_be_empty() -> None:
    settings = load_settings(CommonSettings, {"SLUICE_BUCKET": "", "SLUICE_QUEUE": ""})
    assert (settings.prefix, settings.bucket) == ("events", "sse-bucket")


@given(st.text())
def test_what_is_taken_has_no_partition_and_nothing_hidden(text: str) -> None:
    try:
        prefix = _prefix(text)
    except ConfigError:
        return
    for part in prefix.split("/") if prefix else []:
        assert part
        assert "=" not in part
        assert part[0] not in "_."
