"""What a webhook's delivery does: workflows to start, and tasks that wait for just that payload."""

from functools import partial
from typing import Any, Final

import msgspec
from msgspec import UNSET

from playground.decider import ExecutionView, Input, Result
from playground.decider.event_handlers import evaluated
from playground.decider.webhook_matches import is_match
from playground.engine.event_actions import Change, Start, Step, Work
from playground.engine.runtime import Runtime
from playground.engine.webhooks import IDEMPOTENCY_FIELDS
from playground.expressions import java_text
from playground.model.definitions import MAX_NAME_CHARACTERS, JSONObject
from playground.model.errors import Invalid
from playground.model.requests import (
    IdempotencyStrategy,
    ResultStatus,
    StartWorkflowRequest,
    TaskResult,
)
from playground.model.webhooks import WebhookConfig
from playground.store import webhooks
from playground.store.event_messages import Message
from playground.store.webhooks import WaitingTask

_PAGE: Final = 200


async def steps(rt: Runtime, message: Message) -> list[Step] | None:
    """What a delivery leads to; None when its webhook was removed."""
    async with rt.reading(message.namespace) as connection:
        stored = await webhooks.webhook(connection, message.target)
    if stored is None:
        return None
    config = msgspec.json.decode(stored.body, type=WebhookConfig)
    payload = message.document()
    return [
        *_starts(config, message, payload),
        *await _completions(rt, config, message, payload),
    ]


def _as_map(payload: Any) -> JSONObject:
    """Inputs and outputs are maps; SendGrid delivers lists."""
    return payload if isinstance(payload, dict) else {"payload": payload}


def _starts(config: WebhookConfig, message: Message, payload: Any) -> list[Step]:
    names = [name for name in config.workflows_to_start if name not in IDEMPOTENCY_FIELDS]
    return [
        Step(
            message.target,
            f"{message.id}_{index}",
            "start_workflow",
            f"webhook:{config.name}",
            partial(_start, config=config, name=name, payload=payload),
        )
        for index, name in enumerate(names)
    ]


async def _start(
    _: Runtime, max_bytes: int, *, config: WebhookConfig, name: str, payload: Any
) -> Work:
    given = _as_map(payload)
    key = config.workflows_to_start.get("idempotencyKey")
    if key:
        key = java_text(evaluated(key, {"workflow": {"input": given}}, max_bytes))
        if len(key) > MAX_NAME_CHARACTERS:
            raise Invalid(f"idempotencyKey is longer than {MAX_NAME_CHARACTERS} characters.")
    strategy = config.workflows_to_start.get("idempotencyStrategy")
    version = config.workflows_to_start[name]
    return Start(
        StartWorkflowRequest(
            name=name,
            version=version or UNSET,
            input=given,
            idempotency_key=key or UNSET,
            idempotency_strategy=IdempotencyStrategy(strategy) if strategy else UNSET,
        )
    )


async def _completions(
    rt: Runtime, config: WebhookConfig, message: Message, payload: Any
) -> list[Step]:
    """Tasks that waited before the delivery came: one begun since waits for the next."""
    receivers = config.receiver_workflow_names_to_versions
    found: list[Step] = []
    after = ("", "")
    while receivers:
        async with rt.reading(message.namespace) as connection:
            page = await webhooks.waiting_tasks(
                connection,
                list(receivers),
                until_ms=message.created_at,
                after=after,
                most=_PAGE,
            )
        found += [
            _completion(config, message, task, payload)
            for task in page
            if receivers[task.workflow_name] in (None, 0, task.workflow_version)
            and is_match(msgspec.json.decode(task.input), payload)
        ]
        if len(page) < _PAGE:
            break
        after = (page[-1].execution_id, page[-1].id)
    return found


def _completion(config: WebhookConfig, message: Message, task: WaitingTask, payload: Any) -> Step:
    return Step(
        message.target,
        f"{message.id}_{task.id}",
        "complete_task",
        f"webhook:{config.name}",
        partial(_complete, task=task, payload=payload),
    )


async def _complete(_: Runtime, __: int, *, task: WaitingTask, payload: Any) -> Work:
    result = TaskResult(
        workflow_instance_id=task.execution_id,
        task_id=task.id,
        status=ResultStatus.COMPLETED,
        output_data=_as_map(payload),
    )

    def find(_: ExecutionView) -> tuple[Input, ...]:
        return (Result(result),)

    return Change(
        task.execution_id,
        find,
        {"workflowId": task.execution_id, "taskId": task.id},
        f"No workflow found with ID: {task.execution_id}",
    )
