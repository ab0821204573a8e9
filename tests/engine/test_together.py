"""Pins `Together`: who is asked for with whom, and what happens to those who give up."""

import asyncio
from collections.abc import Sequence

import pytest

from playground.engine.together import Asked, SomeAreGone, Together

pytestmark = pytest.mark.anyio


class Answering:
    """Doubles numbers, and remembers which it was asked together."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go_on = asyncio.Event()

    async def __call__(self, group: Sequence[Asked[int, int]]) -> Sequence[int]:
        self.groups.append([asked.question for asked in group])
        await self.go_on.wait()
        return [asked.question * 2 for asked in group]


async def asked(
    together: Together, answering: Answering, numbers: range
) -> list[asyncio.Task[int]]:
    waiting = [
        asyncio.create_task(together.ask("key", number, answering, most=4)) for number in numbers
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return waiting


async def test_questions_meanwhile_are_answered_together() -> None:
    together, answering = Together(), Answering()
    first = await asked(together, answering, range(1))
    others = await asked(together, answering, range(1, 8))

    answering.go_on.set()
    answers = await asyncio.gather(*first, *others)

    assert answering.groups == [[0], [1, 2, 3, 4], [5, 6, 7]]
    assert answers == [0, 2, 4, 6, 8, 10, 12, 14]


async def test_who_gave_up_is_not_asked_for() -> None:
    together, answering = Together(), Answering()
    (first,) = await asked(together, answering, range(1))
    second, third = await asked(together, answering, range(1, 3))

    second.cancel()
    await asyncio.sleep(0)
    answering.go_on.set()

    assert await asyncio.gather(first, third) == [0, 4]
    assert answering.groups == [[0], [2]]


async def test_group_begins_again_without_those_who_are_gone() -> None:
    groups: list[list[int]] = []

    async def answer(group: Sequence[Asked[int, int]]) -> Sequence[int]:
        groups.append([asked.question for asked in group])
        await asyncio.sleep(0)
        if any(asked.is_gone for asked in group):
            raise SomeAreGone
        return [asked.question for asked in group]

    together = Together()
    waiting = [asyncio.create_task(together.ask("key", n, answer, most=4)) for n in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting[1].cancel()

    assert await asyncio.gather(waiting[0], waiting[2]) == [0, 2]
    assert groups == [[0, 1, 2], [0, 2]]


async def test_error_belongs_to_everybody_of_the_group_alone() -> None:
    async def refuse(_: Sequence[Asked[int, int]]) -> Sequence[int]:
        raise ValueError

    together, answering = Together(), Answering()
    refused = [together.ask("bad", n, refuse, most=4) for n in range(2)]
    found = await asyncio.gather(*refused, return_exceptions=True)
    answering.go_on.set()

    assert [type(one) for one in found] == [ValueError, ValueError]
    assert await together.ask("bad", 3, answering, most=4) == 6
