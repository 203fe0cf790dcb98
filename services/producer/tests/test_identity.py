"""Which id an event gets, and that it is the id that a reader of its message finds."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core import reasons
from sluice_core.errors import ConfigError, DeadLetterError
from sluice_core.settings import load_settings
from sluice_core.wire.beside import EVENT_MAX_CHARS
from sluice_core.wire.event_id import digest, event_id
from sluice_core.wire.id_rule import SHA256, SSE, parse_rule
from sluice_producer.pack.filter import Judge
from sluice_producer.pack.identity import Identity
from sluice_producer.settings import ProducerSettings
from sluice_producer.source.parser import SourceEvent


def event(data: str, sse_id: str = "", *, own: bool | None = None, lost: int = 0) -> SourceEvent:
    return SourceEvent("message", data.encode(), sse_id, bool(sse_id) if own is None else own, lost)


def named(data: str, rule: str, sse_id: str = "", *, wikimedia: bool = False, **options: object):
    identity = Identity(parse_rule(rule), wikimedia=wikimedia)
    judge = Judge(identity, wikimedia=wikimedia, max_bytes=10**6)
    judged = judge.judge(event(data, sse_id, **options))  # type: ignore[arg-type]
    carried = judged.event_id if judged.extra and judged.extra.carried else None
    assert event_id(judged.body, carried) == judged.event_id, "what a reader derives"
    assert identity.name_unjudged(event(data, sse_id, **options)) == judged.event_id  # type: ignore[arg-type]
    return judged.event_id, carried is not None


def sha(text: str | bytes) -> str:
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("rule", "data", "sse_id", "expected"),
    [
        (SHA256, '{"a":1}', "", (sha('{"a":1}'), False)),
        (SHA256, '{"a":1}', "7", (sha(b'7\xff{"a":1}'), True)),
        (SHA256, '{"meta":{"id":"m"}}', "", (sha('{"meta":{"id":"m"}}'), True)),
        (SSE, '{"a":1}', "7", ("7", True)),
        (SSE, '{"meta":{"id":"7"}}', "7", ("7", False)),
        (SSE, '{"a":1}', "", (sha('{"a":1}'), False)),
        ("meta.id", '{"meta":{"id":"m"}}', "7", ("m", False)),
        ("meta.id", '{"meta":{"id":5}}', "7", ("5", False)),
        ("meta.id", '{"a":1}', "7", (sha(b'7\xff{"a":1}'), True)),
        ("id", '{"id":109348,"meta":{"id":"m"}}', "7", ("109348", True)),
        ("id", '{"id":"x"}', "", ("x", True)),
        ("id", '{"id":1.5}', "", (sha('{"id":1.5}'), False)),
        ("a.b", '{"a":{"b":"\\n\\uffff"}}', "", ("\n\uffff", True)),
        ('["a.b"]', '{"a.b":"c"}', "", ("c", True)),
        ('["sse"]', '{"sse":"c"}', "7", ("c", True)),
        ("id", f'{{"id":{10**30}}}', "", (str(10**30), True)),
        ("meta.id", f'{{"meta":{{"id":{10**30}}}}}', "", (str(10**30), False)),
    ],
)
def test_rules(rule: str, data: str, sse_id: str, expected: tuple[str, bool]) -> None:
    assert named(data, rule, sse_id) == expected


def test_an_sse_id_that_goes_on_from_an_earlier_event_is_not_this_one_s() -> None:
    assert named("{}", SSE, "7", own=False) == (sha("{}"), False)
    assert named("{}", SHA256, "7", own=False) == (sha("{}"), False)


def test_wikimedia_s_sse_id_changes_when_an_event_comes_again_and_is_not_hashed() -> None:
    assert named("{}", "meta.id", "[1]", wikimedia=True) == (sha("{}"), False)
    assert named("{}", SHA256, "[1]", wikimedia=True) == (sha("{}"), False)


def test_three_connections_with_the_same_ids_and_other_data_are_fifteen_events() -> None:
    ids = {
        named(json.dumps({"connection": c, "n": n}), SHA256, str(n))[0]
        for c in range(3)
        for n in range(5)
    }
    assert len(ids) == 15


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))


@given(st.lists(st.tuples(TEXT, st.dictionaries(TEXT, TEXT | st.integers())), unique_by=str))
def test_generic_events_that_differ_never_share_an_id(told: list[tuple[str, object]]) -> None:
    ids = {named(json.dumps(data, ensure_ascii=False), SHA256, sse)[0] for sse, data in told}
    assert len(ids) == len(told)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "meta", "a"]), inner)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["meta", "id", "a"]), _JSON),
    st.sampled_from([SHA256, SSE, "meta.id", "id", "a.id"]),
    st.sampled_from(["", "7", "é"]),
    st.booleans(),
    st.booleans(),
)
def test_whatever_comes_the_reader_finds_the_producer_s_id(
    value: dict[str, object], rule: str, sse_id: str, ascii_only: bool, wikimedia: bool
) -> None:
    if wikimedia and rule == SSE:
        return
    try:
        data = json.dumps(value, ensure_ascii=ascii_only)
        data.encode()
    except UnicodeEncodeError:
        data = json.dumps(value)
    found, _ = named(data, rule, sse_id, wikimedia=wikimedia)
    assert found.encode()


def test_a_miss_is_told_and_the_hash_takes_its_place() -> None:
    missed = []
    identity = Identity(("id",), wikimedia=False, on_miss=lambda: missed.append(1))
    judge = Judge(identity, wikimedia=False, max_bytes=1000)
    assert judge.judge(event('{"x":1}', "7")).event_id == digest(b'{"x":1}', "7")
    assert judge.judge(event('{"id":"1"}')).event_id == "1"
    assert len(missed) == 1


def test_an_id_of_any_length_is_whole_and_one_that_no_message_takes_is_a_dead_letter() -> None:
    longest = "x" * (EVENT_MAX_CHARS // 2 - 10)  # it travels as id and as SSE id
    assert named("{}", SSE, longest) == (longest, True)
    judge = Judge(Identity(SSE, wikimedia=False), wikimedia=False, max_bytes=1000)
    too_long = event("{}", "x" * (EVENT_MAX_CHARS + 1))
    with pytest.raises(DeadLetterError) as caught:
        judge.judge(too_long)
    assert caught.value.reason == reasons.TOO_LARGE
    assert judge.identity.name_unjudged(too_long) == digest(b"{}", too_long.last_event_id)


@pytest.mark.parametrize("data", ["no json", "[1]", "", "\n", "[" * 10**5, '"hello"'])
@pytest.mark.parametrize("rule", [SHA256, SSE, "meta.id", "id"])
def test_what_is_no_event_has_an_id_too(data: str, rule: str) -> None:
    identity = Identity(parse_rule(rule), wikimedia=False)
    found = identity.name_unjudged(event(data, "7"))
    assert found == ("7" if rule == SSE else digest(data.replace("\n", " ").encode(), "7"))


def test_what_is_too_large_has_the_id_that_its_row_would_have() -> None:
    identity = Identity(("meta", "id"), wikimedia=True)
    data = json.dumps({"meta": {"id": "m"}, "x": "y" * 5000})
    assert identity.name_unjudged(event(data)) == "m"
    assert identity.name_unjudged(event(data[:100], lost=9)) == sha(data[:100])


@pytest.mark.parametrize("rule", ["", ".", "a.", "[]", "[1]", "[", '["a",""]'])
def test_rules_that_are_none(rule: str) -> None:
    with pytest.raises(ValueError, match="path"):
        parse_rule(rule)


BASE = {"SLUICE_SOURCE_URL": "https://events.example.org/stream"}


def test_settings_choose_the_rule() -> None:
    assert load_settings(ProducerSettings, BASE).id_rule == SHA256
    wikimedia = load_settings(ProducerSettings, {**BASE, "SLUICE_SOURCE_PRESET": "wikimedia"})
    assert wikimedia.id_rule == ("meta", "id")
    path = load_settings(ProducerSettings, {**BASE, "SLUICE_EVENT_ID": "payload.id"})
    assert path.id_rule == ("payload", "id")
    assert path.event_types is None
    types = load_settings(ProducerSettings, {**BASE, "SLUICE_SOURCE_EVENTS": "update, delete"})
    assert types.event_types == {"update", "delete"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("SLUICE_EVENT_ID", "a..b"), ("SLUICE_SOURCE_EVENTS", "update,,delete")],
)
def test_settings_that_say_nothing_are_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}='{value}'"):
        load_settings(ProducerSettings, {**BASE, name: value})


def test_sse_ids_are_no_identity_at_wikimedia_s() -> None:
    given = {**BASE, "SLUICE_SOURCE_PRESET": "wikimedia", "SLUICE_EVENT_ID": "sse"}
    with pytest.raises(ConfigError, match="SLUICE_EVENT_ID=sse"):
        load_settings(ProducerSettings, given)
