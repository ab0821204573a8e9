"""`${workflow.secrets.NAME}`: kept in stored inputs, resolved only when a task is handed out.

What a definition refers to stays as it is written; everything else that looks like such a
reference is kept escaped (`$${`), whatever way it came: it is handed out as the text it is.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from playground.expressions.java_text import java_text
from playground.expressions.paths import Key, compile_path, json_member
from playground.expressions.templates import Reference, Template, parse, references

_WORD = "secrets"
_OPENING = re.compile(r"(?<!\$)\$\{")


def secret_names(value: Any) -> Iterator[str]:
    """The name of every secret that `value` asks for, possibly repeated."""
    for path in references(value):
        keys = _secret_keys(path)
        if keys is not None:
            yield str(keys[0])


def resolve_secrets(value: Any, secrets: Mapping[str, str]) -> Any:
    """`value` with secrets put in; every other reference stays as it is.

    A missing secret is None when it is the whole string and empty inside a longer one.
    `NAME.path` reads the secret as JSON.
    """
    if isinstance(value, str):
        return _text(value, secrets) if "${" in value else value
    if isinstance(value, dict):
        return {key: resolve_secrets(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve_secrets(item, secrets) for item in value]
    return value


def without_references(value: Any) -> Any:
    """`value`, which came from outside, so that nothing in it asks for a secret.

    Only a definition may: an answer over HTTP, a worker's result or a webhook's payload that holds
    `${workflow.secrets.NAME}` would else be given the secret wherever it is handed on. Texts with
    such a reference are kept escaped (`$${`); everything else is returned as it is.
    """
    if isinstance(value, str):
        return _escaped(value)
    if not value or _WORD.encode() not in msgspec.json.encode(value):
        return value
    return _escaped(value)


def kept_apart(pieces: Sequence[str], stays: Collection[int]) -> str:
    """The pieces as one text, in which those at `stays` alone may ask for a secret.

    Two values side by side, `$` and `{workflow.secrets.NAME}`, would else become a reference.
    """
    text = "".join(pieces)
    if _WORD not in text or "${" not in text:
        return text
    parts: list[str] = []
    run: list[str] = []
    for position, piece in enumerate(pieces):
        if position in stays:
            parts += (_OPENING.sub("$${", "".join(run)), piece)
            run = []
        else:
            run.append(piece)
    return "".join((*parts, _OPENING.sub("$${", "".join(run))))


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return _OPENING.sub("$${", value) if _WORD in value else value
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return value


def _text(text: str, secrets: Mapping[str, str]) -> Any:
    if _WORD not in text:
        return text
    template = parse(text)
    if template.whole is not None:
        return _secret(template.whole, secrets, whole=True)
    return _interpolated(template, secrets)


def _interpolated(template: Template, secrets: Mapping[str, str]) -> str:
    return "".join(
        part if isinstance(part, str) else str(_secret(part, secrets, whole=False))
        for part in template.parts
    )


def _secret(part: Reference, secrets: Mapping[str, str], *, whole: bool) -> Any:
    keys = _secret_keys(part.path) if isinstance(part.path, str) else None
    if keys is None:
        return part.source
    value = json_member(secrets.get(str(keys[0])), keys[1:])
    if whole:
        return value
    return "" if value is None else java_text(value)


def _secret_keys(path_text: str) -> tuple[Key, ...] | None:
    path = compile_path(path_text)
    if path is None or path.root != "workflow" or path.keys[:1] != ("secrets",):
        return None
    return path.keys[1:] or None
