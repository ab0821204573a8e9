"""What a definition looks like and says, kept by its content: it changes only with the definition.

Laying out, drawing and explaining take most of the time of a page about a definition, and people
come back to the same ones, not least to everybody's samples.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec
from markupsafe import Markup

from playground import diagram
from playground.model.definitions import WorkflowDef
from playground.understand.explanation import Explanation, explain
from playground.web.pages import Broken, attempted, drawn, picture

_SHORT_BYTES: Final = 32_768
"""A longer definition is drawn anew each time: a hundred of them would be a lot to keep."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """The drawing, and the same in sentences."""

    svg: Markup
    explanation: Explanation | Broken


def portrait(definition: WorkflowDef, *, link: str, selected: str = "") -> Portrait:
    """`link` stands before a task's reference in the links of the drawing."""
    written = msgspec.json.encode(definition)
    draw = _kept if len(written) <= _SHORT_BYTES else _drawn
    whole = attempted(lambda: draw(written, link, selected))
    if not isinstance(whole, Broken):
        return whole
    # One of the two is at fault; the other is still to be seen.
    layout = drawn(lambda: picture(diagram.draw(diagram.lay_out(definition), link=link)))
    return Portrait(layout, attempted(lambda: explain(definition)))


def _drawn(written: bytes, link: str, selected: str) -> Portrait:
    definition = msgspec.json.decode(written, type=WorkflowDef)
    explanation = explain(definition)
    layout = diagram.lay_out(definition)
    svg = diagram.draw(layout, link=link, selected=selected, description=explanation.text)
    return Portrait(picture(svg), explanation)


_kept = lru_cache(maxsize=128)(_drawn)
