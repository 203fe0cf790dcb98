import pytest
from sluice_batcher.app import Conversion
from sluice_batcher.rows.columns import EVENT_ID, Column, Kind, load_columns
from sluice_batcher.settings import BatcherSettings
from sluice_core.errors import ConfigError
from sluice_core.settings import load_settings


def write(tmp_path, text):
    path = tmp_path / "columns.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_article_has_the_articles_columns_in_order():
    columns = load_columns("article").columns
    assert [c.name for c in columns] == (
        ["id", "type", "namespace", "title", "comment", "timestamp", "user", "bot", "event_id"]
    )
    assert columns[-1].path == EVENT_ID


def test_recentchange_is_typed_and_flat():
    by_name = {c.name: c for c in load_columns("recentchange").columns}
    assert by_name["length_old"] == Column("length_old", ("length", "old"), Kind.INT64)
    assert by_name["timestamp"].kind is Kind.TIMESTAMP
    assert by_name["log_params"].kind is Kind.JSON
    assert by_name["patrolled"].kind is Kind.BOOL
    assert by_name["schema"].path == ("$schema",)
    assert str(load_columns("recentchange").schema.field("timestamp").type) == (
        "timestamp[us, tz=UTC]"
    )


def test_a_file_of_columns(tmp_path):
    text = """
columns:
  - name: who
    path: user
  - name: dotted
    path: [a.b, c]
    type: float64
  - {name: event_id, path: "@event_id"}
  - {name: at, path: "@event_time"}
  - name: meta
    type: json
"""
    loaded = load_columns(write(tmp_path, text))
    assert loaded.columns == (
        Column("who", ("user",), Kind.STRING),
        Column("dotted", ("a.b", "c"), Kind.FLOAT64),
        Column("event_id", EVENT_ID, Kind.STRING),
        Column("at", ("@event_time",), Kind.TIMESTAMP),
        Column("meta", ("meta",), Kind.JSON),
    )
    assert loaded.has_event_id


@pytest.mark.parametrize(
    ("text", "line", "rule"),
    [
        (
            "columns:\n  - name: a\n    type: integr\n",
            3,
            "type 'integr' is not one of string, int64",
        ),
        ("columns:\n  - name: a\n  - name: A\n", 3, "already defined in line 2"),
        ("columns: [{name: a}, {name: a}]\n", 1, "already defined in line 1"),
        ("columns:\n  - path: a\n", 2, "needs a `name`"),
        ("columns:\n  - name: 1a\n", 2, "must be letters, digits and _"),
        ("columns:\n  - name: a\n    typ: string\n", 3, "key 'typ' is not one of name, path, type"),
        ("columns:\n  - name: a\n    name: b\n", 3, "key 'name' appears twice"),
        ("columns:\n  - name: a\n    path: x..y\n", 3, "none may be empty"),
        (
            "columns:\n  - name: a\n    path: '@id'\n",
            3,
            "@event_id, @event_time, @event_type, @sse_id",
        ),
        ("columns:\n  - {name: a, path: '@event_id', type: int64}\n", 2, "is of type string"),
        ("columns:\n  - name: [a]\n", 2, "`name` must be text"),
        ("columns:\n  - name:\n", 2, "`name` must be text"),
        ("columns:\n  - just text\n", 2, "must be a mapping"),
        ("columns: []\n", 1, "at least one column"),
        ("columns: text\n", 1, "must be a list"),
        ("fields: []\n", 1, "key 'fields' is not one of columns"),
        ("{}\n", 1, "no list `columns`"),
        ("- a\n", 1, "top level must be a mapping"),
        ("", 1, "the file is empty"),
        ("columns:\n  - name: a\n  bad: [\n", 3, "not YAML"),
        ("a: b\n\tc: d\n", 2, "not YAML"),
        ("a: \x07\n", 1, "not YAML"),
    ],
)
def test_errors_name_file_line_and_rule(tmp_path, text, line, rule):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_columns(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: "), message
    assert rule in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["dt", "hour", "Hour", "DT"])
def test_a_column_named_as_a_partition_is_refused_at_the_start(tmp_path, name):
    path = write(tmp_path, f"columns:\n  - name: a\n  - {{name: {name}, path: a}}\n")
    environ = {"SLUICE_COLUMNS": path}
    with pytest.raises(
        ConfigError, match=f"^{path}:3: column '{name}' has the name of a partition"
    ):
        Conversion.of(load_settings(BatcherSettings, environ))
    flat = load_settings(BatcherSettings, environ | {"SLUICE_PARTITION_BY": "none"})
    assert [column.name for column in Conversion.of(flat).columns.columns] == ["a", name]


@pytest.mark.parametrize("setting", ["articel", "/nowhere/columns.yaml"])
def test_neither_built_in_nor_a_file(setting):
    with pytest.raises(ConfigError, match="SLUICE_COLUMNS="):
        load_columns(setting)
