"""Where in a JSON text each value stands, by the path that findings name it with.

`tasks[0].decisionCases.a[1].name` → the span of that value. For text that has been read already:
what is no JSON gives places up to the point where it stops making sense, and never an error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(frozen=True, slots=True)
class Place:
    """Characters `start` to `end` of the text; a property begins with its key."""

    start: int
    end: int


@dataclass(slots=True)
class _Open:
    """An object or array that is being read; `index` counts the items of an array."""

    path: str
    start: int
    is_object: bool
    key: str | None = None
    key_start: int = 0
    index: int = 0

    def path_inside(self) -> str:
        if not self.is_object:
            return f"{self.path}[{self.index}]"
        return f"{self.path}.{self.key}" if self.path else f"{self.key}"


@dataclass(slots=True)
class _Reader:
    found: dict[str, Place] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)

    def take(self, piece: str, start: int) -> None:
        top = self.stack[-1] if self.stack else None
        if piece in "{[":
            path = top.path_inside() if top else ""
            self.stack.append(_Open(path, self._begin(top, start), piece == "{"))
        elif piece in "}]":
            if top is not None:
                self.stack.pop()
                self.found[top.path] = Place(top.start, start + 1)
        elif piece == ",":
            if top is not None:
                top.key, top.index = None, top.index + 1
        elif piece != ":":
            self._scalar(top, piece, start)

    def _scalar(self, top: _Open | None, piece: str, start: int) -> None:
        if top is not None and top.is_object and top.key is None:
            top.key, top.key_start = _text_of(piece), start
            return
        path = top.path_inside() if top else ""
        self.found[path] = Place(self._begin(top, start), start + len(piece))

    @staticmethod
    def _begin(top: _Open | None, start: int) -> int:
        return top.key_start if top is not None and top.is_object else start


def places_of(text: str) -> dict[str, Place]:
    """Path → place, the whole document under ""; the last one of a repeated key."""
    reader = _Reader()
    for match in _PIECE.finditer(text):
        reader.take(match[0], match.start())
    return reader.found


def nearest(places: Mapping[str, Place], path: str) -> Place:
    """The place of `path`, or of the nearest thing around it: a missing field has none."""
    while path and path not in places:
        cut = max(path.rfind("."), path.rfind("["))
        path = path[: max(cut, 0)]
    return places.get(path, Place(0, 0))


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Both counted from 1, as editors do."""
    before = text.rfind("\n", 0, offset)
    return text.count("\n", 0, offset) + 1, offset - before


def _text_of(piece: str) -> str:
    try:
        found: str = msgspec.json.decode(piece, type=str)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return piece.strip('"')
    return found
