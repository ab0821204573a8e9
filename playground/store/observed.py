"""What past executions of a workflow really had in them: for completion in the editor."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, func, select

from playground.store.masking import mask_across_definitions
from playground.store.tables import executions, tasks
from tenants.database import Connection

_LARGEST_BYTES: Final = 65_536
_MOST_TASKS: Final = 300
_e, _t = executions.c, tasks.c

_NEWEST: Final = (
    select(_e.id, _e.input)
    .where(_e.name == bindparam("of_name"), func.octet_length(_e.input) < _LARGEST_BYTES)
    .order_by(_e.start_time.desc())
    .limit(bindparam("most"))
)
_OUTPUTS: Final = (
    select(_t.ref, _t.output)
    .where(
        _t.execution_id == bindparam("of_execution"),
        func.octet_length(_t.output).between(3, _LARGEST_BYTES),
    )
    .order_by(_t.seq)
    .limit(_MOST_TASKS)
)


@dataclass(frozen=True, slots=True)
class Observed:
    """Inputs of executions, and reference name (without the iteration) → outputs, newest first."""

    inputs: list[Any]
    outputs: dict[str, list[Any]]


async def of_workflow(connection: Connection, name: str, *, most: int = 3) -> Observed:
    """From the newest executions of any version; large payloads are left out."""
    mask = await mask_across_definitions(connection)

    def read(stored: str) -> Any:
        document = msgspec.json.decode(stored)
        masked = mask is not None and isinstance(document, dict)
        return mask.document(stored, document) if mask and masked else document

    inputs: list[Any] = []
    outputs: dict[str, list[Any]] = {}
    for row in await connection.all(_NEWEST, of_name=name, most=most):
        inputs.append(read(row["input"]))
        for task in await connection.all(_OUTPUTS, of_execution=row["id"]):
            ref = task["ref"].partition("__")[0]
            outputs.setdefault(ref, []).append(read(task["output"]))
    return Observed(inputs, outputs)
