"""Whose turn it is: two at once for each, the lighter first, the heavy ones on half the places."""

import asyncio

import pytest

from playground.sandbox.turns import TooManyWaiting, Turns

pytestmark = pytest.mark.anyio


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def _waits(turns: Turns, namespace: str) -> asyncio.Task[None]:
    task = asyncio.create_task(turns.take(namespace))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


async def test_third_of_a_namespace_waits() -> None:
    turns = Turns(places=4, clock=Clock())
    await turns.take("a")
    await turns.take("a")
    third = await _waits(turns, "a")

    assert not third.done()
    turns.give_back("a", 0.0)
    await third


async def test_lighter_namespace_goes_first() -> None:
    turns = Turns(places=1, clock=Clock())
    await turns.take("busy")
    turns.give_back("busy", 1.0)
    await turns.take("other")
    busy = await _waits(turns, "busy")
    calm = await _waits(turns, "calm")

    turns.give_back("other", 0.1)

    await calm
    assert not busy.done()
    turns.give_back("calm", 0.0)
    await busy


async def test_heavy_namespaces_share_half_the_places() -> None:
    turns = Turns(places=4, clock=Clock())
    for namespace in ("a", "b", "c"):
        await turns.take(namespace)
        turns.give_back(namespace, 5.0)
    heavy = [await _waits(turns, namespace) for namespace in ("a", "b", "c")]

    assert [task.done() for task in heavy].count(True) == 2
    await turns.take("light")
    for task in heavy:
        task.cancel()


async def test_charge_fades() -> None:
    clock = Clock()
    turns = Turns(places=2, clock=clock)
    await turns.take("a")
    turns.give_back("a", 5.0)
    clock.now += 60

    await turns.take("a")
    await turns.take("a")

    assert turns.running == 2


async def test_waiting_has_an_end() -> None:
    turns = Turns(places=1, clock=Clock(), max_waiting=2)
    await turns.take("a")
    waiting = [await _waits(turns, "a") for _ in range(2)]

    with pytest.raises(TooManyWaiting):
        await turns.take("a")
    for task in waiting:
        task.cancel()


async def test_cancelled_wait_frees_its_place() -> None:
    turns = Turns(places=1, clock=Clock())
    await turns.take("a")
    cancelled = await _waits(turns, "b")
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    turns.give_back("a", 0.0)

    await turns.take("c")

    assert turns.running == 1


async def test_cancelled_in_the_moment_of_its_turn_gives_it_back() -> None:
    turns = Turns(places=1, clock=Clock())
    await turns.take("a")
    winner = await _waits(turns, "b")
    turns.give_back("a", 0.0)
    winner.cancel()
    await asyncio.gather(winner, return_exceptions=True)

    await turns.take("c")

    assert turns.running == 1


async def test_idle_namespaces_are_forgotten() -> None:
    clock = Clock()
    turns = Turns(places=1, clock=clock)
    await turns.take("a")
    turns.give_back("a", 0.5)
    clock.now += 600

    turns.forget_idle()

    assert turns._lines == {}
