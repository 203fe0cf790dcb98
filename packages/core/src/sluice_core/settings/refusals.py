"""What a setting's rule says, in words of ours: pydantic's speak of inputs, types and regular expressions."""

from collections.abc import Callable, Mapping
from typing import Any, Final

_RULES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "value_error": lambda ctx: str(ctx["error"]),
    "less_than_equal": lambda ctx: f"must be {ctx['le']} or less",
    "less_than": lambda ctx: f"must be less than {ctx['lt']}",
    "greater_than_equal": lambda ctx: f"must be {ctx['ge']} or more",
    "greater_than": lambda ctx: f"must be more than {ctx['gt']}",
    "literal_error": lambda ctx: f"must be {ctx['expected']}",
    "enum": lambda ctx: f"must be {ctx['expected']}",
    "string_too_short": lambda ctx: (
        "must not be empty"
        if ctx["min_length"] == 1
        else f"must have {ctx['min_length']} characters or more"
    ),
    "string_too_long": lambda ctx: f"must have {ctx['max_length']} characters or fewer",
    "missing": lambda _ctx: "must be set",
}
_KINDS: Final = {
    "int": "must be a whole number",
    "float": "must be a number",
    "finite": "must be a finite number",
    "bool": "must be true or false",
    "string": "must be text of another form (see the settings' documentation)",
}


def rule(error: Mapping[str, Any]) -> str:
    """The rule that does not hold, of one entry of `ValidationError.errors()`."""
    kind = str(error["type"])
    if kind in _RULES:
        return _RULES[kind](error.get("ctx", {}))
    return _KINDS.get(kind.partition("_")[0], str(error["msg"]))


def one_line(text: str) -> str:
    """`text` with line ends and other control characters escaped: a value may hold any."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
