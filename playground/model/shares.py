"""What people share by link: a definition with an input, or a recorded run.

A share is a copy, made when it is shared: it changes no more, and lives on when the original is
gone. Its id follows from whose it is and what is in it, so sharing the same thing twice gives the
same link. `without_private` takes out of the copy what is nobody else's business.
"""

import hashlib
import re
from base64 import b32encode
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from playground.model.definitions import Count, JSONObject, Name, TaskDef, WorkflowDef
from playground.model.execution import Execution, Task

MASK: Final = "***"
ID_CHARACTERS: Final = 16
_PLAIN_HEADERS: Final = frozenset(
    {"accept", "accept-language", "content-type", "content-length", "date", "user-agent"}
)
_TELLING: Final = re.compile(
    r"(?i)passw|secret|credential|authorization|cookie|private_?key|api[-_]?key|"
    r"(?:access|auth|bearer|refresh|id|csrf|session)[-_]?token|^token$"
)


_Document = TypeVar("_Document", WorkflowDef, Execution)


class ShareKind(StrEnum):
    DEFINITION = "DEFINITION"
    EXECUTION = "EXECUTION"


class Share(Struct, frozen=True, kw_only=True, rename="camel"):
    """`name` and `version` of the workflow. A `listed` one is on its owner's public page."""

    id: str
    kind: ShareKind
    name: str
    version: int
    title: str = ""
    listed: bool = False
    author: str = ""
    create_time: int = 0


class SharedContent(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is behind the link. A shared run has its own input."""

    definition: WorkflowDef
    task_defs: list[TaskDef] = []
    """The policies of its tasks, where they have some."""
    input: JSONObject = {}
    execution: Execution | UnsetType = UNSET


class ShareRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    """What to share: an execution by `workflow_id`, else a definition by `name` (the newest
    version without `version`) with an example `input`."""

    workflow_id: Name = ""
    name: Name = ""
    version: Count | UnsetType = UNSET
    input: JSONObject = {}
    title: str = ""
    listed: bool = False


def share_id(namespace: str, content: SharedContent) -> str:
    """Sixteen letters and digits that follow from whose it is and what is in it."""
    body = msgspec.json.encode([namespace, content], order="deterministic")
    return b32encode(hashlib.sha256(body).digest()).decode().lower()[:ID_CHARACTERS]


def without_private(content: SharedContent) -> SharedContent:
    """The content without people, machines, headers and what looks like a secret."""
    execution = content.execution
    return SharedContent(
        definition=_masked_as(WorkflowDef, _impersonal(content.definition)),
        task_defs=[_unowned(one) for one in content.task_defs],
        input=_masked(content.input),
        execution=UNSET if execution is UNSET else _masked_as(Execution, _plain_run(execution)),
    )


def _impersonal(definition: WorkflowDef) -> WorkflowDef:
    return replace(
        definition,
        owner_email=UNSET,
        owner_app=UNSET,
        created_by=UNSET,
        updated_by=UNSET,
        create_time=0,
        update_time=0,
        tags=UNSET,
        metadata={},
    )


def _unowned(policy: TaskDef) -> TaskDef:
    return replace(
        policy,
        owner_email=UNSET,
        owner_app=UNSET,
        created_by=UNSET,
        updated_by=UNSET,
        create_time=0,
        update_time=0,
    )


def _plain_run(execution: Execution) -> Execution:
    return replace(
        execution,
        created_by=UNSET,
        updated_by=UNSET,
        owner_app=UNSET,
        idempotency_key=UNSET,
        workflow_definition=UNSET,
        external_input_payload_storage_path=UNSET,
        external_output_payload_storage_path=UNSET,
        history=[],
        tasks=[_plain_task(task) for task in execution.tasks],
    )


def _plain_task(task: Task) -> Task:
    return replace(
        task,
        worker_id=UNSET,
        task_definition=UNSET,
        external_input_payload_storage_path=UNSET,
        external_output_payload_storage_path=UNSET,
        runtime_metadata=UNSET,
    )


def _masked_as(kind: type[_Document], document: _Document) -> _Document:
    return msgspec.convert(_masked(msgspec.to_builtins(document)), kind)


def _masked(value: Any, *, is_headers: bool = False) -> Any:
    if isinstance(value, list):
        return [_masked(one, is_headers=is_headers) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: _masked_field(name, one, is_headers) for name, one in value.items()}


def _masked_field(name: str, value: Any, is_headers: bool) -> Any:
    tells = _TELLING.search(name) or (is_headers and name.lower() not in _PLAIN_HEADERS)
    if tells and _is_plain(value):
        return MASK
    return _masked(value, is_headers=name.lower() == "headers")


def _is_plain(value: Any) -> bool:
    """A value that is written out; a reference to one says nothing."""
    if isinstance(value, list):
        return all(isinstance(one, str) for one in value)
    return isinstance(value, str) and value != "" and "${" not in value
