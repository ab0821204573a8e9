"""The last moment before work leaves the engine: `${workflow.secrets.NAME}` becomes the secret.

Stored rows hold the reference, never the value. Where tasks are claimed, their inputs are looked
over; if one mentions secrets, all that the batch needs is read, still sealed, with one query of
the transaction that claims (a claim whose secrets cannot be read is not committed). They are
opened and put in afterwards, in memory, for workers that poll and for our own executors.

Tasks of the engine itself (SUB_WORKFLOW, START_WORKFLOW, EVENT …) and of the decider keep the
reference: what they are given is stored again, and resolves where it is handed off at last.
`runtimeMetadata` of a task definition is filled here too, for workers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from playground.expressions import resolve_secrets, secret_names
from playground.model.execution import Task
from playground.store import environment, secrets
from tenants.database import Connection
from tenants.sealing import Keyring


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the tasks of a batch need: sealed secrets by namespace and name, variables by name."""

    sealed: Mapping[tuple[str, str], bytes]
    variables: Mapping[str, str]


async def read_wanted(
    connection: Connection, tasks: Sequence[tuple[str, Task]], *, for_workers: bool
) -> Wanted | None:
    """What (namespace, task) pairs need, read with at most one query of each kind.

    None when they need nothing: then no query is made. Variables are only read for workers, who
    are all of one namespace.
    """
    names = {
        (namespace, name)
        for namespace, task in tasks
        if mentions_secrets(task)
        for name in secret_names(task.input_data)
    }
    metadata = {name for _, task in tasks for name in metadata_names(task)} if for_workers else ()
    names |= {(namespace, name) for namespace, _ in tasks[:1] for name in metadata}
    if not names:
        return None
    return Wanted(
        await secrets.named(connection, names),
        await environment.named(connection, metadata) if metadata else {},
    )


def filled(
    keyring: Keyring, tasks: Iterable[tuple[str, Task]], wanted: Wanted | None
) -> list[Task]:
    """The tasks as they are handed out: a secret that is missing reads as null, or as nothing
    inside a longer text. What is returned is never stored."""
    if wanted is None:
        return [task for _, task in tasks]
    opened = {key: _opened(keyring, key, sealed) for key, sealed in wanted.sealed.items()}
    return [_filled(namespace, task, opened, wanted.variables) for namespace, task in tasks]


def mentions_secrets(task: Task) -> bool:
    """Whether it may need a secret. Encoding anew and looking once is cheaper than a walk."""
    return bool(task.input_data) and b"secrets" in msgspec.json.encode(task.input_data)


def _opened(keyring: Keyring, key: tuple[str, str], sealed: bytes) -> str | None:
    return keyring.open_or_none(sealed, place=secrets.place_of(*key))


def _filled(
    namespace: str,
    task: Task,
    opened: Mapping[tuple[str, str], str | None],
    variables: Mapping[str, str],
) -> Task:
    own = {
        name: value
        for (owner, name), value in opened.items()
        if owner == namespace and value is not None
    }
    metadata = {
        name: value
        for name in metadata_names(task)
        if (value := own.get(name, variables.get(name))) is not None
    }
    given = resolve_secrets(task.input_data, own) if mentions_secrets(task) else task.input_data
    return replace(task, input_data=given, runtime_metadata=metadata or UNSET)


def metadata_names(task: Task) -> Sequence[str]:
    """What its definition wants a worker to be told beside the input."""
    definition = task.workflow_task.task_definition if task.workflow_task else UNSET
    return definition.runtime_metadata if definition else ()
