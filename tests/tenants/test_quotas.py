"""Quotas: exact near the limit however many take at once, and never lost or invented."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tenants import quotas
from tenants.database import Database, Role
from tenants.directory import Member
from tenants.errors import QuotaExceeded
from tenants.quotas import Change
from tests.tenants.conftest import Newcomer

pytestmark = pytest.mark.anyio

QUOTA = "things"


async def _take(database: Database, namespace: str, amount: int, limit: int) -> bool:
    async with database.transaction(Role.TENANT, [namespace]) as connection:
        try:
            await quotas.take(connection, namespace, QUOTA, amount, limit)
        except QuotaExceeded:
            return False
    return True


async def _all(*works: Coroutine[Any, Any, Any]) -> list[Any]:
    """All at once, but as many as the pool has connections: waiting for one ends after 2 s."""
    turns = asyncio.Semaphore(30)

    async def in_turn(work: Coroutine[Any, Any, Any]) -> Any:
        async with turns:
            return await work

    return await asyncio.gather(*(in_turn(work) for work in works))


async def _used(database: Database, namespace: str) -> int:
    async with database.transaction(Role.TENANT, [namespace]) as connection:
        return await quotas.used(connection, namespace, QUOTA)


@pytest.mark.parametrize("limit", [10, 1_000, 100_000], ids=["small", "visitor", "large"])
async def test_two_hundred_at_once_just_below_the_limit(
    database: Database, member: Member, limit: int
) -> None:
    assert await _take(database, member.namespace, limit - 1, limit)

    taken = await _all(*(_take(database, member.namespace, 1, limit) for _ in range(200)))

    assert sum(taken) == 1
    assert await _used(database, member.namespace) == limit


async def test_racing_across_the_line_never_overshoots(database: Database, member: Member) -> None:
    limit = 2_000
    assert await _take(database, member.namespace, 1_550, limit)

    taken = await _all(*(_take(database, member.namespace, 1, limit) for _ in range(600)))

    assert sum(taken) == 450
    assert await _used(database, member.namespace) == limit


async def test_rolled_back_take_counts_nothing(database: Database, member: Member) -> None:
    async def take_and_crash() -> None:
        async with database.transaction(Role.TENANT, [member.namespace]) as connection:
            await quotas.take(connection, member.namespace, QUOTA, 5, 10)
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        await take_and_crash()

    assert await _used(database, member.namespace) == 0


async def test_given_back_can_be_taken_again(database: Database, member: Member) -> None:
    assert await _take(database, member.namespace, 10, 10)

    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        await quotas.give_back(connection, member.namespace, QUOTA, 3)

    assert not await _take(database, member.namespace, 4, 10)
    assert await _take(database, member.namespace, 3, 10)


async def test_refusal_says_quota_and_limit(database: Database, member: Member) -> None:
    with pytest.raises(QuotaExceeded, match="1,000 running executions") as refused:
        async with database.transaction(Role.TENANT, [member.namespace]) as connection:
            await quotas.take(connection, member.namespace, quotas.RUNNING_EXECUTIONS, 1_001, 1_000)

    assert (refused.value.quota, refused.value.limit) == ("running_executions", 1_000)


async def test_batch_refuses_each_alone(database: Database, newcomer: Newcomer) -> None:
    ada, eve = (await newcomer("Ada")).namespace, (await newcomer("Eve")).namespace
    changes = [
        Change(ada, QUOTA, 2, 3),
        Change(eve, QUOTA, 9, 3),
        Change(ada, QUOTA, 2, 3),
        Change(ada, QUOTA, 1, 3),
        Change(eve, "others", 1, 1),
    ]

    async with database.transaction(Role.COMMITTER, [ada, eve]) as connection:
        refused = await quotas.settle(connection, changes)

    assert refused == {1, 2}
    assert await _used(database, ada) == 3
    assert await _used(database, eve) == 0


async def test_batch_uses_what_it_gives_back(database: Database, member: Member) -> None:
    namespace = member.namespace
    assert await _take(database, namespace, 3, 3)

    async with database.transaction(Role.COMMITTER, [namespace]) as connection:
        refused = await quotas.settle(
            connection, [Change(namespace, QUOTA, 1, 3), Change(namespace, QUOTA, -1)]
        )

    assert refused == frozenset()
    assert await _used(database, namespace) == 3


async def test_crossing_batches_do_not_deadlock(database: Database, newcomer: Newcomer) -> None:
    ada, eve = (await newcomer("Ada")).namespace, (await newcomer("Eve")).namespace

    async def both_ways(first: str, second: str) -> None:
        async with database.transaction(Role.COMMITTER, [first, second]) as connection:
            await quotas.settle(
                connection, [Change(first, QUOTA, 1, 500), Change(second, QUOTA, 1, 500)]
            )

    await _all(*(both_ways(ada, eve) for _ in range(50)), *(both_ways(eve, ada) for _ in range(50)))

    assert await _used(database, ada) == 100
    assert await _used(database, eve) == 100


async def test_foreign_quota_cannot_be_taken(database: Database, newcomer: Newcomer) -> None:
    mine, theirs = (await newcomer("Ada")).namespace, (await newcomer("Eve")).namespace

    with pytest.raises(Exception, match="row-level security"):
        async with database.transaction(Role.TENANT, [mine]) as connection:
            await quotas.take(connection, theirs, QUOTA, 1, 10)


async def test_recount_corrects_while_others_take(database: Database, member: Member) -> None:
    namespace = member.namespace
    assert await _take(database, namespace, 40, 100_000)

    async def recount() -> None:
        async with database.transaction(Role.TENANT, [namespace]) as connection:

            async def seven() -> int:
                return 7

            await quotas.recount(connection, namespace, QUOTA, seven)

    await recount()
    assert await _used(database, namespace) == 7
    await _all(recount(), *(_take(database, namespace, 1, 100_000) for _ in range(20)))

    # The census knows nothing of these twenty, so those before it are forgotten, none is doubled.
    assert 7 <= await _used(database, namespace) <= 27
