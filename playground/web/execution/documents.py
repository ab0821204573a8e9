"""The tabs with the documents of an execution: input and output, variables, the whole as JSON."""

from dataclasses import dataclass
from typing import Any

import msgspec

from playground.store import queries
from playground.web.execution.opened import Opened, Reader
from playground.web.pages import size_text

LARGE_BYTES = 100_000
"""Payloads from here on are said to be large: every decision and every reader carries them."""

MOST_SHOWN_BYTES = 300_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload:
    """A document with its size as JSON."""

    value: Any
    size_bytes: int

    @property
    def is_large(self) -> bool:
        return self.size_bytes >= LARGE_BYTES


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentsView:
    input: Payload
    output: Payload


@dataclass(frozen=True, kw_only=True, slots=True)
class VariablesView:
    variables: Payload
    domains: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class JSONView:
    """`text` is "" where the whole is too large to show: it can still be downloaded."""

    text: str
    size: str


def payload(value: Any) -> Payload:
    return Payload(value=value, size_bytes=len(msgspec.json.encode(value)))


async def read(reader: Reader, opened: Opened) -> DocumentsView:
    return view_of(opened)


def view_of(opened: Opened) -> DocumentsView:
    return DocumentsView(
        input=payload(opened.execution.input), output=payload(opened.execution.output)
    )


async def read_variables(reader: Reader, opened: Opened) -> VariablesView:
    return variables_of(opened)


def variables_of(opened: Opened) -> VariablesView:
    execution = opened.execution
    return VariablesView(variables=payload(execution.variables), domains=execution.task_to_domain)


async def read_json(reader: Reader, opened: Opened) -> JSONView:
    whole = await queries.execution(reader.connection, opened.execution.workflow_id)
    return json_of(whole or opened.execution)


def json_of(document: msgspec.Struct) -> JSONView:
    encoded = msgspec.json.encode(document)
    fits = len(encoded) <= MOST_SHOWN_BYTES
    return JSONView(
        text=msgspec.json.format(encoded, indent=2).decode() if fits else "",
        size=size_text(len(encoded)),
    )
