"""What becomes of one event."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core import reasons
from sluice_core.errors import PoisonError
from sluice_core.event_id import event_id
from sluice_producer.filter import CANARY, EMPTY, Dropped, judge
from sluice_producer.source.parser import SourceEvent
from sluice_producer.source.supervisor import SourceFailed


def event(
    data: str, kind: str = "message", sse_id: str = "", *, own: bool = False, lost: int = 0
) -> SourceEvent:
    return SourceEvent(kind, data, "", sse_id, own, lost)


def kept(data: str, *, wikimedia: bool = True, **options: object):
    return judge(event(data, **options), wikimedia=wikimedia, max_bytes=1000)  # type: ignore[arg-type]


def reason(data: str, **options: object) -> str:
    with pytest.raises(PoisonError) as caught:
        kept(data, **options)
    assert data[:20] not in caught.value.detail or not data
    return caught.value.reason


def test_an_ordinary_event() -> None:
    data = json.dumps(
        {"meta": {"id": "a-b", "domain": "d", "dt": "t", "topic": "x", "partition": 3}, "id": 7}
    )
    judged = kept(data)
    assert judged.body == data.encode()
    assert judged.event_id == "a-b"
    assert (judged.meta.topic, judged.meta.partition, judged.meta.dt) == ("x", 3, "t")
    assert not judged.by_source


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
    with pytest.raises(PoisonError) as caught:
        judge(event(data), wikimedia=True, max_bytes=10**6)
    assert caught.value.reason == reasons.NOT_JSON


@pytest.mark.parametrize("data", ["7", '"text"', "[]", "null", "true", '[{"meta":{}}]'])
def test_no_object(data: str) -> None:
    with pytest.raises(PoisonError) as caught:
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
    with pytest.raises(PoisonError, match="1007 bytes, of which the first 7 are kept") as caught:
        judge(event('{"a":1}', lost=1000), wikimedia=True, max_bytes=1000)
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


def test_generic_ids() -> None:
    assert kept('{"a":1}', wikimedia=False, sse_id="7", own=True)[2:] == ("7", True)
    assert kept('{"meta":{"id":"m"}}', wikimedia=False, sse_id="7", own=True)[2:] == ("m", False)
    inherited = kept('{"a":1}', wikimedia=False, sse_id="7")
    assert inherited[2:] == (hashlib.sha256(b'{"a":1}').hexdigest(), False)


def test_generic_sources_have_no_canaries() -> None:
    assert kept('{"meta":{"domain":"canary","id":"x"}}', wikimedia=False).event_id == "x"


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
    judged = judge(event(data), wikimedia=False, max_bytes=10**6)
    assert judged.event_id == event_id(judged.body)
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
        judged = kept(data, wikimedia=wikimedia)
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
