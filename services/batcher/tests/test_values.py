"""`convert` and `times`: single values."""

import json
import re
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_batcher.rows.columns import Kind
from sluice_batcher.rows.convert import to_kind
from sluice_batcher.rows.times import timestamp_array
from sluice_core.wire.event_time import MAX_MICROS, MIN_MICROS, to_datetime, to_micros

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["1", "true", "-0", "1e5", "2026-11-23T14:00:00Z", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
PYTHON = {
    Kind.STRING: str,
    Kind.INT64: int,
    Kind.FLOAT64: float,
    Kind.BOOL: bool,
    Kind.TIMESTAMP: (str, int, float),
    Kind.JSON: str,
}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Kind.STRING, "", ""),
        (Kind.STRING, 5, "5"),
        (Kind.STRING, True, "true"),
        (Kind.STRING, {"a": ["é"]}, '{"a":["é"]}'),
        (Kind.STRING, "a\ud800b", "a\ufffdb"),
        (Kind.STRING, "\ud83d\ude00", "😀"),
        (Kind.INT64, 5.0, 5),
        (Kind.INT64, "5", 5),
        (Kind.INT64, "-5", -5),
        (Kind.INT64, "0", 0),
        (Kind.INT64, "007", None),
        (Kind.INT64, "+5", None),
        (Kind.INT64, "٥", None),
        (Kind.INT64, "", None),
        (Kind.INT64, 5.5, None),
        (Kind.INT64, True, None),
        (Kind.INT64, 2**63 - 1, 2**63 - 1),
        (Kind.INT64, 2**63, None),
        (Kind.INT64, float("inf"), None),
        (Kind.FLOAT64, 5, 5.0),
        (Kind.FLOAT64, "1.5", 1.5),
        (Kind.FLOAT64, "nan", None),
        (Kind.FLOAT64, 2**53 + 1, None),
        (Kind.FLOAT64, True, None),
        (Kind.BOOL, 1, True),
        (Kind.BOOL, "FALSE", False),
        (Kind.BOOL, 2, None),
        (Kind.BOOL, [1], None),
        (Kind.TIMESTAMP, "soon", None),
        (Kind.TIMESTAMP, True, None),
        (Kind.TIMESTAMP, 5, 5),
        (Kind.JSON, None, None),
        (Kind.JSON, {"b": 1, "a": None}, '{"b":1,"a":null}'),
    ],
)
def test_conversions(kind, value, expected):
    got = to_kind(value, kind)
    assert got == expected
    assert type(got) is type(expected)


@given(JSON, st.sampled_from(list(Kind)))
def test_any_value_becomes_the_kind_or_null_and_can_be_stored(value, kind):
    got = to_kind(value, kind)
    if got is None:
        return
    assert isinstance(got, PYTHON[kind])
    assert (kind is Kind.BOOL) == isinstance(got, bool)
    if isinstance(got, str):
        got.encode()


ISO_LIKE = re.compile(
    r"(19|20)[0-9]{2}-?[01][0-9]-?[0-3][0-9]([Tt ][0-2][0-9](:?[0-6][0-9]){0,2}([.,][0-9]{1,9})?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?)?",
    re.ASCII,
)
NOVEMBER = "2023-11-14T22:13:20"
TIMES = {
    1700000000: NOVEMBER,
    1700000000123: NOVEMBER + ".123000",
    1700000000123456: NOVEMBER + ".123456",
    1700000000123456789: NOVEMBER + ".123456",
    1700000000.1: NOVEMBER + ".100000",
    1700000000.999999: NOVEMBER + ".999999",
    -1: "1969-12-31T23:59:59",
    "1700000000": NOVEMBER,
    "1700000000.9999999": NOVEMBER + ".999999",
    "1.7e9": NOVEMBER,
    "1762041512345": "2025-11-01T23:58:32.345000",
    "1700000000123456789": NOVEMBER + ".123456",
    "2023-11-14T22:13:20Z": NOVEMBER,
    "2023-11-14t22:13:20z": NOVEMBER,
    "2023-11-14 22:13:20": NOVEMBER,
    "2023-11-14T22:13:20.999999999Z": NOVEMBER + ".999999",
    "2023-11-14T22:13:20,5Z": NOVEMBER + ".500000",
    "2023-11-14T22:13Z": "2023-11-14T22:13:00",
    "2023-11-14T22:13.5Z": "2023-11-14T22:13:30",
    "2023-11-14T22.5": "2023-11-14T22:30:00",
    "20231114T221320Z": NOVEMBER,
    "20231114T231320+01": NOVEMBER,
    "2023-11-14T21:13:20-0100": NOVEMBER,
    "2023-11-14T21:13:20\u221201:00": NOVEMBER,
    "2023-W46-2T22:13:20Z": NOVEMBER,
    "2023-318T22:13:20Z": NOVEMBER,
    "2023-W46": "2023-11-13T00:00:00",
    "2023-11": "2023-11-01T00:00:00",
    "2023-12-31T24:00:00Z": "2024-01-01T00:00:00",
    "2016-12-31T23:59:60Z": "2016-12-31T23:59:59.999999",
    "Tue, 14 Nov 2023 22:13:20 GMT": NOVEMBER,
    "Tue, 14 Nov 2023 23:13:20 +0100": NOVEMBER,
    "Tue Nov 14 22:13:20 2023": NOVEMBER,
    "Tue Nov 14 22:13:20 +0000 2023": NOVEMBER,
}


@pytest.mark.parametrize(("value", "expected"), TIMES.items())
def test_a_time_is_read_as_its_digits_say(value, expected):
    micros = to_micros(value)
    assert micros is not None
    assert to_datetime(micros).replace(tzinfo=None).isoformat() == expected
    for values in ([value], [value, None], [value, "x"]):
        assert timestamp_array(values).cast(pa.int64())[0].as_py() == micros


@pytest.mark.parametrize(
    "value",
    [
        20231114,
        20231114.0,
        "20231114",
        2023,
        "2023",
        202311,
        2023318,
        202311142213,
        20231114221320,
        "20231114221320",
        20231114221320123,
        "0012",
        "+1700000000",
        "1_700_000_000",
        "\u0661\u0662",
        " 2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20Z\n",
        "23-11-14T22:13:20Z",
        "2023-02-30T00:00:00Z",
        "2023-366",
        "2023-W53-1",
        "2023-11-14T24:00:01Z",
        "2023-11-14T22:30:60Z",
        "2023-11-14T22:13:20+24:00",
        "2023-11-14T22:13:20 CET",
        "11/14/2023",
        "14.11.2023 22:13:20",
        "22:13:20",
        "Tuesday, 14-Nov-23 22:13:20 GMT",
        "Mon, 14 Nov 2023 22:13:20 GMT",
        "Tue, 14 Nov 2023 22:13:20 EST",
        "Tue, 14 Foo 2023 22:13:20 GMT",
        "1" * 5000,
        "1e999",
    ],
)
def test_what_is_ambiguous_is_no_time(value):
    assert to_micros(value) is None
    assert timestamp_array([value]).null_count == 1


@given(st.from_regex(ISO_LIKE, fullmatch=True) | st.from_regex(r"[0-9]{4,17}", fullmatch=True))
def test_text_never_names_a_year_that_its_digits_do_not_say(value):
    micros = to_micros(value)
    if micros is None:
        return
    if value.isdigit():
        assert micros == to_micros(int(value))
        return
    years = {to_datetime(micros + days * 86_400_000_000).year for days in (-2, 0, 2)}
    assert int(value[:4]) in years


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), st.booleans())
def test_iso_text_keeps_its_instant(naive, with_zone):
    when = naive.replace(tzinfo=UTC)
    text = when.isoformat() if with_zone else naive.isoformat()
    micros = to_micros(text)
    assert micros is not None
    assert to_datetime(micros) == when
    assert timestamp_array([text]).cast(pa.int64()).to_pylist() == [micros]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "1970-01-01T00:00:00"),
        (1746258379, "2025-05-03T07:46:19"),
        (1746258379.5, "2025-05-03T07:46:19.500000"),
        (1746258379123, "2025-05-03T07:46:19.123000"),
        (1746258379123456, "2025-05-03T07:46:19.123456"),
        ("2025-05-03T07:46:19.1234567Z", "2025-05-03T07:46:19.123456"),
        ("2025-05-03T09:46:19+02:00", "2025-05-03T07:46:19"),
        ("2025-05-03", "2025-05-03T00:00:00"),
    ],
)
def test_times_of_all_sorts(value, expected):
    micros = to_micros(value)
    assert to_datetime(micros).replace(tzinfo=None).isoformat() == expected
    assert timestamp_array([value, None]).cast(pa.int64()).to_pylist() == [micros, None]


@pytest.mark.parametrize("value", ["", "x", None, True, [], {}, float("nan"), 10**30, -(10**20)])
def test_what_is_no_time(value):
    assert to_micros(value) is None
    assert timestamp_array([value]).null_count == 1


@given(
    st.lists(
        st.none()
        | st.integers(-(10**18), 10**18)
        | st.floats()
        | st.text()
        | st.sampled_from(list(TIMES))
        | st.from_regex(r"-?[0-9]{1,20}", fullmatch=True)
        | st.from_regex(ISO_LIKE, fullmatch=True)
        | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
        | st.booleans(),
        max_size=5,
    )
)
def test_a_column_of_times_is_its_values(values):
    array = timestamp_array(values)
    micros = [to_micros(value) for value in values]
    assert array.cast(pa.int64()).to_pylist() == micros
    assert all(m is None or MIN_MICROS <= m <= MAX_MICROS for m in micros)


def test_range_of_times_is_what_datetime_can_write():
    assert to_datetime(MIN_MICROS).year == 1
    assert to_datetime(MAX_MICROS).year == 9999
    assert to_datetime(MAX_MICROS) + timedelta(microseconds=0) == datetime.max.replace(tzinfo=UTC)
    assert json.dumps(to_micros("0001-01-01T00:00:00+23:59")) == "null"
