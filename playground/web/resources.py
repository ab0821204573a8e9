"""What the pages of all kept things share: search, paging, tabs, files, typed names."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from playground.model.definitions import JSONObject
from playground.model.errors import Finding, InvalidFields
from playground.web.drafts import FORM, JSON, Draft
from playground.web.forms import Form
from playground.web.pages import json_text
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
class Editing:
    """A page that makes or changes one thing, in a form or as JSON; `name` "" makes a new one."""

    section: str
    home: str
    home_label: str
    thing: str
    name: str
    path: str
    title: str
    draft: Draft
    tabs: tuple[Link, ...] = ()
    delete_problem: str = ""
    deleting: str = ""
    """What deleting it means, in a sentence."""
    copy_link: str = ""
    is_saved: bool = False
    save_word: str = "Save"


def without_saving(form: Form, draft: Draft) -> Draft | None:
    """The draft in the other way of writing, where that was the button; else None."""
    match form.text("verb"):
        case "to-json":
            return draft.on(JSON)
        case "to-form":
            return draft.on(FORM) if not draft.findings else draft
        case _:
            return None


def named_otherwise(path: str, name: str, known: str) -> None:
    """Raise `InvalidFields` where a change names another thing than the page does."""
    if name != known:
        message = f"This is {known}. To rename it, copy it, then delete this one."
        raise InvalidFields([Finding(path, message)], message)


def taken(thing: str, name: str, path: str = "name") -> InvalidFields:
    """The refusal of a new thing with the name of one that is there."""
    message = f"There is a {thing} {name} already. Choose another name."
    return InvalidFields([Finding(path, message)], message)


def tags_text(value: Any, _: JSONObject) -> str:
    """Tags as lines of `key:value`."""
    tags = value if isinstance(value, list) else []
    return "\n".join(f"{tag['key']}:{tag['value']}" for tag in tags if isinstance(tag, dict))


def tags_value(text: str, _: object) -> list[JSONObject]:
    lines = [line.strip().partition(":") for line in text.split("\n") if line.strip()]
    return [{"key": key.strip(), "value": value.strip()} for key, _, value in lines]


def tabs_of(here: str, tab: str, *more: Link) -> tuple[Link, ...]:
    """The form, the document, and what else a kind of thing has."""
    elsewhere = any(one.is_current for one in more)
    return (
        Link(label="Form", link=here, is_current=tab == FORM and not elsewhere),
        Link(label="JSON", link=f"{here}?tab=json", is_current=tab == JSON and not elsewhere),
        *more,
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
