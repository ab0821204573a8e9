"""A document about as its author wrote it: the wire form without what is at its default."""

from typing import Any

import msgspec

from playground.model.definitions import JSONObject


def compact(document: msgspec.Struct) -> JSONObject:
    """The wire form without what is at its default: about what its author wrote."""
    shown: JSONObject = {}
    for field in msgspec.structs.fields(document):
        value = getattr(document, field.name)
        if value is msgspec.UNSET:
            continue
        if field.name in _ALWAYS_SHOWN or value != _default(field):
            shown[field.encode_name] = _compact(value)
    return shown


_ALWAYS_SHOWN = frozenset({"name", "version", "tasks", "task_reference_name", "type"})


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _compact(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return compact(value)
    if isinstance(value, list):
        return [_compact(item) for item in value]
    if isinstance(value, dict):
        return {key: _compact(item) for key, item in value.items()}
    return value
