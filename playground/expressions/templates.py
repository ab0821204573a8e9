"""Parsing strings into literal text and `${…}` references, once per distinct string."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Reference:
    """One `${…}`: its source text and the path inside, itself a template when nested."""

    source: str
    path: "str | Template"


@dataclass(frozen=True, slots=True)
class Template:
    """A string in parts. `whole` is set when it is exactly one reference: its type is kept."""

    parts: tuple[str | Reference, ...]
    whole: Reference | None


@lru_cache(maxsize=8192)
def parse(text: str) -> Template:
    """Split at balanced `${…}`; `$${` is a literal `${`; unbalanced text stays as written."""
    parts: list[str | Reference] = []
    literal_from = position = 0
    while (found := text.find("${", position)) >= 0:
        if found > literal_from and text[found - 1] == "$":
            parts.append(text[literal_from : found - 1] + "${")
            literal_from = position = found + 2
            continue
        end = _closing_brace(text, found + 2)
        if end < 0:
            break
        if found > literal_from:
            parts.append(text[literal_from:found])
        parts.append(_reference(text[found : end + 1]))
        literal_from = position = end + 1
    if literal_from < len(text):
        parts.append(text[literal_from:])
    only = parts[0] if len(parts) == 1 else None
    return Template(tuple(parts), only if isinstance(only, Reference) else None)


def references(value: Any) -> Iterator[str]:
    """The path of every reference in every string of `value`, outer ones before inner ones.

    The path of a nested reference is its text, as in `t.output[${workflow.input.i}]`.
    """
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(reversed(item.values()))
        elif isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, str) and "${" in item:
            yield from _paths(parse(item))


def _paths(template: Template) -> Iterator[str]:
    for part in template.parts:
        if isinstance(part, Reference):
            yield part.source[2:-1].strip()
            if isinstance(part.path, Template):
                yield from _paths(part.path)


def _closing_brace(text: str, position: int) -> int:
    depth = 1
    for index in range(position, len(text)):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    return -1


_MAX_NESTING = 8


def _reference(source: str) -> Reference:
    inside = source[2:-1].strip()
    if "${" in inside and source.count("${") <= _MAX_NESTING:
        return Reference(source, parse(inside))
    return Reference(source, inside)
