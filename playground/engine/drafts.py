"""Looking at the text of a definition that nobody has registered yet, for those who write it.

The findings are those that registering would refuse it with, from the same functions, and what an
editor warns of besides, each with the line it stands in and the task it belongs to.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from playground.decider import Known, Severity, placed_tasks, unknown_fields, workflow_hints
from playground.engine import definitions_check, tags
from playground.engine.environment import supplied
from playground.engine.runtime import Runtime
from playground.model import json_places
from playground.model.definitions import WorkflowDef
from playground.model.errors import Finding, Invalid, InvalidFields, PayloadTooLarge
from playground.model.reading import read, read_any
from playground.store import definitions, environment, secrets
from tenants.caller import Caller


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A finding in a text. `ref` is the task it belongs to, "" for the workflow itself.

    `line` and `column` count from 1; `start` and `end` are characters of the text.
    """

    severity: Severity
    message: str
    path: str
    ref: str
    line: int
    column: int
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """`definition` is None where the text is none; then `notes` has one error that says why."""

    definition: WorkflowDef | None
    notes: tuple[Note, ...]

    @property
    def is_valid(self) -> bool:
        """Whether it could be registered as it is."""
        return self.definition is not None and not any(
            note.severity is Severity.ERROR for note in self.notes
        )


async def examine(rt: Runtime, caller: Caller, text: str) -> Draft:
    """The definition in `text` and everything to say about it; stores nothing."""
    try:
        document, definition = _read(text, caller.plan.payload_bytes)
    except _NotJSON as error:
        return Draft(definition=None, notes=(error.note,))
    except InvalidFields as error:
        places = json_places.places_of(text)
        found = [(Severity.ERROR, one.path, one.message) for one in error.findings]
        return Draft(definition=None, notes=_notes(text, places, {}, found))
    except PayloadTooLarge as error:
        return Draft(definition=None, notes=(_note_at(text, 0, 0, error.message),))
    findings = await definitions_check.findings(rt, caller.namespace, definition)
    findings += _tag_findings(definition)
    findings += definitions_check.rights_findings(caller, definition)
    hints = [
        *unknown_fields(document),
        *workflow_hints(definition, await known_in(rt, caller.namespace)),
    ]
    found = [(Severity.ERROR, one.path, one.message) for one in findings]
    found += [(one.severity, one.path, one.message) for one in hints]
    refs = {each.path: each.task.task_reference_name for each in placed_tasks(definition)[0]}
    places = json_places.places_of(text)
    return Draft(definition=definition, notes=_notes(text, places, refs, found))


async def known_in(rt: Runtime, namespace: str) -> Known:
    """What definitions of this namespace may name."""
    async with rt.reading(namespace) as connection:
        task_defs = await definitions.task_defs(connection)
        workflows = await definitions.workflow_names(connection)
        variables = await environment.every(connection)
        names = await secrets.names(connection)
    return Known(
        task_defs={one.name: one for one in task_defs},
        workflows=workflows,
        environment={*variables, *supplied(rt)},
        secrets=names,
    )


class _NotJSON(Exception):
    def __init__(self, note: Note) -> None:
        super().__init__(note.message)
        self.note = note


def _read(text: str, max_bytes: int) -> tuple[Any, WorkflowDef]:
    """The plain document and the definition; whatever the API refuses is refused."""
    body = text.encode()
    try:
        document = read_any(body, max_bytes=max_bytes)
    except (InvalidFields, PayloadTooLarge):
        raise
    except Invalid as error:
        raise _NotJSON(_syntax_note(text, error)) from None
    # `read` drops nulls from what it decodes, so it decodes once more.
    return document, read(body, WorkflowDef, max_bytes=max_bytes)


def _syntax_note(text: str, error: Invalid) -> Note:
    try:
        json.loads(text)
    except json.JSONDecodeError as wrong:
        return _note_at(text, wrong.pos, wrong.pos + 1, _plain_words(wrong, text))
    except RecursionError:
        pass
    return _note_at(text, 0, 0, error.message)


def _plain_words(wrong: json.JSONDecodeError, text: str) -> str:
    """What to do about it, where that is known."""
    if not text.strip():
        return "There is nothing here yet: a definition is a JSON object."
    if re.match(r"\s*[}\]]", text[wrong.pos :]) and text[: wrong.pos].rstrip().endswith(","):
        return "A comma too many before the closing bracket."
    return {
        "Expecting ',' delimiter": "A comma or a closing bracket is missing here.",
        "Expecting property name enclosed in double quotes": "A name in quotes belongs here.",
        "Expecting ':' delimiter": "A colon is missing here.",
        "Expecting value": "A value is missing here.",
        "Invalid control character at": "A text ends in its own line; write \\n for a new one.",
        "Extra data": "The document has ended before this.",
        "Unterminated string starting at": "The text that begins here does not end.",
        "Invalid \\escape": "A backslash in a text is written twice.",
    }.get(wrong.msg, f"This is not JSON: {wrong.msg}.")


def _tag_findings(definition: WorkflowDef) -> list[Finding]:
    try:
        tags.check(definition.tags or ())
    except InvalidFields as error:
        return [Finding(f"tags{one.path}", one.message) for one in error.findings]
    return []


def _notes(
    text: str,
    places: dict[str, json_places.Place],
    refs: dict[str, str],
    found: list[tuple[Severity, str, str]],
) -> tuple[Note, ...]:
    """Worst first, then as they stand in the text; the same thing is said once."""
    notes = []
    for severity, path, message in dict.fromkeys(found):
        place = json_places.nearest(places, "" if path == "body" else path)
        line, column = json_places.line_and_column(text, place.start)
        notes.append(
            Note(
                severity=severity,
                message=message,
                path=path,
                ref=_task_of(path, refs),
                line=line,
                column=column,
                start=place.start,
                end=place.end,
            )
        )
    order = list(Severity)
    return tuple(sorted(notes, key=lambda one: (order.index(one.severity), one.start)))


def _task_of(path: str, refs: dict[str, str]) -> str:
    """The reference of the innermost task that `path` leads into."""
    while path and path not in refs:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return refs.get(path, "")


def _note_at(text: str, start: int, end: int, message: str) -> Note:
    line, column = json_places.line_and_column(text, start)
    return Note(
        severity=Severity.ERROR,
        message=message,
        path="",
        ref="",
        line=line,
        column=column,
        start=min(start, len(text)),
        end=min(end, len(text)),
    )
