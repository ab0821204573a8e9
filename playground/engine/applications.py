"""The verbs of applications and their access keys, for the API.

Nobody hands on more than they may do themselves: roles, and keys of applications that have them.
"""

from playground.engine.runtime import Runtime
from playground.model.errors import Finding, InvalidFields, NotFound
from playground.model.tags import ResourceType
from playground.store import tags
from tenants import keys, scopes
from tenants.caller import Caller
from tenants.database import Connection
from tenants.keys import AccessKey, Application, NewKey

NAME_MAX_CHARACTERS = 255


async def create(rt: Runtime, caller: Caller, name: str) -> Application:
    """An application without roles: its keys may do nothing yet."""
    _check(name)
    async with rt.unit_of_work(caller.namespace) as connection:
        return await keys.create_application(connection, caller, name)


async def rename(rt: Runtime, caller: Caller, application_id: str, name: str) -> Application:
    """Give it another name."""
    _check(name)
    async with rt.unit_of_work(caller.namespace) as connection:
        found = await _application(connection, application_id)
        await keys.update_application(
            connection, caller, application_id, name=name, roles=found.roles
        )
        return await _application(connection, application_id)


async def delete(rt: Runtime, caller: Caller, application_id: str) -> None:
    """Remove it with its keys and tags; their tokens stop working within a second."""
    async with rt.unit_of_work(caller.namespace) as connection:
        if not await keys.delete_application(connection, caller, application_id):
            raise _unknown(application_id)
        await tags.forget(connection, ResourceType.APPLICATION, application_id)


async def add_role(rt: Runtime, caller: Caller, application_id: str, role: str) -> Application:
    """Let its keys do what the role allows; again is no error."""
    if role not in scopes.ROLES:
        message = f"role: must be one of {', '.join(scopes.ROLES)}"
        raise InvalidFields([Finding("role", message, role[:50])], message)
    scopes.require_grantable(caller, (role,))
    async with rt.unit_of_work(caller.namespace) as connection:
        found = await _application(connection, application_id)
        roles = {*found.roles, role}
        await keys.update_application(
            connection, caller, application_id, name=found.name, roles=roles
        )
        return await _application(connection, application_id)


async def remove_role(rt: Runtime, caller: Caller, application_id: str, role: str) -> Application:
    """Take what the role allows from its keys; one it has not is no error."""
    async with rt.unit_of_work(caller.namespace) as connection:
        found = await _application(connection, application_id)
        roles = set(found.roles) - {role}
        await keys.update_application(
            connection, caller, application_id, name=found.name, roles=roles
        )
        return await _application(connection, application_id)


async def create_key(rt: Runtime, caller: Caller, application_id: str) -> NewKey:
    """A key with its secret, which nobody sees again."""
    async with rt.unit_of_work(caller.namespace) as connection:
        found = await _application(connection, application_id)
        scopes.require_grantable(caller, found.roles)
        key = await keys.create(connection, caller, application_id)
    if key is None:
        raise _unknown(application_id)
    return key


async def toggle_key(rt: Runtime, caller: Caller, application_id: str, key_id: str) -> AccessKey:
    """ACTIVE to INACTIVE or back."""
    async with rt.unit_of_work(caller.namespace) as connection:
        found = await _application(connection, application_id)
        scopes.require_grantable(caller, found.roles)
        key = await keys.toggle(connection, caller, application_id, key_id)
    if key is None:
        raise NotFound(f"No such access key: {key_id}")
    return key


async def delete_key(rt: Runtime, caller: Caller, application_id: str, key_id: str) -> None:
    """Revoke a key."""
    async with rt.unit_of_work(caller.namespace) as connection:
        if not await keys.revoke(connection, caller, application_id, key_id):
            raise NotFound(f"No such access key: {key_id}")


def _check(name: str) -> None:
    if not name.strip():
        raise InvalidFields([Finding("name", "name: is required")], "name: is required")
    if len(name) > NAME_MAX_CHARACTERS or not name.isprintable():
        message = f"name: at most {NAME_MAX_CHARACTERS} printable characters"
        raise InvalidFields([Finding("name", message, name[:50])], message)


async def _application(connection: Connection, application_id: str) -> Application:
    found = await keys.application(connection, application_id)
    if found is None:
        raise _unknown(application_id)
    return found


def _unknown(application_id: str) -> NotFound:
    return NotFound(f"No such application: {application_id}")
