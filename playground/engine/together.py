"""What is asked while an answer is on its way is answered together next.

The pattern of the group commit for everything else that many callers ask of the database at once:
alone, a question is answered at once; under load questions share a transaction, and its cost.
Nothing ever waits for a group to fill.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class SomeAreGone(Exception):
    """Raised by an answer that found out: it is begun again for those who still wait."""


@dataclass(slots=True, eq=False)
class Asked(Generic[Q, A]):
    """A question and who waits for its answer."""

    question: Q
    answer: "asyncio.Future[A]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def is_gone(self) -> bool:
        """Whether nobody waits any more."""
        return self.answer.cancelled()


class Together:
    """Questions of this process by what they have in common; one group of each is under way."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[Asked[Any, Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(
        self,
        key: Hashable,
        question: Q,
        answer: Callable[[Sequence[Asked[Q, A]]], Awaitable[Sequence[A]]],
        *,
        most: int,
    ) -> A:
        """What `answer` says to this question, asked with up to `most` others of the same key.

        Every question of a group has its answer from one call that begins after it was asked. An
        error of the call is everybody's. Who gives up leaves the group; those that are gone when
        the call begins are not asked for.
        """
        asked: Asked[Q, A] = Asked(question)
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = [asked]
            task = asyncio.create_task(self._answer_all(key, answer, most), name="together")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            waiting.append(asked)
        return await asked.answer

    async def _answer_all(self, key: Hashable, answer: Any, most: int) -> None:
        try:
            while waiting := self._waiting[key]:
                group = [asked for asked in waiting[:most] if not asked.is_gone]
                self._waiting[key] = waiting[most:]
                if group:
                    await _answer_group(group, answer)
        finally:
            # Only where it was cancelled is anybody left: nobody may wait for ever.
            for asked in self._waiting.pop(key):
                asked.answer.cancel()


async def _answer_group(group: Sequence[Asked[Any, Any]], answer: Any) -> None:
    try:
        answers = await answer(group)
    except SomeAreGone:
        if left := [asked for asked in group if not asked.is_gone]:
            await _answer_group(left, answer)
        return
    except asyncio.CancelledError:
        for asked in group:
            asked.answer.cancel()
        raise
    except Exception as error:  # noqa: BLE001 - it belongs to those who wait
        for asked in group:
            if not asked.answer.done():
                asked.answer.set_exception(error)
        return
    for asked, one in zip(group, answers, strict=True):
        if not asked.answer.done():
            asked.answer.set_result(one)
