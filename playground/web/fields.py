"""Forms whose fields are places in a JSON document, such as `startWorkflowRequest.name`.

A form is described once, as `Section`s of `Field`s; the same description shows a document as text
in its fields, writes what was typed back into the document, and puts each `Finding` of the engine
beside the field it names. What a form does not show stays in the document as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from playground.model.definitions import JSONObject
from playground.model.errors import Finding, Invalid
from playground.model.reading import read_any
from playground.web.forms import Form, clean
from playground.web.pages import json_text

_JSON_MAX_BYTES: Final = 1_048_576


class Kind(StrEnum):
    """How a field looks and what it writes; left empty, all but CHECK and LINES write nothing."""

    LINE = "line"
    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    CHECK = "check"
    LINES = "lines"
    """A list of texts, one on each line."""
    JSON = "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """`name` is the place in the document; `unit` stands behind the control."""

    name: str
    label: str
    kind: Kind = Kind.LINE
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    """Value and words of each; of a LINE they are only suggestions."""
    default: str = ""
    """The text of a document that has nothing there."""
    required: bool = False
    unit: str = ""
    placeholder: str = ""
    also: tuple[str, ...] = ()
    """Other paths whose findings belong here."""
    is_short: bool = False
    is_fixed: bool = False
    """Shown, but not to be changed: the name of what is there already."""
    control: str = ""
    """A kind of input of its own, such as datetime-local or password."""
    show: Callable[[Any, JSONObject], str] | None = None
    """(value, document) → text, where the kind's own way does not do."""
    read: Callable[[str, Mapping[str, str]], Any] | None = None
    """(text, all texts) → value, None for nothing; raises `Invalid`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    title: str
    fields: tuple[Field, ...]
    about: str = ""
    is_open: bool = True
    """A closed one is folded until somebody wants it, or something in it is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilledField:
    field: Field
    text: str
    problem: str = ""

    @property
    def id(self) -> str:
        return "f-" + self.field.name.replace(".", "-")


@dataclass(frozen=True, kw_only=True, slots=True)
class FilledSection:
    section: Section
    fields: tuple[FilledField, ...]

    @property
    def is_open(self) -> bool:
        """Also where something is filled in that differs from how a new one begins."""
        return self.section.is_open or any(
            one.problem or one.text != one.field.default for one in self.fields
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class FormView:
    """A form to show. `problems` are those that belong to none of its fields."""

    sections: tuple[FilledSection, ...]
    problems: tuple[str, ...] = ()
    by_name: Mapping[str, FilledField] = field(default_factory=dict)

    def __getitem__(self, name: str) -> FilledField:
        return self.by_name[name]

    @property
    def wrong(self) -> tuple[FilledField, ...]:
        """The fields that something is wrong with."""
        return tuple(one for one in self.by_name.values() if one.problem)


def fill(
    sections: Sequence[Section], texts: Mapping[str, str], findings: Iterable[Finding] = ()
) -> FormView:
    """The form with a text in every field, and each finding where it belongs."""
    beside: dict[str, str] = {}
    elsewhere = []
    names = [one for section in sections for one in section.fields]
    for finding in findings:
        owner = _owner(finding.path, names)
        if owner is None:
            elsewhere.append(finding.message)
        else:
            beside.setdefault(owner.name, finding.message)
    filled = tuple(
        FilledSection(
            section=section,
            fields=tuple(
                FilledField(
                    field=one,
                    text=texts.get(one.name, one.default),
                    problem=beside.get(one.name, ""),
                )
                for one in section.fields
            ),
        )
        for section in sections
    )
    return FormView(
        sections=filled,
        problems=tuple(dict.fromkeys(elsewhere)),
        by_name={one.field.name: one for section in filled for one in section.fields},
    )


def _owner(path: str, fields: Sequence[Field]) -> Field | None:
    """The field that a path names, else the one it leads into."""
    exact = next((one for one in fields if path in (one.name, *one.also)), None)
    return exact or next((one for one in fields if _leads_into(path, one)), None)


def _leads_into(path: str, one: Field) -> bool:
    return any(path.startswith((f"{name}.", f"{name}[")) for name in (one.name, *one.also))


def posted_texts(sections: Sequence[Section], form: Form) -> dict[str, str]:
    """What was typed, by field."""
    return {one.name: form.text(one.name) for one in _fields(sections)}


def texts_of(sections: Sequence[Section], document: JSONObject) -> dict[str, str]:
    """What the fields show of a document."""
    return {
        one.name: one.show(_at(document, one.name), document)
        if one.show
        else _text(one, _at(document, one.name))
        for one in _fields(sections)
    }


def written(
    sections: Sequence[Section], document: JSONObject, texts: Mapping[str, str]
) -> tuple[JSONObject, list[Finding]]:
    """The document with what was typed in it; what could not be read is a finding."""
    findings = []
    for one in _fields(sections):
        if one.is_fixed:
            continue
        try:
            text = texts.get(one.name, "")
            value = one.read(text, texts) if one.read else _value(one, text)
        except Invalid as error:
            findings.append(Finding(one.name, error.message))
            continue
        document = _with(document, one.name.split("."), value)
    return document, findings


def _fields(sections: Sequence[Section]) -> Iterator[Field]:
    for section in sections:
        yield from section.fields


def _at(document: Any, name: str) -> Any:
    for part in name.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _text(one: Field, value: Any) -> str:
    if value is None:
        return one.default
    match one.kind:
        case Kind.CHECK:
            return "true" if value is True else ""
        case Kind.LINES:
            return "\n".join(str(line) for line in value) if isinstance(value, list) else ""
        case Kind.JSON:
            return json_text(value)
        case _:
            return clean(str(value))


def _value(one: Field, text: str) -> Any:
    """What a text stands for; None takes the place out of the document."""
    match one.kind:
        case Kind.CHECK:
            return text == "true"
        case Kind.LINES:
            return [line.strip() for line in text.split("\n") if line.strip()]
        case Kind.NUMBER:
            return whole(text.strip())
        case Kind.JSON:
            return json_value(text)
        case Kind.TEXT:
            return text if text.strip() else None
        case _:
            return " ".join(text.split()) or None


def whole(text: str) -> int | None:
    """A whole number that a JSON reader takes, None for nothing; raises `Invalid`."""
    if not text:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
        raise Invalid("Give a whole number.")
    return int(text)


def json_value(text: str) -> Any:
    """A JSON document, None for nothing; raises `Invalid`."""
    return read_any(text.encode(), max_bytes=_JSON_MAX_BYTES) if text.strip() else None


def _with(document: JSONObject, parts: Sequence[str], value: Any) -> JSONObject:
    first, *rest = parts
    changed = dict(document)
    if rest:
        inner = changed.get(first)
        deeper = _with(inner if isinstance(inner, dict) else {}, rest, value)
        if deeper or first in changed:
            changed[first] = deeper
    elif value is None:
        changed.pop(first, None)
    else:
        changed[first] = value
    return changed
