"""What is different between two JSON documents, as a list of places."""

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from playground.model.definitions import JSONObject

MOST_CHANGES = 200
_LONGEST = 2_000
_DEEPEST = 60


class Kind(StrEnum):
    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"


class Change(Struct, frozen=True, kw_only=True, rename="camel"):
    """One place that differs. `path` is as in `items[2].price`, "" for the whole document.

    A value of more than two thousand characters is given as the beginning of its JSON text.
    """

    path: str
    kind: Kind
    left: Any = UNSET
    right: Any = UNSET


def changes(left: Any, right: Any, most: int = MOST_CHANGES) -> list[Change]:
    """The first `most` places at which the documents differ, in the order of the left one.

    Lists are compared place by place, except that tasks of a definition are found by their
    reference name: one that was put in between changes nothing behind it.
    """
    return list(islice(_changes("", left, right, 0), most))


def _changes(path: str, left: Any, right: Any, depth: int) -> Iterator[Change]:
    if left is right:
        return
    if depth < _DEEPEST and isinstance(left, dict) and isinstance(right, dict):
        yield from _members(path, left, right, depth)
    elif depth < _DEEPEST and isinstance(left, list) and isinstance(right, list):
        ours, theirs = _by_reference(left), _by_reference(right)
        if ours is not None and theirs is not None:
            yield from _members(path, ours, theirs, depth)
        else:
            yield from _items(path, left, right, depth)
    elif left != right or isinstance(left, bool) is not isinstance(right, bool):
        yield Change(path=path, kind=Kind.CHANGED, left=_shown(left), right=_shown(right))


def _members(path: str, left: JSONObject, right: JSONObject, depth: int) -> Iterator[Change]:
    for key, value in left.items():
        here = _member_path(path, key)
        if key in right:
            yield from _changes(here, value, right[key], depth + 1)
        else:
            yield Change(path=here, kind=Kind.REMOVED, left=_shown(value))
    for key, value in right.items():
        if key not in left:
            yield Change(path=_member_path(path, key), kind=Kind.ADDED, right=_shown(value))


def _items(path: str, left: list[Any], right: list[Any], depth: int) -> Iterator[Change]:
    for at, (one, other) in enumerate(zip(left, right, strict=False)):
        yield from _changes(f"{path}[{at}]", one, other, depth + 1)
    for at in range(len(right), len(left)):
        yield Change(path=f"{path}[{at}]", kind=Kind.REMOVED, left=_shown(left[at]))
    for at in range(len(left), len(right)):
        yield Change(path=f"{path}[{at}]", kind=Kind.ADDED, right=_shown(right[at]))


def _by_reference(items: list[Any]) -> dict[str, Any] | None:
    """Tasks by their reference names; None where the list is no list of tasks."""
    found = {}
    for item in items:
        ref = item.get("taskReferenceName") if isinstance(item, dict) else None
        if not isinstance(ref, str) or ref in found:
            return None
        found[ref] = item
    return found


def _member_path(path: str, key: str) -> str:
    if key and key.replace("_", "a").isalnum() and not key[0].isdigit():
        return f"{path}.{key}" if path else key
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"{path}['{quoted}']"


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
    if not isinstance(value, dict | list):
        return value
    text = msgspec.json.encode(value)
    return value if len(text) <= _LONGEST else f"{text[:_LONGEST].decode(errors='ignore')}…"
