import pytest
from sluice_batcher.app import check_visibility
from sluice_batcher.settings import BatcherSettings
from sluice_core.errors import ConfigError
from sluice_core.settings import load_settings


def load(**values):
    return load_settings(
        BatcherSettings, {f"SLUICE_{k.upper()}": str(v) for k, v in values.items()}
    )


def test_defaults_are_the_articles_pipeline():
    settings = load()
    assert (settings.format, settings.columns, settings.partition_by) == (
        "csv",
        "article",
        "dt,hour",
    )
    assert (settings.batch_max_rows, settings.batch_max_age) == (100, 30.0)
    assert settings.batch_max_bytes == 64 * 2**20


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ({}, 3),
        ({"batch_max_rows": 10_000, "flushers": 1}, 2),
        ({"batch_max_rows": 10_001}, 1.25),
        ({"batch_max_rows": 50_000, "flushers": 2}, 2.25),
    ],
)
def test_of_large_batches_less_is_held(values, held):
    assert load(**values).batches_held == held


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": "xml"}, "SLUICE_FORMAT='xml': "),
        ({"compression": "lz4"}, "SLUICE_COMPRESSION='lz4': "),
        ({"compression_level": 0}, "SLUICE_COMPRESSION_LEVEL='0': "),
        ({"compression_level": 3}, "SLUICE_COMPRESSION_LEVEL=3: none has no levels"),
        (
            {"compression": "gzip", "compression_level": 10},
            "SLUICE_COMPRESSION_LEVEL=10: gzip has levels 1 to 9",
        ),
        ({"batch_max_rows": 0}, "SLUICE_BATCH_MAX_ROWS='0': "),
        ({"batch_max_rows": "many"}, "SLUICE_BATCH_MAX_ROWS='many': "),
        ({"batch_max_age": "soon"}, "SLUICE_BATCH_MAX_AGE='soon': "),
        ({"partition_by": "week"}, "SLUICE_PARTITION_BY='week': partition 'week' is not one of"),
        ({"event_time": "meta.dt,,ts"}, "SLUICE_EVENT_TIME='meta.dt,,ts': paths are keys"),
        ({"event_time": "@event_time"}, "is no field of an event"),
        ({"event_time": "a.b, a.b"}, "path 'a.b' appears twice"),
        ({"transform": "module.function"}, "SLUICE_TRANSFORM='module.function': "),
        ({"receive_wait": "1.5s"}, "SQS takes whole seconds"),
        ({"receive_wait": "21s"}, "SLUICE_RECEIVE_WAIT='21s': "),
        ({"visibility_timeout": "2500ms"}, "SLUICE_VISIBILITY_TIMEOUT=2.5: "),
        ({"max_held_messages": 200_000}, "SLUICE_MAX_HELD_MESSAGES='200000': "),
        ({"batch_max_age": "12h"}, "SLUICE_BATCH_MAX_AGE=43200s: must be less than the 43200 s"),
        (
            {"batch_max_age": "43190s", "visibility_timeout": "30s"},
            "SLUICE_BATCH_MAX_AGE=43190s: must be less",
        ),
        (
            {"shutdown_grace": "6s"},
            "SLUICE_SHUTDOWN_GRACE=6s: must exceed SLUICE_RECEIVE_WAIT (5 s)",
        ),
        ({"batch_max_bytes": "500kB"}, "SLUICE_BATCH_MAX_BYTES=500000: must be at least"),
    ],
)
def test_a_value_that_cannot_work_is_refused_in_one_line(values, message):
    with pytest.raises(ConfigError) as caught:
        load(**values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rules_that_need_the_queues_own_visibility_timeout():
    check_visibility(load(), 30)
    with pytest.raises(ConfigError, match="at least 2 s"):
        check_visibility(load(), 0)
    with pytest.raises(ConfigError, match="SLUICE_BATCH_MAX_AGE"):
        check_visibility(load(batch_max_age="2h"), 43_000)
