"""JSON documents of users as nested `<details>`, readable without a script.

Written from Python values, so integers of any size keep every digit (a browser's JSON.parse would
round them). Only the head of a very large document is shown; the page links to the whole.
"""

import json
from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

OPEN_LEVELS = 2
MOST_ENTRIES = 200
MOST_CHARACTERS = 200_000
LONGEST_TEXT = 4_000
DEEPEST = 40


def json_view(value: Any) -> Markup:
    """Everything in `value` up to about 200 KB."""
    room = [MOST_CHARACTERS]
    parts = _node(Markup(""), value, 0, room)
    return Markup('<div class="json">{}</div>').format(Markup("").join(parts))


def _node(label: Markup, value: Any, level: int, room: list[int]) -> Iterator[Markup]:
    """`value` behind its label: the key it has in what holds it."""
    if isinstance(value, dict) and value:
        yield from _container(label, value, level, room, "{", "}")
    elif isinstance(value, list) and value:
        yield from _container(label, value, level, room, "[", "]")
    else:
        text = _scalar(value)
        room[0] -= len(text)
        yield label + text


def _container(
    label: Markup,
    value: dict[str, Any] | list[Any],
    level: int,
    room: list[int],
    opening: str,
    closing: str,
) -> Iterator[Markup]:
    size = "1 entry" if len(value) == 1 else f"{len(value)} entries"
    if level >= DEEPEST or room[0] <= 0:
        yield label + Markup('<span class="more">{} … {}, {}</span>').format(opening, closing, size)
        return
    state = Markup(" open") if level < OPEN_LEVELS else Markup("")
    folded = Markup('<span class="size">… {} {}</span>').format(closing, size)
    head = Markup("<details{}><summary>{}{} {}</summary><ul>")
    yield head.format(state, label, opening, folded)
    entries = enumerate(value) if isinstance(value, list) else iter(value.items())
    for shown, (key, item) in enumerate(entries):
        if shown >= MOST_ENTRIES or room[0] <= 0:
            rest = len(value) - shown
            yield Markup('<li class="more">… {} more</li>').format(rest)
            break
        room[0] -= 40
        yield Markup("<li>")
        name = Markup('<span class="key">{}</span>: ').format(_key(key))
        yield from _node(name, item, level + 1, room)
        yield Markup("</li>")
    yield Markup("</ul>{}</details>").format(closing)


def _key(key: object) -> str:
    return str(key)[:400]


def _scalar(value: Any) -> Markup:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        kind = "word"
    else:
        kind = "number"
    return Markup('<span class="value-{}">{}</span>').format(kind, json.dumps(value))


def _text(value: str) -> Markup:
    shown = json.dumps(value[:LONGEST_TEXT], ensure_ascii=False)
    if len(value) <= LONGEST_TEXT:
        return Markup('<span class="text">{}</span>').format(shown)
    return Markup(
        '<span class="text">{}</span> <span class="more">… {} more characters</span>'
    ).format(shown, len(value) - LONGEST_TEXT)
