"""`/api/playground/metadata/workflow/check`: what the editor says of a text, for programs.

Conductor's own `validate` answers 200 or 400; here every finding comes with its line and its task,
and warnings and hints beside what is refused. The text need not even be JSON.
"""

from dataclasses import asdict
from typing import Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json
from playground.api.bodies import read_text
from playground.api.endpoint import Content, Endpoint
from playground.engine import drafts
from playground.engine.drafts import Note


class DefinitionNote(Struct, frozen=True, kw_only=True, rename="camel"):
    """`line` and `column` count from 1, `start` and `end` characters of the text from 0."""

    severity: Literal["error", "warning", "hint"]
    message: str
    path: str
    task_reference_name: str
    """The task it belongs to, "" for the workflow itself."""
    line: int
    column: int
    start: int
    end: int


class DefinitionCheck(Struct, frozen=True, kw_only=True, rename="camel"):
    """`valid` says whether it could be registered as it is; the worst notes come first."""

    valid: bool
    notes: list[DefinitionNote]


async def check_workflow_text(request: Request) -> Response:
    """Every finding in the text of a definition, with its line; stores nothing."""
    text = await read_text(request)
    draft = await drafts.examine(request.state.runtime, request.state.caller, text)
    notes = [_wire_note(note) for note in draft.notes]
    return as_json(DefinitionCheck(valid=draft.is_valid, notes=notes))


def _wire_note(note: Note) -> DefinitionNote:
    fields = asdict(note) | {"severity": note.severity.value}
    return DefinitionNote(task_reference_name=fields.pop("ref"), **fields)


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/playground/metadata/workflow/check",
        handler=check_workflow_text,
        scope="metadata:read",
        summary="Everything to say about the text of a definition, each with line and task",
        body=Content.TEXT,
        body_required=False,
        answers={200: DefinitionCheck},
    ),
)
