"""The rate limit of a workflow by its name: a tag of type RATE_LIMIT, for all its versions.

It stands above the `rateLimitConfig` of a definition, whose policy it keeps.
"""

from msgspec.structs import replace

from playground.decider.run_limits import rate_limit_config
from playground.engine import tags
from playground.engine.runtime import Runtime
from playground.model.definitions import (
    MAX_NAME_CHARACTERS,
    RateLimitConfig,
    Tag,
    WorkflowDef,
)
from playground.model.errors import Finding, InvalidFields
from playground.model.tags import ResourceType
from playground.store import definitions
from playground.store import tags as stored
from tenants.caller import Caller
from tenants.database import Connection

_KIND = ResourceType.WORKFLOW_DEF
_TYPE = "RATE_LIMIT"


async def limited(connection: Connection, definition: WorkflowDef) -> WorkflowDef:
    """A registered definition with the limit that its name has."""
    given = await stored.of(connection, _KIND, definition.name)
    config = rate_limit_config(replace(definition, tags=given))
    return definition if config is None else replace(definition, rate_limit_config=config)


async def rate_limit(connection: Connection, name: str) -> RateLimitConfig | None:
    """What a start of the latest version falls under. Raises `NotFound` for no such workflow."""
    await tags.require(connection, _KIND, name)
    definition = await definitions.workflow(connection, name, None)
    return rate_limit_config(await limited(connection, definition)) if definition else None


async def put(rt: Runtime, caller: Caller, name: str, given: RateLimitConfig) -> None:
    """Limit a workflow, in place of the limit its name had."""
    tag = Tag(key=given.rate_limit_key, value=given.concurrent_exec_limit, type=_TYPE)
    async with rt.unit_of_work(caller.namespace) as connection:
        # First, so that of two at once the later one finds what the earlier one wrote.
        await definitions.bump_revision(connection, caller.namespace)
        own = await rate_limit(connection, name)
        _check(given, rejects=own is not None and own.policy == "REJECT")
        await _take_off(connection, name, tag)
        await tags.put(connection, caller.namespace, _KIND, name, [tag])


async def remove(rt: Runtime, caller: Caller, name: str) -> None:
    """Take the limit off the name; one that is part of a definition stays with that."""
    async with rt.unit_of_work(caller.namespace) as connection:
        await definitions.bump_revision(connection, caller.namespace)
        await tags.require(connection, _KIND, name)
        await _take_off(connection, name)


async def _take_off(connection: Connection, name: str, also: Tag | None = None) -> None:
    pair = (also.key, also.value) if also else None
    old = [
        tag
        for tag in await stored.of(connection, _KIND, name)
        if tag.type == _TYPE or (tag.key, tag.value) == pair
    ]
    await stored.remove(connection, _KIND, name, old)


def _check(given: RateLimitConfig, *, rejects: bool) -> None:
    found = []
    key, limit = given.rate_limit_key, given.concurrent_exec_limit
    if not key.strip():
        found.append(("rateLimitKey", "is required"))
    elif len(key) > MAX_NAME_CHARACTERS or len(f"{key}{limit}".encode()) > tags.PAIR_MAX_BYTES:
        found.append(("rateLimitKey", f"is longer than {MAX_NAME_CHARACTERS} characters"))
    if limit < 1:
        found.append(("concurrentExecLimit", "must be at least 1"))
    if given.policy not in ("QUEUE", "REJECT"):
        found.append(("policy", "must be one of QUEUE, REJECT"))
    elif given.policy == "REJECT" and not rejects:
        found.append(("policy", "REJECT is said in the rateLimitConfig of the definition"))
    if found:
        raise InvalidFields(
            [Finding(field, f"{field}: {problem}", None) for field, problem in found],
            f"{found[0][0]}: {found[0][1]}",
        )
