"""What a stand-in is given and what it gives back.

A stand-in computes its output from the task's input, as a worker of somebody's own would. It runs
on the executor's loop, so it is short: input is bounded by the plan, and what it may count up to
is bounded here.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from playground.executors.contract import Tools


@dataclass(frozen=True, kw_only=True)
class StandInTask:
    """A task that was polled. `attempt` counts from 0; `now_ms` in epoch milliseconds."""

    namespace: str
    execution_id: str
    task_id: str
    task_type: str
    input: Mapping[str, Any]
    attempt: int
    now_ms: int
    samples_url: str


Output = dict[str, Any]
Compute = Callable[[StandInTask], Output | None]
Work = Callable[[StandInTask, Tools], Awaitable[Output | None]]
"""The task's output; None when the stand-in never answers, as a worker that was killed."""


class Refused(Exception):
    """The task fails with this reason; a `terminal` failure is not tried again."""

    def __init__(self, reason: str, *, terminal: bool = False) -> None:
        super().__init__(reason)
        self.terminal = terminal


def computed(compute: Compute) -> Work:
    """A computation as work that needs nothing from outside."""

    async def work(task: StandInTask, _tools: Tools) -> Output | None:
        return compute(task)

    return work


def number(task: StandInTask, name: str, default: float | None = None) -> int | float:
    """A number of the input; raises `Refused` naming it."""
    value = task.input.get(name)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 10**15:
        raise Refused(f"{name}: a number is expected, {_shown(value)} came")
    return value


def count(task: StandInTask, name: str, default: int | None = None, most: int = 10_000) -> int:
    """A whole number from 0 to `most` of the input."""
    value = number(task, name, default)
    if not isinstance(value, int) or not 0 <= value <= most:
        raise Refused(f"{name}: a whole number from 0 to {most} is expected, {_shown(value)} came")
    return value


def text(task: StandInTask, name: str, default: str | None = None) -> str:
    """A text of the input, at most 2,000 characters."""
    value = task.input.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or not value or len(value) > 2_000:
        raise Refused(f"{name}: a text is expected, {_shown(value)} came")
    return value


def choice(task: StandInTask, name: str, among: tuple[str, ...]) -> str:
    """One of a few words of the input."""
    value = text(task, name)
    if value not in among:
        raise Refused(f"{name}: one of {', '.join(among)} is expected, {_shown(value)} came")
    return value


def items(task: StandInTask, name: str, most: int = 200) -> list[Any]:
    """A list of the input, of at most `most` items."""
    value = task.input.get(name)
    if not isinstance(value, list) or len(value) > most:
        raise Refused(f"{name}: a list of at most {most} is expected, {_shown(value)} came")
    return value


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:60]
