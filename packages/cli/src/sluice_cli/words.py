"""Numbers with their nouns, for people."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 dead letter`, `2,000 dead letters`; `many` when an s is not enough: `counted(n, "dead letter is", "dead letters are")`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
