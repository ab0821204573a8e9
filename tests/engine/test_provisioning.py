"""Pins the first sign-in: one namespace, samples in it, later versions without overwriting."""

import asyncio
import secrets

import pytest
from msgspec.structs import replace

from playground.engine import metadata, provisioning
from playground.engine.runtime import Runtime
from playground.engine.schedules import resume
from playground.model.schedules import WorkflowSchedule
from playground.store import definitions, event_handlers, queries, samples, schedules
from playground.store.definitions import Author
from tenants.caller import Caller
from tenants.database import Role
from tenants.directory import Identity

pytestmark = pytest.mark.anyio


def somebody() -> Identity:
    return Identity(issuer="https://tests", subject=secrets.token_hex(8), name="Ada")


async def names(rt: Runtime, namespace: str) -> set[str]:
    async with rt.reading(namespace) as connection:
        return {one.name for one in await queries.workflow_defs(connection)}


async def test_first_sign_in_brings_the_samples(rt: Runtime) -> None:
    member = await provisioning.sign_in(rt, somebody())

    assert {"PopulationMaxMin", "simple_wf"} <= await names(rt, member.namespace)


async def test_simultaneous_first_sign_ins_make_one_namespace(rt: Runtime) -> None:
    identity = somebody()

    members = await asyncio.gather(*(provisioning.sign_in(rt, identity) for _ in range(6)))

    assert len({member.namespace for member in members}) == 1
    assert sum(member.is_new for member in members) == 1


async def test_failed_provisioning_leaves_nothing(
    rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = somebody()

    async def full(*_: object) -> None:
        raise ValueError("the disk is full")

    monkeypatch.setattr(samples, "note", full)
    with pytest.raises(ValueError, match="full"):
        await provisioning.sign_in(rt, identity)
    monkeypatch.undo()

    member = await provisioning.sign_in(rt, identity)
    assert member.is_new


async def pretend_older(rt: Runtime, caller: Caller, *, edited: bool) -> None:
    """Make the installed sample an older version of itself, perhaps edited since."""
    async with rt.database.transaction(Role.TENANT, (caller.namespace,)) as connection:
        current = await definitions.workflow(connection, "PopulationMaxMin", 1)
        assert current is not None
        older = replace(current, description="older")
        by = Author(caller.namespace, "test", rt.now_ms())
        await definitions.update_workflow(connection, older, by)
        digest = provisioning.digest_of(older)
        noted = "another" if edited else digest
        installed = samples.Installed("workflow", "PopulationMaxMin", 1, noted)
        await samples.note(connection, caller.namespace, [installed])


async def description(rt: Runtime, caller: Caller) -> object:
    async with rt.reading(caller.namespace) as connection:
        found = await queries.workflow_def(connection, "PopulationMaxMin", 1)
    return found and found.description


async def test_newer_sample_replaces_an_untouched_one(rt: Runtime, caller: Caller) -> None:
    await pretend_older(rt, caller, edited=False)

    written = await provisioning.sync_samples(rt, caller.namespace)

    assert written == 1
    assert await description(rt, caller) != "older"


async def test_newer_sample_never_replaces_an_edited_one(rt: Runtime, caller: Caller) -> None:
    await pretend_older(rt, caller, edited=True)

    await provisioning.sync_samples(rt, caller.namespace)

    assert await description(rt, caller) == "older"


async def test_deleted_sample_does_not_come_back(rt: Runtime, caller: Caller) -> None:
    await metadata.delete_workflow(rt, caller, "PopulationMaxMin", 1)

    await provisioning.sync_samples(rt, caller.namespace)

    assert "PopulationMaxMin" not in await names(rt, caller.namespace)


async def test_handlers_and_schedules_come_with_their_samples(rt: Runtime) -> None:
    ada = (await provisioning.sign_in(rt, somebody())).caller

    async with rt.reading(ada.namespace) as connection:
        handlers = await event_handlers.handlers(connection)
    nightly = await the_schedule(rt, ada)

    assert {one.name for one in handlers} == {"event_order_arrived", "event_order_answered"}
    assert nightly.paused
    assert not nightly.next_run_time


async def test_schedule_that_was_resumed_is_left_alone(rt: Runtime) -> None:
    ada = (await provisioning.sign_in(rt, somebody())).caller
    await resume(rt, ada, "nightly_report")
    await forget_what_was_installed(rt, ada, "schedule")

    assert await provisioning.sync_samples(rt, ada.namespace) == 0
    assert not (await the_schedule(rt, ada)).paused


async def the_schedule(rt: Runtime, caller: Caller) -> WorkflowSchedule:
    async with rt.reading(caller.namespace) as connection:
        (found,) = await schedules.named(connection, "nightly_report")
    return found


async def forget_what_was_installed(rt: Runtime, caller: Caller, kind: str) -> None:
    """As if an older version of the samples of this kind had been installed."""
    table = samples.installed_samples
    async with rt.unit_of_work(caller.namespace) as connection:
        await connection.run(table.update().where(table.c.kind == kind).values(digest="older"))


async def test_nothing_is_written_when_all_is_there(rt: Runtime, caller: Caller) -> None:
    assert await provisioning.sync_samples(rt, caller.namespace) == 0
