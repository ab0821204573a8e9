"""`playground key create --as NAME`: an access key without a browser, for scripts and SDKs.

The person is the one that signing in as NAME at the development provider gives, so that browser
and key share a namespace. Prints one JSON object with the secret, which is shown nowhere else.
"""

import argparse
import asyncio
import json
import sys

from playground import wiring
from playground.devidp import registration
from playground.engine import provisioning
from playground.engine.runtime import Runtime
from playground.settings import Settings, Unusable
from tenants import directory, keys
from tenants.caller import Caller
from tenants.database import Role
from tenants.directory import Member
from tenants.errors import TenantError
from tenants.keys import NewKey

APPLICATION_NAME = "Command line"


def main(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    try:
        made = asyncio.run(_create(settings, arguments.owner, arguments.plan))
    except TenantError as error:
        raise Unusable(error.message) from error
    sys.stdout.write(json.dumps(made) + "\n")
    return 0


async def _create(settings: Settings, owner: str, plan: str | None) -> dict[str, str]:
    identity = registration.identity_of(owner)
    if not identity.subject:
        raise Unusable(f"--as {owner!r} is no name: it needs at least one letter or digit.")
    async with wiring.runtime(settings) as rt:
        await _refuse_unknown_plan(rt, plan)
        member = await provisioning.sign_in(rt, identity)
        member = await _under_plan(rt, member, plan or _first_plan(settings, member))
        key = await _new_key(rt, member.caller)
    return {
        "keyId": key.id,
        "keySecret": key.secret,
        "namespace": member.namespace,
        "serverUrl": f"{settings.public_url.rstrip('/')}/api",
    }


async def _refuse_unknown_plan(rt: Runtime, plan: str | None) -> None:
    async with rt.database.transaction(Role.IDENTITY) as connection:
        known = await directory.plan_names(connection)
    if plan and plan not in known:
        raise Unusable(f"There is no plan {plan!r}; choose one of: {', '.join(known)}.")


def _first_plan(settings: Settings, member: Member) -> str:
    """A new namespace on a playground of one's own is generous; one that exists keeps its plan."""
    return "local" if member.is_new and not settings.has_providers else member.plan.name


async def _under_plan(rt: Runtime, member: Member, plan: str) -> Member:
    if plan == member.plan.name:
        return member
    async with rt.database.transaction(Role.IDENTITY) as connection:
        await directory.set_plan(connection, member.namespace, plan)
        changed = await directory.owner_of(connection, member.namespace)
    return changed or member


async def _new_key(rt: Runtime, caller: Caller) -> NewKey:
    async with rt.unit_of_work(caller.namespace) as connection:
        application = next(
            (known for known in await keys.applications_of(connection) if _is_ours(known)), None
        ) or await keys.create_application(connection, caller, APPLICATION_NAME, ("ADMIN",))
        key = await keys.create(connection, caller, application.id)
    if key is None:
        raise RuntimeError("the application was deleted while its key was made")
    return key


def _is_ours(application: keys.Application) -> bool:
    return application.name == APPLICATION_NAME and "ADMIN" in application.roles
