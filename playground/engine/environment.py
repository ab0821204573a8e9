"""The verbs of environment variables: values of a namespace, in clear, for its expressions.

The playground's own process environment is never among them. `SAMPLES_URL` is the playground's:
it says where the stand-ins of the sample workflows answer, everybody can read it and nobody can
change or delete it, so that samples run wherever this installation is.
"""

from typing import Final

from playground.engine.runtime import Runtime
from playground.engine.secrets import check_length, check_name
from playground.model.errors import Conflict, NotFound
from playground.model.tags import ResourceType
from playground.store import environment, tags
from playground.store.definitions import Author
from tenants import quotas
from tenants.caller import Caller

SAMPLES_URL: Final = "SAMPLES_URL"


def supplied(rt: Runtime) -> dict[str, str]:
    """What every namespace has without setting it."""
    return {SAMPLES_URL: rt.samples_url}


async def put(rt: Runtime, caller: Caller, name: str, value: str) -> None:
    """Create or change a variable. Tasks that have their input already keep it."""
    check_name(name)
    check_length(value)
    _refuse_supplied(rt, name)
    async with rt.unit_of_work(caller.namespace) as connection:
        by = Author(caller.namespace, caller.label, rt.now_ms())
        await environment.save(connection, name, value, by)
        if await environment.count(connection) > caller.plan.environment_variables:
            limit = caller.plan.environment_variables
            raise quotas.exceeded("environment_variables", limit)


async def delete(rt: Runtime, caller: Caller, name: str) -> str:
    """Delete a variable; returns the value it had. Raises `NotFound`."""
    _refuse_supplied(rt, name)
    async with rt.unit_of_work(caller.namespace) as connection:
        found = await environment.named(connection, [name])
        if name not in found:
            raise NotFound(f"No such environment variable found by name: {name}")
        await environment.remove(connection, name)
        await tags.forget(connection, ResourceType.ENV_VARIABLE, name)
    return found[name]


async def value_of(rt: Runtime, caller: Caller, name: str) -> str:
    """The value of a variable. Raises `NotFound`."""
    if (value := supplied(rt).get(name)) is not None:
        return value
    async with rt.reading(caller.namespace) as connection:
        found = await environment.named(connection, [name])
    if name not in found:
        raise NotFound(f"No such environment variable found by name: {name}")
    return found[name]


async def every(rt: Runtime, caller: Caller) -> dict[str, str]:
    """Name → value, by name."""
    async with rt.reading(caller.namespace) as connection:
        own = await environment.every(connection)
    return dict(sorted({**own, **supplied(rt)}.items()))


def _refuse_supplied(rt: Runtime, name: str) -> None:
    if name in supplied(rt):
        raise Conflict(f"{name} is supplied by the playground and cannot be changed.")
