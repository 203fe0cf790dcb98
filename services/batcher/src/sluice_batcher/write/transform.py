"""The user's pandas hook: `SLUICE_TRANSFORM=module:function`, a DataFrame in, a DataFrame out.

It sees the rows of one object (one partition of a batch) after cleaning, in pandas's nullable types. It may
change values, add, drop or rename columns, and leave rows out. When it raises, or gives back something else
than a DataFrame with named columns, the rows are halved until those that it fails on stand alone; these go
to the dead-letter queue, event by event, and the others on. Nothing is lost, and after the hook is mended
`sluice dlq redrive` brings them back.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd
import pyarrow as pa
from sluice_core.errors import ConfigError
from sluice_core.service.logs import get_logger

_log = get_logger(__name__)
NULLABLE: Final = {
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype(),
}
_PATIENCE: Final = 200
"""Failed calls a table after which what is left is no longer halved but given up as it is."""


class TransformError(Exception):
    """The hook failed on a table; the message says how."""


@dataclass
class Transformed:
    """The hook's table (None: there is none), and the rows of its input (index → why) that it failed on."""

    table: pa.Table | None = None
    failed: dict[int, str] = field(default_factory=dict)
    calls_failed: int = 0
    dropped: int = 0
    """Rows that the hook left out: fewer came back than went in."""


class Transform:
    """A loaded hook and the schema that its columns keep where they keep their names."""

    def __init__(self, hook: Callable[[pd.DataFrame], Any], schema: pa.Schema) -> None:
        self._hook = hook
        self._schema = schema

    def run(self, table: pa.Table) -> Transformed:
        """Applies the hook to a table, and to ever smaller parts of it where it fails."""
        outcome = Transformed()
        tables: list[pa.Table] = []
        self._run(table, 0, outcome, tables)
        try:
            if tables:
                outcome.table = pa.concat_tables(tables, promote_options="permissive")
        except pa.ArrowException as error:
            why = f"gave parts whose columns do not fit together: {error}"[:300]
            outcome.failed, outcome.dropped = dict.fromkeys(range(table.num_rows), why), 0
        return outcome

    def _run(
        self, table: pa.Table, start: int, outcome: Transformed, tables: list[pa.Table]
    ) -> None:
        try:
            result = self.apply(table)
            tables.append(result)
            outcome.dropped += max(0, table.num_rows - result.num_rows)
        except TransformError as error:
            outcome.calls_failed += 1
            why = str(error)
        else:
            return
        size = table.num_rows
        if size == 1 or outcome.calls_failed > _PATIENCE:
            outcome.failed.update(dict.fromkeys(range(start, start + size), why))
            return
        half = size // 2
        self._run(table.slice(0, half), start, outcome, tables)
        self._run(table.slice(half), start + half, outcome, tables)

    def apply(self, table: pa.Table) -> pa.Table:
        """The hook's table; raises TransformError whatever the hook raises."""
        frame = table.to_pandas(types_mapper=NULLABLE.get)
        try:
            result = self._hook(frame)
        except Exception as error:  # a user's code may raise anything
            raise TransformError(f"{type(error).__name__}: {error}"[:300]) from error
        if not isinstance(result, pd.DataFrame):
            raise TransformError(f"returned {type(result).__name__}, not a DataFrame")
        try:
            return self._to_arrow(result)
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            raise TransformError(f"result is no table: {error}"[:300]) from error

    def _to_arrow(self, frame: pd.DataFrame) -> pa.Table:
        names = list(frame.columns)
        if not names or not all(isinstance(name, str) and name for name in names):
            raise TransformError("columns of the result need names")
        if len(set(names)) != len(names):
            raise TransformError("columns of the result have the same name")
        arrays = []
        for name in names:
            index = self._schema.get_field_index(name)
            kind: Any = self._schema.field(index).type if index >= 0 else None
            column: Any = pa.array(frame[name], type=kind, from_pandas=True)
            # A column of nothing but nulls has no type that Parquet's readers agree on.
            arrays.append(column.cast(pa.string()) if pa.types.is_null(column.type) else column)
        return pa.Table.from_arrays(arrays, names=names)


def load_transform(setting: str, schema: pa.Schema) -> Transform:
    """Imports the hook; raises ConfigError, in one line, when it cannot be had."""
    module_name, _, function_name = setting.partition(":")
    try:
        hook = getattr(importlib.import_module(module_name), function_name)
    except Exception as error:  # the import runs a user's code, which may raise anything
        what = " ".join(str(error).split())
        raise ConfigError(
            f"SLUICE_TRANSFORM={setting!r}: cannot be imported: {type(error).__name__}: {what}"
        ) from error
    if not callable(hook):
        raise ConfigError(f"SLUICE_TRANSFORM={setting!r}: is a {type(hook).__name__}, no function")
    return Transform(hook, schema)
