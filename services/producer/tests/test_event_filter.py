"""What becomes of one event."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core import reasons
from sluice_core.errors import DeadLetterError
from sluice_core.wire.event_id import event_id
from sluice_core.wire.id_rule import SHA256, parse_rule
from sluice_producer.pack.filter import CANARY, EMPTY, TYPE, Dropped, Judge
from sluice_producer.pack.identity import Identity
from sluice_producer.source.parser import SourceEvent
from sluice_producer.source.supervisor import SourceFailed


def event(
    data: str, kind: str = "message", sse_id: str = "", *, own: bool = False, lost: int = 0
) -> SourceEvent:
    return SourceEvent(kind, data.encode(), sse_id, own, lost)


def judged_as(
    wikimedia: bool,
    rule: str | None = None,
    max_bytes: int = 1000,
    types: frozenset[str] | None = None,
) -> Judge:
    identity = Identity(
        parse_rule(rule or ("meta.id" if wikimedia else SHA256)), wikimedia=wikimedia
    )
    return Judge(identity, wikimedia=wikimedia, max_bytes=max_bytes, types=types)


def kept(data: str, *, wikimedia: bool = True, rule: str | None = None, **options: object):
    return judged_as(wikimedia, rule).judge(event(data, **options))  # type: ignore[arg-type]


def reason(data: str, **options: object) -> str:
    with pytest.raises(DeadLetterError) as caught:
        kept(data, **options)
    assert data[:20] not in caught.value.detail or not data
    return caught.value.reason


def test_an_ordinary_event() -> None:
    data = json.dumps({"meta": {"id": "a-b", "domain": "d", "topic": "x", "partition": 3}, "id": 7})
    judged = kept(data)
    assert judged.body == data.encode()
    assert judged.event_id == "a-b"
    assert (judged.meta.topic, judged.meta.partition) == ("x", 3)
    assert judged.extra is None


@pytest.mark.parametrize(
    "data",
    [
        "{}",
        '{"meta":null}',
        '{"meta":7}',
        '{"meta":[]}',
        '{"meta":{}}',
        '{"meta":{"id":null}}',
        '{"meta":{"id":""}}',
        '{"meta":{"id":7.5}}',
        '{"meta":{"id":{"a":1}}}',
        '{"meta":{"partition":"x","dt":5}}',
        '{"id":null,"user":[]}',
    ],
)
def test_missing_and_odd_fields_are_normal(data: str) -> None:
    assert kept(data).event_id == hashlib.sha256(data.encode()).hexdigest()


@pytest.mark.parametrize(
    "data", ['{"meta":{"id":"x","dt":7}}', '{"meta":{"id":"x","partition":1.5}}']
)
def test_an_odd_field_hides_no_other(data: str) -> None:
    assert kept(data).event_id == "x"


def test_odd_fields_do_not_hide_a_canary() -> None:
    with pytest.raises(Dropped) as caught:
        kept('{"meta":{"domain":"canary","dt":7,"id":"c"}}')
    assert (caught.value.reason, caught.value.meta.id) == (CANARY, "c")


@pytest.mark.parametrize(
    "data", ["x", "{", '{"a":}', '{"a":1}x', "[DONE]", '{"a":NaN}', "'", "[" * 100_000]
)
def test_no_json(data: str) -> None:
    with pytest.raises(DeadLetterError) as caught:
        judged_as(True, max_bytes=10**6).judge(event(data))
    assert caught.value.reason == reasons.NOT_JSON


@pytest.mark.parametrize("data", ["7", '"text"', "[]", "null", "true", '[{"meta":{}}]'])
def test_no_object(data: str) -> None:
    with pytest.raises(DeadLetterError) as caught:
        kept(data)
    assert caught.value.reason == reasons.NOT_OBJECT


@pytest.mark.parametrize("data", ["", " ", "\n\n"])
def test_nothing_is_dropped(data: str) -> None:
    with pytest.raises(Dropped) as caught:
        kept(data)
    assert caught.value.reason == EMPTY


def test_the_limit_counts_bytes_and_includes_itself() -> None:
    fits = json.dumps({"a": "x" * 991})
    assert len(fits) == 1000
    assert kept(fits).body == fits.encode()
    assert reason(json.dumps({"a": "x" * 992})) == reasons.TOO_LARGE
    assert reason('{"a":"' + "é" * 500 + '"}') == reasons.TOO_LARGE


def test_what_was_cut_is_too_large_whatever_is_left() -> None:
    with pytest.raises(
        DeadLetterError, match="1007 bytes, of which the first 7 are kept"
    ) as caught:
        judged_as(True).judge(event('{"a":1}', lost=1000))
    assert caught.value.reason == reasons.TOO_LARGE


def test_newlines_between_tokens_become_spaces() -> None:
    judged = kept('{\n"a":\n[1,\n2]}')
    assert judged.body == b'{ "a": [1, 2]}'


def test_unicode_separators_stay() -> None:
    assert kept('{"a":"\u2028\u0085"}').body == '{"a":"\u2028\u0085"}'.encode()


def test_an_error_event_of_wikimedia_is_the_source_s_failure() -> None:
    with pytest.raises(SourceFailed):
        kept('{"message":"kafka"}', kind="error")
    assert kept('{"message":"kafka"}', kind="error", wikimedia=False).body


def test_generic_sources_have_no_canaries() -> None:
    assert kept('{"meta":{"domain":"canary","id":"x"}}', wikimedia=False).extra


@pytest.mark.parametrize("wikimedia", [True, False])
def test_other_types_are_filtered_whatever_they_hold(wikimedia: bool) -> None:
    judge = judged_as(wikimedia, types=frozenset({"update", "message"}))
    for data in ('"hello"', "ping", "", '{"meta":{"topic":"t","partition":1}}', "x" * 2000):
        with pytest.raises(Dropped) as caught:
            judge.judge(event(data, kind="control"))
        assert caught.value.reason == TYPE
        assert caught.value.meta.topic == ("t" if wikimedia and "topic" in data else None)
    for kind in ("update", "message"):
        assert judge.judge(event('{"a":1}', kind=kind)).body == b'{"a":1}'
    with pytest.raises(DeadLetterError):
        judge.judge(event("no json", kind="update"))


def test_a_filter_of_types_takes_the_default_type_only_when_it_is_named() -> None:
    with pytest.raises(Dropped):
        judged_as(False, types=frozenset({"update"})).judge(event("{}"))


def test_an_error_event_of_wikimedia_is_no_matter_of_types() -> None:
    with pytest.raises(SourceFailed):
        judged_as(True, types=frozenset({"message"})).judge(event("{}", kind="error"))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "dt", "meta", "domain", "x"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["meta", "id", "user"]), _JSON))
def test_ids_are_those_that_the_batcher_finds(value: dict[str, object]) -> None:
    data = json.dumps(value, ensure_ascii=False)
    for rule in ("meta.id", SHA256, "x", "sse"):
        judged = judged_as(False, rule, 10**6).judge(event(data))
        carried = judged.event_id if judged.extra else None
        assert judged.event_id == event_id(judged.body, carried)
    assert json.loads(judged.body) == value


@pytest.mark.parametrize(
    ("data", "own"),
    [
        (r'{"text": "\ud800"}', None),
        (r'{"text": "\udc00 \ud83d\ude80", "meta": {"id": "m-1", "partition": 4}}', "m-1"),
        (r'{"meta": {"id": "half \ud83d"}}', None),
    ],
)
def test_half_a_surrogate_pair_is_json_and_the_event_is_kept(data: str, own: str | None) -> None:
    for wikimedia in (True, False):
        judged = kept(data, wikimedia=wikimedia, rule="meta.id")
        assert judged.body == data.encode()
        assert judged.event_id == (own or hashlib.sha256(data.encode()).hexdigest())
        assert judged.event_id == event_id(data.encode())


@pytest.mark.parametrize(
    "data",
    [
        r'{"text": "\ud800", "n": NaN}',
        r'{"text": "\ud800"',
        r'{"text": "\ud800"} {}',
        r'["\ud800"]',
    ],
)
def test_half_a_surrogate_pair_excuses_nothing_else(data: str) -> None:
    assert reason(data) in (reasons.NOT_JSON, reasons.NOT_OBJECT)
