"""The small words that sentences are made of. Code stands between backticks."""

from collections.abc import Iterable, Sequence

_MOST_CHARACTERS = 90


def code(text: object, most: int = _MOST_CHARACTERS) -> str:
    """`text` on one line between backticks, shortened; backticks inside become apostrophes."""
    line = " ".join(str(text)[: most * 4].split()).replace("`", "'")
    return f"`{line if len(line) <= most else line[: most - 1].rstrip() + '…'}`"


def listed(words: Sequence[str], most: int = 5, link: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; beyond `most` the rest is counted."""
    if len(words) > most + 1:
        words = [*words[:most], f"{len(words) - most:,} more"]
    if len(words) <= 1:
        return "".join(words)
    return f"{', '.join(words[:-1])} {link} {words[-1]}"


def codes(names: Iterable[object], most: int = 5, link: str = "and") -> str:
    """Names as code, as `listed` puts them."""
    return listed([code(name) for name in names], most, link)


def counted(count: int, one: str, many: str = "") -> str:
    """`1 task`, `3 tasks`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def span(ms: float) -> str:
    """A length of time in words, in two units at most: `4 min 10 s`, `30 days`, `2 h`."""
    seconds = int(ms / 1000 + 0.5)
    if seconds < 1:
        return "less than a second"
    for size, unit, part, small in _UNITS:
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            if whole >= _ONE_UNIT_FROM:
                whole, rest = (seconds + size // 2) // size, 0
            name = _day(whole) if unit == "d" else f"{whole} {unit}"
            return f"{name} {rest // part} {small}" if rest >= part else name
    return f"{seconds} s"


_ONE_UNIT_FROM = 10
_UNITS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def _day(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"


def sentence(*parts: str) -> str:
    """The parts that are not empty, one space apart, beginning with a capital."""
    text = " ".join(part for part in parts if part)
    return text[:1].upper() + text[1:]
