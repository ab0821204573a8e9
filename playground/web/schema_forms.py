"""A form from a JSON Schema: a field for each property, in the order of the layout if there is one.

`templateUI` is a layout as JSON Forms writes them: elements with a `scope` such as
`#/properties/decision` and perhaps a `label`. Whatever a field cannot say is written as JSON.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from playground.model.definitions import JSONObject
from playground.model.errors import Invalid
from playground.web.fields import Field, Kind, Section

ANSWER: Final = "answer"
"""Where in the document of a form its fields are: their names are users', and may be any word."""
MOST_FIELDS: Final = 100
_LONG_TEXT: Final = 200
_CONTROLS: Final = {"date": "date", "email": "email", "uri": "url", "password": "password"}
_SCOPE: Final = re.compile(r"#/properties/([^/]+)$")
_WORD_END: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-.]+")


def form_sections(schema: JSONObject, layout: JSONObject) -> tuple[Section, ...]:
    """One section with the fields, at `answer` in the document; none where nothing is named."""
    properties = schema.get("properties")
    # Fields are places in a document, and a dot leads deeper: such a form is filled in as JSON.
    if not isinstance(properties, dict) or not properties or any("." in one for one in properties):
        return ()
    labels = dict(_laid_out(layout, 0))
    names = [name for name in labels if name in properties]
    names += [name for name in properties if name not in labels]
    required = schema.get("required")
    must = set(map(str, required)) if isinstance(required, list) else set()
    fields = tuple(
        _field(name, properties[name], labels.get(name, ""), is_required=name in must)
        for name in names[:MOST_FIELDS]
    )
    title = schema.get("title")
    return (Section(title=title if isinstance(title, str) and title else "Answer", fields=fields),)


def _laid_out(layout: Any, depth: int) -> Iterator[tuple[str, str]]:
    """Property and label of each control, in order."""
    if not isinstance(layout, dict) or depth > 10:
        return
    found = _SCOPE.search(str(layout.get("scope", "")))
    if found:
        label = layout.get("label")
        yield found[1], label if isinstance(label, str) else ""
    elements = layout.get("elements")
    for element in elements if isinstance(elements, list) else ():
        yield from _laid_out(element, depth + 1)


def _field(name: str, schema: Any, label: str, *, is_required: bool) -> Field:
    rules = schema if isinstance(schema, dict) else {}
    kind, choices, control = _kind(rules)
    title, hint = rules.get("title"), rules.get("description")
    default = rules.get("default")
    return Field(
        name=f"{ANSWER}.{name}",
        label=label or (title if isinstance(title, str) and title else said(name)),
        kind=kind,
        hint=hint if isinstance(hint, str) else "",
        choices=choices,
        control=control,
        required=is_required and kind in (Kind.LINE, Kind.NUMBER),
        default=str(default) if isinstance(default, str | int | float) else "",
        read=_number if rules.get("type") == "number" else _chooser(rules),
    )


def _kind(rules: Mapping[str, Any]) -> tuple[Kind, tuple[tuple[str, str], ...], str]:
    options = rules.get("enum")
    if isinstance(options, list) and all(isinstance(one, str | int | float) for one in options):
        return Kind.CHOICE, (("", "Choose…"), *((str(one), str(one)) for one in options)), ""
    match rules.get("type"):
        case "string":
            longest = rules.get("maxLength")
            if isinstance(longest, int) and longest > _LONG_TEXT:
                return Kind.TEXT, (), ""
            return Kind.LINE, (), _CONTROLS.get(str(rules.get("format", "")), "")
        case "integer":
            return Kind.NUMBER, (), ""
        case "number":
            return Kind.LINE, (), ""
        case "boolean":
            return Kind.CHECK, (), ""
        case "array" if rules.get("items", {}) == {"type": "string"}:
            return Kind.LINES, (), ""
        case _:
            return Kind.JSON, (), ""


def _number(text: str, _: object) -> float | int | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        raise Invalid("Give a number.") from None
    if value - value != 0.0:
        raise Invalid("Give a number.")
    return int(value) if value.is_integer() else value


def _chooser(rules: Mapping[str, Any]) -> Any:
    """Reads a choice as the value it stands for, which need not be text."""
    options = rules.get("enum")
    if not isinstance(options, list):
        return None
    by_text = {str(one): one for one in options}
    return lambda text, _: by_text.get(text)


def said(name: str) -> str:
    """`approvedBy` and `approved_by` as words: Approved by."""
    words = " ".join(part for part in _WORD_END.split(name) if part)
    return words[:1].upper() + words[1:].lower()
