"""What the pages of all kept things share: search, paging, tabs, files, typed names."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from playground.model.definitions import JSONObject
from playground.web.drafts import FORM, JSON
from playground.web.forms import Form
from playground.web.pages import json_text, quoted
from playground.web.workflow_definitions import compact

_WRITTEN_BY_US: Final = (
    "createTime",
    "createdTime",
    "updateTime",
    "updatedTime",
    "createdBy",
    "updatedBy",
    "nextRunTime",
    "ownerApp",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A tab; `count` None shows none."""

    label: str
    link: str
    is_current: bool = False
    count: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pager:
    """Counts from 1; links are "" where there is no such page."""

    first: int
    last: int
    total: int
    previous_link: str
    next_link: str


def tabs_of(here: str, tab: str, *more: Link) -> tuple[Link, ...]:
    """The form, the document, and what else a kind of thing has."""
    elsewhere = any(one.is_current for one in more)
    return (
        Link(label="Form", link=here, is_current=tab == FORM and not elsewhere),
        Link(label="JSON", link=f"{here}?tab=json", is_current=tab == JSON and not elsewhere),
        *more,
    )


def pager_of(query: Form, number: int, size: int, total: int, shown: int) -> Pager:
    """The pager of a list with the filters of `query`; `number` counts from 1."""
    kept = "&".join(
        f"{quoted(name)}={quoted(value)}" for name, value in query.pairs if name != "page" and value
    )
    first = (number - 1) * size
    return Pager(
        first=first + 1 if shown else 0,
        last=first + shown,
        total=total,
        previous_link=f"?{kept}&page={number - 1}" if number > 1 else "",
        next_link=f"?{kept}&page={number + 1}" if first + shown < total and shown else "",
    )


def words_of(search: str, *texts: object) -> bool:
    """Whether `search` is in one of the texts, whatever its case; absent texts have nothing."""
    word = search.casefold()
    return any(word in str(text).casefold() for text in texts if text is not UNSET and text)


def one_word(text: str) -> str:
    return " ".join(text.split())


def suggestions(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in names)


def confirmed(form: Form, name: str) -> str:
    """ "" when the name was typed, else what to say beside the field."""
    if form.line("typed") == one_word(name):
        return ""
    return "That is not the name. Nothing was deleted."


def document_of(thing: msgspec.Struct) -> JSONObject:
    """What its author wrote: the wire form without defaults and without what we note about it."""
    return {key: value for key, value in compact(thing).items() if key not in _WRITTEN_BY_US}


def download(document: Any, name: str) -> Response:
    """The document as a file; the name keeps only characters that every system takes."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    return Response(
        json_text(document) + "\n",
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{plain[:120]}.json"'},
    )
