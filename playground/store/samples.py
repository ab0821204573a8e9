"""What of the samples a namespace was given, and giving it: many definitions in few statements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Integer,
    Table,
    Text,
    any_,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.definitions import TaskDef, WorkflowDef
from playground.store.definitions import Author, body_of, workflow_of
from playground.store.tables import installed_samples, task_definitions, workflow_definitions
from tenants.database import Connection


@dataclass(frozen=True, slots=True)
class Installed:
    """One definition of a sample as it was written: `kind` is "workflow" or "task"."""

    kind: str
    name: str
    version: int
    digest: str


def _insert(table: Table, *constant: str) -> Any:
    """Rows from parallel arrays; the columns named in `constant` are the same in each."""
    varying = [one for one in table.c if one.name not in constant]
    given = (
        func.unnest(*(bindparam(f"{one.name}s", type_=ARRAY(_type(one))) for one in varying))
        .table_valued(*(column(one.name, _type(one)) for one in varying), name="given")
        .render_derived()
    )
    values = [
        bindparam(f"the_{one.name}", type_=_type(one))
        if one.name in constant
        else given.c[one.name]
        for one in table.c
    ]
    return upsert(table).from_select([one.name for one in table.c], select(*values))


def _type(of: Column[Any]) -> type[Text | Integer | BigInteger]:
    return type(of.type)  # type: ignore[return-value]


_AUDIT: Final = ("namespace", "create_time", "update_time", "created_by", "updated_by")
_INSTALLED: Final = select(installed_samples)
_NOTE: Final = _insert(installed_samples, "namespace")
_NOTE_ALL: Final = _NOTE.on_conflict_do_update(
    index_elements=["namespace", "kind", "name", "version"],
    set_={"digest": _NOTE.excluded.digest},
)
_PUT_WORKFLOWS: Final = _insert(workflow_definitions, *_AUDIT)
_WRITE_WORKFLOWS: Final = _PUT_WORKFLOWS.on_conflict_do_update(
    index_elements=["namespace", "name", "version"],
    set_={name: _PUT_WORKFLOWS.excluded[name] for name in ("body", "update_time", "updated_by")},
)
_PUT_TASKS: Final = _insert(task_definitions, *_AUDIT)
_WRITE_TASKS: Final = _PUT_TASKS.on_conflict_do_update(
    index_elements=["namespace", "name"],
    set_={name: _PUT_TASKS.excluded[name] for name in ("body", "update_time", "updated_by")},
)
_WORKFLOWS_NAMED: Final = select(workflow_definitions).where(
    workflow_definitions.c.name == any_(bindparam("names", type_=ARRAY(Text)))
)


async def installed(connection: Connection) -> dict[tuple[str, str, int], str]:
    """(kind, name, version) → digest of what was written there last."""
    found = await connection.all(_INSTALLED)
    return {(row["kind"], row["name"], row["version"]): row["digest"] for row in found}


async def note(connection: Connection, namespace: str, given: Sequence[Installed]) -> None:
    """Remember what a namespace was given."""
    await connection.run(
        _NOTE_ALL,
        the_namespace=namespace,
        kinds=[one.kind for one in given],
        names=[one.name for one in given],
        versions=[one.version for one in given],
        digests=[one.digest for one in given],
    )


async def workflows_named(
    connection: Connection, names: Iterable[str]
) -> dict[tuple[str, int], WorkflowDef]:
    """(name, version) → definition, for every registered version of these names."""
    rows = await connection.all(_WORKFLOWS_NAMED, names=sorted(set(names)))
    return {(row["name"], row["version"]): workflow_of(row) for row in rows}


async def write_workflows(connection: Connection, given: Sequence[WorkflowDef], by: Author) -> None:
    """Create or replace workflow definitions."""
    await connection.run(
        _WRITE_WORKFLOWS,
        names=[one.name for one in given],
        versions=[one.version for one in given],
        bodys=[body_of(one) for one in given],
        **_written(by),
    )


async def write_task_defs(connection: Connection, given: Sequence[TaskDef], by: Author) -> None:
    """Create or replace task definitions."""
    await connection.run(
        _WRITE_TASKS,
        names=[one.name for one in given],
        bodys=[body_of(one) for one in given],
        **_written(by),
    )


def _written(by: Author) -> dict[str, object]:
    return {
        "the_namespace": by.namespace,
        "the_create_time": by.now_ms,
        "the_update_time": by.now_ms,
        "the_created_by": by.name,
        "the_updated_by": by.name,
    }
