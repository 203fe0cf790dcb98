"""Identity: what is an id, and that two events that differ never share one that is made here."""

import json

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sluice_core.wire.event_id import digest, event_id, find_id, id_text, parsed_id

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, TEXT, TEXT, TEXT)
def test_sse_id_and_data_never_run_into_each_other(first_id, first, second_id, second):
    assume((first_id, first) != (second_id, second))
    assert digest(first.encode(), first_id) != digest(second.encode(), second_id)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("1", "23"), ("12", "3")),
        (("", "1{}"), ("1", "{}")),
        (("a", "b"), ("a\n", "b")),
        (("7", '{"n":1}'), ("7", '{"n":2}')),
    ],
)
def test_glued_parts_are_told_apart(one, other):
    assert digest(one[1].encode(), one[0]) != digest(other[1].encode(), other[0])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", "x"),
        (" ", " "),
        ("a\nb\u2028\uffff", "a\nb\u2028\uffff"),
        (0, "0"),
        (-7, "-7"),
        ("", None),
        (1.0, None),
        (True, None),
        (None, None),
        ([], None),
        ({}, None),
        ("half \ud83d", None),
    ],
)
def test_what_is_an_id(value, expected):
    assert id_text(value) == expected
    event = json.dumps({"a": {"b": value}}).encode()
    assert find_id(event, ("a", "b")) == expected


@pytest.mark.parametrize("number", [2**53 + 1, 2**63, 2**64, 10**30, 10**400])
@pytest.mark.parametrize("odd", ["", r', "x": "\ud800"'])
def test_a_whole_number_of_any_length_is_exact(number, odd):
    event = f'{{"meta": {{"id": {number}}}{odd}}}'.encode()
    assert parsed_id(event) == str(number)


@pytest.mark.parametrize("number", ["1.5", "1e3", "1.0", "1e999"])
@pytest.mark.parametrize("odd", ["", r', "x": "\ud800"'])
def test_a_fraction_is_no_id_whatever_stands_beside_it(number, odd):
    assert parsed_id(f'{{"meta": {{"id": {number}}}{odd}}}'.encode()) is None


def test_ids_that_utf_8_cannot_hold_do_not_become_one():
    first, second = (rb'{"meta": {"id": "\ud800"}}', rb'{"meta": {"id": "\ud801"}}')
    assert event_id(first) != event_id(second)


@given(st.binary(max_size=40) | TEXT.map(lambda t: orjson.dumps({"meta": {"id": t}})))
def test_there_is_always_an_id_and_it_can_be_stored(event):
    assert event_id(event).encode()


def test_a_path_leads_through_objects_only():
    event = b'{"a": [{"b": 1}], "c.d": {"e": "x"}}'
    assert find_id(event, ("a", "b")) is None
    assert find_id(event, ("c.d", "e")) == "x"
    assert find_id(b"[1]", ("a",)) is None
    assert find_id(b"no json", ("a",)) is None
    assert find_id(b"[" * 100_000, ("a",)) is None
