import io

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from sluice_batcher.rows.columns import load_columns
from sluice_batcher.testing import Rig, event, pack
from sluice_batcher.write.transform import load_transform
from sluice_core import reasons
from sluice_core.errors import ConfigError

HOOKS = """
import pandas as pd

def only_humans(frame):
    return frame[~frame["bot"].fillna(False)]

def enrich(frame):
    frame["length"] = frame["title"].str.len()
    frame["nothing"] = None
    return frame.drop(columns=["comment"])

def picky(frame):
    if (frame["title"] == "bad").any():
        raise ValueError("I do not like it")
    return frame

def broken(frame):
    raise KeyError("nothing works")

def nothing(frame):
    return frame.iloc[:0]

def no_frame(frame):
    return None

def nameless(frame):
    return pd.DataFrame([[1]])

def twice(frame):
    return pd.concat([frame, frame], axis=1)

def wrong_type(frame):
    return frame.assign(id="text")

def disagree(frame):
    if len(frame) > 1:
        raise ValueError("one at a time")
    return frame.assign(extra=1 if frame["title"].iloc[0] == "t0" else "text")

NOT_CALLABLE = 5
"""


@pytest.fixture(autouse=True)
def hooks(tmp_path, monkeypatch):
    (tmp_path / "my_hooks.py").write_text(HOOKS)
    (tmp_path / "bad_hooks.py").write_text("raise RuntimeError('at import')")
    monkeypatch.syspath_prepend(tmp_path)


def rig_with(name, count=8, **settings):
    rig = Rig(transform=f"my_hooks:{name}", batch_max_rows=count, **settings)
    rig.send(
        [
            pack([event(f"e{n}", title=f"t{n}", bot=n % 2 == 0, id=n) for n in range(count // 2)]),
            pack(
                [
                    event(f"e{n}", title="bad" if n == 5 else f"t{n}", bot=n % 2 == 0, id=n)
                    for n in range(count // 2, count)
                ]
            ),
        ]
    )
    rig.run_dry()
    return rig


def test_a_hook_may_leave_rows_out():
    rig = rig_with("only_humans")
    assert rig.ids() == ["e1", "e3", "e5", "e7"]
    assert len(rig.queue) == 0
    assert rig.dead() == []


def test_a_hook_may_add_and_drop_columns():
    rig = rig_with("enrich", format="parquet")
    ((_, found),) = rig.bucket.objects.items()
    table = parquet.read_table(io.BytesIO(found.body))
    assert "comment" not in table.column_names
    assert table.column("length").to_pylist() == [2, 2, 2, 2, 2, 3, 2, 2]
    assert table.schema.field("nothing").type == pa.string()
    assert table.schema.field("id").type == pa.int64()
    assert found.metadata["rows"] == "8"


def test_rows_that_a_hook_fails_on_are_dead_letters_and_the_others_rows():
    rig = rig_with("picky")
    (dead_letter,) = rig.dead()
    assert (dead_letter.reason, dead_letter.position) == (reasons.TRANSFORM_FAILED, 1)
    assert "I do not like it" in dead_letter.detail
    assert '"e5"' in dead_letter.body
    assert dead_letter.original == {"sluice-first-id": "e5"}
    assert rig.ids() == [f"e{n}" for n in range(8) if n != 5]
    assert len(rig.queue) == 0
    assert rig.metric("transform_failures_total") >= 3


@pytest.mark.parametrize("name", ["broken", "no_frame", "nameless", "twice", "wrong_type"])
def test_a_hook_that_never_works_sends_all_to_the_dead_letter_queue_and_loses_nothing(name):
    rig = rig_with(name)
    dead_letters = rig.dead()
    assert sorted(dead_letter.position for dead_letter in dead_letters) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert {dead_letter.reason for dead_letter in dead_letters} == {reasons.TRANSFORM_FAILED}
    assert rig.rows() == []
    assert len(rig.queue) == 0


def test_parts_of_a_hooks_result_that_do_not_fit_together():
    rig = rig_with("disagree")
    assert len(rig.dead()) == 8
    assert len(rig.queue) == 0


def test_a_large_broken_batch_is_given_up_without_a_call_for_each_row():
    rig = Rig(transform="my_hooks:broken", batch_max_rows=5000)
    rig.send([pack([event(f"e{n}") for n in range(5000)])])
    rig.run_dry()
    assert len(rig.dead()) == 5000
    assert rig.metric("transform_failures_total") < 1000
    assert len(rig.queue) == 0


def dropped(rig):
    """What the bucket tells of rows that were left out: key and number."""
    found = {key: stored.metadata.get("rows-dropped") for key, stored in rig.bucket.objects.items()}
    return {key: int(number) for key, number in found.items() if number is not None}


def test_a_hook_that_leaves_nothing_writes_a_note_and_no_rows():
    rig = rig_with("nothing")
    assert rig.rows() == []
    assert sum(dropped(rig).values()) == 8
    assert all(key.startswith("_sluice/dropped/events/") for key in dropped(rig))
    assert rig.metric("rows_dropped_total") == 8
    assert rig.metric("objects_written_total", format="jsonl") == 0
    assert len(rig.queue) == 0


def test_rows_that_a_hook_leaves_out_are_counted_where_the_account_finds_them():
    rig = rig_with("only_humans")
    left = 8 - len(rig.rows())
    assert left > 0
    assert sum(dropped(rig).values()) == left
    assert rig.metric("rows_dropped_total") == left
    assert not any(key.startswith("_sluice/") for key in rig.bucket.objects)


def test_rows_that_a_hook_failed_on_are_not_left_out():
    rig = rig_with("picky")
    assert len(rig.dead()) == 1
    assert dropped(rig) == {}


def test_partitions_go_by_the_events_time_whatever_the_hook_does():
    rig = Rig(transform="my_hooks:only_humans", batch_max_rows=2)
    events = [event("a", dt="2026-11-23T14:00:00Z"), event("b", dt="2026-11-23T15:00:00Z")]
    rig.send([pack(events)])
    rig.run_dry()
    assert sorted(key.split("/")[2] for key in rig.bucket.objects) == ["hour=14", "hour=15"]


def test_the_frame_has_nullable_types():
    schema = load_columns("recentchange").schema
    seen = []
    from sluice_batcher.write.transform import Transform

    def look(frame):
        seen.append(frame)
        return frame

    table = pa.table({name: pa.nulls(2, schema.field(name).type) for name in schema.names})
    assert Transform(look, schema).apply(table).equals(table)
    assert seen[0]["id"].dtype == pd.Int64Dtype()
    assert seen[0]["bot"].dtype == pd.BooleanDtype()


@pytest.mark.parametrize(
    ("setting", "rule"),
    [
        ("my_hooks:missing", "cannot be imported"),
        ("no_such_module:f", "cannot be imported"),
        ("bad_hooks:f", "at import"),
        ("my_hooks:NOT_CALLABLE", "is a int, no function"),
    ],
)
def test_a_hook_that_cannot_be_had_refuses_the_start(setting, rule):
    with pytest.raises(ConfigError, match=rule) as caught:
        load_transform(setting, load_columns("article").schema)
    assert "\n" not in str(caught.value)
