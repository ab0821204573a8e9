"""JSON documents of users as nested `<details>`, readable without a script.

With a `root`, such as `t.output`, every value has a path to read it by in expressions: a script
offers it on a click, and where a `link` is given each key leads there.

Written from Python values, so integers of any size keep every digit (a browser's JSON.parse would
round them). Only the head of a very large document is shown; the page links to the whole.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

OPEN_LEVELS = 2
MOST_ENTRIES = 100
MOST_CHARACTERS = 200_000
LONGEST_TEXT = 4_000
DEEPEST = 40
_LONGEST_PATH = 900


@dataclass(slots=True)
class _Writer:
    """`room` is how many characters are left. `link` goes before a quoted `${…}`."""

    link: str
    room: int = MOST_CHARACTERS


@dataclass(frozen=True, slots=True)
class _Label:
    """The key of an entry, and the same as a link where there is one."""

    plain: Markup
    link: Markup


_NONE = _Label(Markup(""), Markup(""))


def json_view(value: Any, root: str = "", link: str = "") -> Markup:
    """Everything in `value` up to about 200 KB."""
    writer = _Writer(link if root else "")
    parts = _node(writer, _NONE, value, 0, root)
    rooted = Markup(' data-root="{}"').format(root) if root else Markup("")
    return Markup('<div class="json"{}>{}</div>').format(rooted, Markup("").join(parts))


def member_path(path: str, key: object) -> str:
    """The path of a member of what `path` leads to, as expressions are written."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    text = str(key)
    if text and text.isascii() and text.replace("_", "a").replace("-", "a").isalnum():
        return f"{path}.{text}"
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"{path}['{quoted}']"


def _node(writer: _Writer, label: _Label, value: Any, level: int, path: str) -> Iterator[Markup]:
    """`value` behind its label: the key it has in what holds it."""
    if (isinstance(value, dict) and value) or (isinstance(value, list) and value):
        yield from _container(writer, label, value, level, path)
    else:
        text = _scalar(value)
        writer.room -= len(text)
        yield (label.link or label.plain) + text


def _container(
    writer: _Writer,
    label: _Label,
    value: dict[str, Any] | list[Any],
    level: int,
    path: str,
) -> Iterator[Markup]:
    opening, closing = "[]" if isinstance(value, list) else "{}"
    size = "1 entry" if len(value) == 1 else f"{len(value)} entries"
    if level >= DEEPEST or writer.room <= 0:
        yield label.plain + Markup('<span class="more">{} … {}, {}</span>').format(
            opening, closing, size
        )
        return
    state = Markup(" open") if level < OPEN_LEVELS else Markup("")
    kind = Markup(' class="items"') if isinstance(value, list) else Markup("")
    folded = Markup('<span class="size">… {} {}</span>').format(closing, size)
    head = Markup("<details{}><summary>{}{} {}</summary><ul{}>")
    yield head.format(state, label.plain, opening, folded, kind)
    if label.link:
        # Nothing that can be clicked may stand in a summary; a script needs no link.
        yield Markup('<li class="without-script">{}</li>').format(label.link)
    entries = enumerate(value) if isinstance(value, list) else iter(value.items())
    for shown, (key, item) in enumerate(entries):
        if shown >= MOST_ENTRIES or writer.room <= 0:
            rest = len(value) - shown
            yield Markup('<li class="more">… {} more</li>').format(rest)
            break
        writer.room -= 40
        yield Markup("<li>")
        here = member_path(path, key) if path else ""
        yield from _node(writer, _label(writer, key, here), item, level + 1, here)
        yield Markup("</li>")
    yield Markup("</ul>{}</details>").format(closing)


def _label(writer: _Writer, key: object, path: str) -> _Label:
    plain = Markup('<span class="key">{}</span>: ').format(_key(key))
    if not writer.link or len(path) > _LONGEST_PATH:
        return _Label(plain, Markup(""))
    address = writer.link + quote(f"${{{path}}}", safe="", errors="replace")
    writer.room -= len(address)
    return _Label(plain, Markup('<a class="key" href="{}">{}</a>: ').format(address, _key(key)))


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
