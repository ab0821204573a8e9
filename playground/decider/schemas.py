"""Payloads that have to follow a JSON Schema: the questions that ask, and what refusals say.

The sandbox validates: schemas are users' programs, and may take any time. `enforceSchema` is true
for workflows and false for task definitions unless they say otherwise. Only schemas of the type
JSON whose `data` was frozen into the definition are enforced; AVRO, PROTOBUF and references to what
is not registered are not. References to secrets are checked as they are stored.
"""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from playground.decider.draft import Draft
from playground.decider.questions import Answer, Evaluate
from playground.model.definitions import JSONObject, SchemaDef, TaskDef, WorkflowDef
from playground.model.errors import Finding

KIND: Final = "schema"
NO_TASK_ID: Final = "00000000-0000-0000-0000-000000000000"
"""In place of a task's own id where its input is checked: it is another one at each attempt."""

_encoder = msgspec.json.Encoder(order="deterministic")


def enforced(schema: SchemaDef | UnsetType, *, enforce: bool) -> SchemaDef | None:
    """The schema to hold a payload against, or None."""
    if not enforce or not schema or schema.type != "JSON" or schema.data is UNSET:
        return None
    return schema


def question(schema: SchemaDef, value: JSONObject, site: str = "") -> Evaluate:
    """Whether a value follows a schema; answered with `[pointer, message]` of each problem."""
    return Evaluate(KIND, _encoder.encode(schema.data).decode(), {"value": value}, site)


def findings(answer: Answer, where: str) -> list[Finding]:
    """What an answer holds against a payload that is called `where`; empty when it follows."""
    if answer.outcome != "OK":
        return [Finding(where, f"{where} could not be checked: {answer.message}")]
    return [
        Finding(f"{where}{path.replace('/', '.')}", f"{where}{path.replace('/', '.')}: {message}")
        for path, message in answer.value or ()
    ]


def refusal(draft: Draft, schema: SchemaDef | None, value: JSONObject, where: str) -> str | None:
    """Why a payload is refused, or None. Raises `Unanswered` until the sandbox has looked."""
    if schema is None:
        return None
    problems = findings(draft.answer(question(schema, value)), where)
    if not problems:
        return None
    return f"The {where} does not follow the schema {named(schema)}: " + "; ".join(
        problem.message for problem in problems
    )


def named(schema: SchemaDef) -> str:
    """How a schema is called in a sentence."""
    version = "" if schema.version is UNSET else f".{schema.version}"
    return f"{schema.name}{version}" if schema.name else "in its definition"


def input_refusal(draft: Draft, policy: TaskDef, value: JSONObject) -> str | None:
    """Why a task cannot be scheduled with this input."""
    schema = enforced(policy.input_schema, enforce=policy.enforce_schema)
    return refusal(draft, schema, value, "input")


def output_refusal(draft: Draft, policy: TaskDef, value: JSONObject) -> str | None:
    """Why a task's output is not taken."""
    schema = enforced(policy.output_schema, enforce=policy.enforce_schema)
    return refusal(draft, schema, value, "output")


def workflow_output_refusal(draft: Draft, definition: WorkflowDef, value: JSONObject) -> str | None:
    """Why an execution cannot complete with this output."""
    schema = enforced(definition.output_schema, enforce=definition.enforce_schema)
    return refusal(draft, schema, value, "output")
