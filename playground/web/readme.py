"""The samples' READMEs as HTML: the little of Markdown that they use, and nothing else.

Headings, paragraphs, lists whose items may go on indented, fenced code, and `code` within a line.
Everything is escaped; a line that is none of these is a paragraph.
"""

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

_ITEM = re.compile(r"(?:-|\d+\.) +")
_FENCE = "```"


def readme_html(text: str) -> Markup:
    """Everything after the title; headings begin at `h3`."""
    _, _, body = text.partition("\n")
    return Markup("\n").join(_block(lines) for lines in _blocks(body.splitlines()))


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """The lines of each block: those between blank lines, a fence as a whole."""
    block: list[str] = []
    for line in lines:
        fenced = bool(block) and block[0].startswith(_FENCE)
        if fenced and line.startswith(_FENCE):
            yield block
            block = []
        elif fenced or line.strip():
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _block(lines: list[str]) -> Markup:
    first = lines[0]
    if first.startswith(_FENCE):
        code = "\n".join(lines[1:])
        return Markup('<pre tabindex="0"><code>{}</code></pre>').format(code)
    if first.startswith("## "):
        return Markup("<h3>{}</h3>").format(_inline(first[3:]))
    if _ITEM.match(first):
        items = Markup("").join(Markup("<li>{}</li>").format(_inline(one)) for one in _items(lines))
        listed = Markup("<ul>{}</ul>") if first.startswith("-") else Markup("<ol>{}</ol>")
        return listed.format(items)
    return Markup("<p>{}</p>").format(_inline(" ".join(lines)))


def _items(lines: list[str]) -> Iterator[str]:
    item = ""
    for line in lines:
        begin = _ITEM.match(line)
        if begin is None:
            item += " " + line.strip()
            continue
        if item:
            yield item
        item = line[begin.end() :]
    yield item


def _inline(text: str) -> Markup:
    code = Markup("<code>{}</code>")
    parts = text.split("`")
    return Markup("").join(
        code.format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )
