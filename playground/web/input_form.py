"""A form out of an input schema: one field for each plain property, typed as the schema says.

What is deeper than a text, a number, a tick or a choice stays in the JSON beside the fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from playground.model.definitions import JSONObject, WorkflowDef
from playground.model.errors import Invalid
from playground.web.forms import Form

PREFIX: Final = "input."
"""Names of the fields begin with it, so that no property can take another field's name."""

MOST_FIELDS: Final = 60
_KINDS: Final = {"string": "text", "integer": "integer", "number": "number", "boolean": "tick"}


@dataclass(frozen=True, kw_only=True, slots=True)
class InputField:
    """`kind` is text, integer, number, tick or choice; `options` are the choices as text."""

    name: str
    label: str
    kind: str
    value: str
    hint: str
    required: bool
    options: tuple[str, ...] = ()


def fields_of(definition: WorkflowDef, given: Mapping[str, Any]) -> tuple[InputField, ...]:
    """The fields for the definition's schema, filled from `given`; none without a schema."""
    schema = definition.input_schema
    data = schema.data if schema else None
    properties = data.get("properties") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(properties, dict):
        return ()
    required = data.get("required")
    names = required if isinstance(required, list) else []
    found = (
        _field(name, one, given.get(name, one.get("default")), required=name in names)
        for name, one in properties.items()
        if isinstance(one, dict)
    )
    return tuple(field for field in found if field)[:MOST_FIELDS]


def _field(
    name: str, schema: Mapping[str, Any], value: object, *, required: bool
) -> InputField | None:
    choices = schema.get("enum")
    is_choice = isinstance(choices, list) and all(isinstance(one, str) for one in choices)
    kind = "choice" if is_choice else _KINDS.get(str(schema.get("type")))
    if kind is None:
        return None
    return InputField(
        name=name,
        label=str(schema.get("title") or name),
        kind=kind,
        value=_shown(value),
        hint=str(schema.get("description") or ""),
        required=required,
        options=tuple(choices) if is_choice and isinstance(choices, list) else (),
    )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value) if isinstance(value, str | int | float) else ""


def rest_of(given: JSONObject, fields: Sequence[InputField]) -> JSONObject:
    """What no field shows."""
    shown = {field.name for field in fields}
    return {name: value for name, value in given.items() if name not in shown}


def filled_in(form: Form, fields: Sequence[InputField]) -> JSONObject:
    """What the fields say; an empty one is left out. Raises `Invalid` for what is no number."""
    said = {field.name: _read(field, form.text(PREFIX + field.name)) for field in fields}
    return {name: value for name, value in said.items() if value is not None}


def _read(field: InputField, text: str) -> object:
    if field.kind == "tick":
        return bool(text)
    if text == "":
        return None
    if field.kind in ("text", "choice"):
        return text
    try:
        return int(text) if field.kind == "integer" else float(text)
    except ValueError:
        raise Invalid(f"{field.label}: {text[:40]} is not a number.") from None
