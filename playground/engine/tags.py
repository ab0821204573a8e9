"""The verbs of tags, the same for everything that can have some.

`RESOURCES` says for each type how to find out whether one is there; whoever deletes a resource
calls `store.tags.forget` in the same transaction.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from playground.engine.runtime import Runtime
from playground.model.definitions import MAX_NAME_CHARACTERS, Tag
from playground.model.errors import Finding, Invalid, InvalidFields, NotFound
from playground.model.tags import TAG_TYPES, ResourceType
from playground.store import (
    definitions,
    environment,
    event_handlers,
    human_tasks,
    schedules,
    secrets,
    tags,
    webhooks,
)
from tenants import keys
from tenants.caller import Caller
from tenants.database import Connection

MOST_TAGS: Final = 50
PAIR_MAX_BYTES: Final = 1_000
"""Key and value are part of an index entry, which has to fit on a third of a page."""


async def _is_workflow(connection: Connection, name: str) -> bool:
    return bool(await definitions.latest_versions(connection, [name]))


async def _is_task(connection: Connection, name: str) -> bool:
    return bool(await definitions.task_defs_named(connection, [name]))


async def _is_template(connection: Connection, name: str) -> bool:
    return bool(await human_tasks.templates(connection, name=name))


async def _is_application(connection: Connection, application_id: str) -> bool:
    return await keys.application(connection, application_id) is not None


async def _is_secret(connection: Connection, name: str) -> bool:
    return await secrets.one(connection, name) is not None


async def _is_environment_variable(connection: Connection, name: str) -> bool:
    return bool(await environment.named(connection, [name]))


async def _is_schedule(connection: Connection, name: str) -> bool:
    return await schedules.schedule(connection, name) is not None


async def _is_event_handler(connection: Connection, name: str) -> bool:
    return await event_handlers.handler(connection, name) is not None


async def _is_webhook(connection: Connection, webhook_id: str) -> bool:
    return await webhooks.webhook(connection, webhook_id) is not None


RESOURCES: Final[Mapping[ResourceType, Callable[[Connection, str], Awaitable[bool]]]] = (
    MappingProxyType(
        {
            ResourceType.WORKFLOW_DEF: _is_workflow,
            ResourceType.TASK_DEF: _is_task,
            ResourceType.APPLICATION: _is_application,
            ResourceType.USER_FORM_TEMPLATE: _is_template,
            ResourceType.SECRET_NAME: _is_secret,
            ResourceType.ENV_VARIABLE: _is_environment_variable,
            ResourceType.WORKFLOW_SCHEDULE: _is_schedule,
            ResourceType.EVENT_HANDLER: _is_event_handler,
            ResourceType.WEBHOOK: _is_webhook,
        }
    )
)


async def require(connection: Connection, kind: ResourceType, resource: str) -> None:
    """Raise `NotFound` unless there is such a resource in the bound namespace."""
    if not await RESOURCES[kind](connection, resource):
        raise NotFound(f"No such {kind.replace('_', ' ').lower()} found by name: {resource}")


async def add(
    rt: Runtime, caller: Caller, kind: ResourceType, resource: str, given: Sequence[Tag]
) -> None:
    """Add tags to what a resource has."""
    check(given)
    async with rt.unit_of_work(caller.namespace) as connection:
        await require(connection, kind, resource)
        await put(connection, caller.namespace, kind, resource, given)


async def replace_all(
    rt: Runtime, caller: Caller, kind: ResourceType, resource: str, given: Sequence[Tag]
) -> None:
    """Give a resource these tags and no others."""
    check(given)
    async with rt.unit_of_work(caller.namespace) as connection:
        await require(connection, kind, resource)
        await put(connection, caller.namespace, kind, resource, given, overwrite=True)


async def remove(
    rt: Runtime, caller: Caller, kind: ResourceType, resource: str, given: Sequence[Tag]
) -> int:
    """Take tags off; how many of them were there."""
    check(given)
    async with rt.unit_of_work(caller.namespace) as connection:
        await require(connection, kind, resource)
        removed = await tags.remove(connection, kind, resource, given)
        await _changed(connection, caller.namespace, kind)
    return removed


async def put(
    connection: Connection,
    namespace: str,
    kind: ResourceType,
    resource: str,
    given: Sequence[Tag],
    *,
    overwrite: bool = False,
) -> None:
    """Write tags that have been checked, inside the transaction of another verb."""
    if overwrite:
        await tags.forget(connection, kind, resource)
    await tags.add(connection, namespace, kind, resource, given)
    if await tags.count(connection, kind, resource) > MOST_TAGS:
        raise Invalid(f"One thing can have at most {MOST_TAGS} tags.")
    await _changed(connection, namespace, kind)


async def _changed(connection: Connection, namespace: str, kind: ResourceType) -> None:
    # A workflow's rate limit is a tag, and what processes keep of definitions may depend on it.
    if kind is ResourceType.WORKFLOW_DEF:
        await definitions.bump_revision(connection, namespace)


def check(given: Sequence[Tag]) -> None:
    """Raise `InvalidFields` with what is wrong with tags that somebody sent."""
    findings = [
        Finding(f"[{index}].{field}", f"{field}: {problem}", None)
        for index, tag in enumerate(given)
        for field, problem in _problems(tag)
    ]
    if len(given) > MOST_TAGS:
        findings.append(Finding("tags", f"tags: at most {MOST_TAGS} of them"))
    if findings:
        raise InvalidFields(findings, findings[0].message)


def _problems(tag: Tag) -> list[tuple[str, str]]:
    found = []
    if not tag.key.strip():
        found.append(("key", "is required"))
    elif len(tag.key) > MAX_NAME_CHARACTERS:
        found.append(("key", f"is longer than {MAX_NAME_CHARACTERS} characters"))
    if not isinstance(tag.value, str | int | float | bool):
        found.append(("value", "must be text, a number, true or false"))
    elif len(f"{tag.key}{json.dumps(tag.value, ensure_ascii=False)}".encode()) > PAIR_MAX_BYTES:
        found.append(("value", f"is too long: at most {PAIR_MAX_BYTES} bytes with its key"))
    if tag.type and tag.type not in TAG_TYPES:
        found.append(("type", f"must be one of {', '.join(TAG_TYPES)}"))
    return found
