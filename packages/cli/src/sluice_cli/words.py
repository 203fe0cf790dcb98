"""Numbers with their nouns, for people."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 letter`, `2,000 letters`; `many` when an s is not enough: `counted(n, "letter is", "letters are")`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
