"""The prefix of the objects that hold data: what may stand there, and why not everything may."""


def data_prefix(value: str) -> str:
    """`value` without slashes around it; empty for the bucket's root. Raises ValueError, which says the rule.

    Athena, Hive, Spark and DuckDB take each `name=value` in a path for a partition and skip what begins with
    `_` or `.`; a prefix that has such parts would add columns to every table, or hide every row.
    """
    value = value.strip("/")
    for part in value.split("/") if value else ():
        if not part:
            raise ValueError("a prefix holds no // (engines make one folder, or two, of it)")
        if part.startswith(("_", ".")):
            raise ValueError(
                f"{part!r}: what begins with _ or . is skipped by engines (and _sluice is taken)"
            )
        if "=" in part:
            raise ValueError(
                f"{part!r}: engines take name=value for a partition; Sluice adds those itself (SLUICE_PARTITION_BY)"
            )
    if not value.isprintable():
        raise ValueError("a prefix holds printable characters only")
    return value
