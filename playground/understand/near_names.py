"""Which known name somebody probably meant: the nearest by edit distance."""

from collections.abc import Collection

_LONGEST = 100


def nearest(name: str, known: Collection[str]) -> str | None:
    """The name in `known` that is most likely a misspelling of `name`, or the other way round.

    None where nothing is near: up to one slip in three characters, three at most. Case, `-`, `_`
    and `.` count for nothing. `name` itself is not an answer.
    """
    wanted = _plain(name)
    room = max(1, min(3, len(wanted) // 3))
    best: tuple[int, str] | None = None
    for other in sorted(known):
        if other == name or len(other) > _LONGEST:
            continue
        plain = _plain(other)
        if abs(len(plain) - len(wanted)) > room or not _shares_letters(wanted, plain, room):
            continue
        slips = distance(wanted, plain)
        if slips <= room and (best is None or slips < best[0]):
            best = slips, other
    return best[1] if best else None


def _shares_letters(one: str, other: str, room: int) -> bool:
    """Whether so few slips could do: each brings in one letter at most. Quick, for long lists."""
    return len(set(other) - set(one)) <= room


def _plain(name: str) -> str:
    return "".join(c for c in name[:_LONGEST].casefold() if c not in "-_. ")


def distance(one: str, other: str) -> int:
    """How many letters to add, drop, change or swap with their neighbour (optimal alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        older, before, row = before, row, [at]
        for position, against in enumerate(other, start=1):
            cost = min(
                before[position] + 1,
                row[position - 1] + 1,
                before[position - 1] + (letter != against),
            )
            swapped = at > 1 and position > 1 and letter == other[position - 2]
            if swapped and one[at - 2] == against:
                cost = min(cost, older[position - 2] + 1)
            row.append(cost)
    return row[-1]
