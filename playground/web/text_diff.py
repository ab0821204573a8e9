"""The difference of two texts, line by line: what a page shows of it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

CONTEXT = 3
"""Unchanged lines around each change."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """`kind` is same, gone, new or gap; a number is 0 where the text has no such line.

    The line is `before` + `changed` + `after`, where `changed` is what differs from the line that
    takes its place. A gap stands for `old` unchanged lines that are left out.
    """

    kind: str
    old: int
    new: int
    before: str
    changed: str = ""
    after: str = ""


def diff_lines(old: str, new: str) -> tuple[DiffLine, ...]:
    """Empty where the texts are equal."""
    if old == new:
        return ()
    before, after = old.splitlines(), new.splitlines()
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return tuple(_lines(before, after, matcher))


def counts(lines: tuple[DiffLine, ...]) -> tuple[int, int]:
    """How many lines are new, how many gone."""
    kinds = [line.kind for line in lines]
    return kinds.count("new"), kinds.count("gone")


def _lines(
    before: list[str], after: list[str], matcher: SequenceMatcher[str]
) -> Iterator[DiffLine]:
    shown = 0
    for group in matcher.get_grouped_opcodes(CONTEXT):
        first = group[0][1]
        if first > shown:
            yield DiffLine("gap", first - shown, 0, "")
        for kind, i, i_end, j, j_end in group:
            if kind == "equal":
                for at in range(i_end - i):
                    yield DiffLine("same", i + at + 1, j + at + 1, before[i + at])
            else:
                yield from _changed(before[i:i_end], after[j:j_end], i + 1, j + 1)
        shown = group[-1][2]
    if len(before) > shown:
        yield DiffLine("gap", len(before) - shown, 0, "")


def _changed(gone: list[str], new: list[str], old_no: int, new_no: int) -> Iterator[DiffLine]:
    paired = len(gone) == len(new)
    for at, line in enumerate(gone):
        pieces = _pieces(line, new[at]) if paired else (line, "", "")
        yield DiffLine("gone", old_no + at, 0, *pieces)
    for at, line in enumerate(new):
        pieces = _pieces(line, gone[at]) if paired else (line, "", "")
        yield DiffLine("new", 0, new_no + at, *pieces)


def _pieces(line: str, other: str) -> tuple[str, str, str]:
    """`line` as what it shares with `other` at its start, what not, what it shares at its end."""
    start = _shared(line, other)
    end = len(line) - _shared(line[start:][::-1], other[start:][::-1])
    return line[:start], line[start:end], line[end:]


def _shared(one: str, other: str) -> int:
    """How many characters the two begin with in common."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
