"""The learning path: it ticks itself by what the namespace has done, and remembers that.

What was reached once stays so, also when the executions that showed it are gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from playground.engine.runtime import Runtime
from playground.engine.stand_ins import WORKER_ID
from playground.model.errors import Invalid
from playground.model.learning import FirstStep, Progress, Question
from playground.store import learning
from playground.store.learning import Seen
from sample_workflows import samples
from sample_workflows.goals import Goal, goals
from tenants import keys
from tenants.caller import Caller
from tenants.database import Connection

ANSWER_MAX_CHARACTERS: Final = 40
_GOAL, _STEP, _ANSWER = "goal:", "step:", "answer:"
_ASKED, _HIDDEN = "asked", "hidden"


async def progress(rt: Runtime, caller: Caller, own_workflows: bool) -> Progress:
    """How far the namespace is; notes what is new. `own_workflows` says that it wrote some."""
    async with rt.reading(caller.namespace) as connection:
        known = _progress_of(await learning.marks(connection))
        found = await _reached(connection, known)
        has_key = FirstStep.KEY in known.steps or await keys.has_any(connection)
    steps = found.steps | ({FirstStep.WRITE} if own_workflows else set())
    steps |= {FirstStep.KEY} if has_key else set()
    new = [_GOAL + name for name in sorted(found.goals - known.goals)]
    new += [_STEP + step for step in sorted(steps - known.steps)]
    if new:
        await _save(rt, caller, ((name, "") for name in new))
    return replace(known, goals=known.goals | found.goals, steps=known.steps | steps)


async def _reached(connection: Connection, known: Progress) -> Progress:
    """The goals and steps that the newest executions show."""
    seen = await learning.seen(connection)
    ran = {one.name for one in seen}
    open_goals = [one for one in goals() if one.sample not in known.goals and one.sample in ran]
    by_task = [one for one in open_goals if one.task]
    done = await learning.done(
        connection, [one.sample for one in by_task], [one.task for one in by_task]
    )
    reached = {one.sample for one in open_goals if _is_reached(one, seen, done)}
    steps = _steps_of(ran)
    if FirstStep.WORKER not in known.steps and await learning.own_workers(connection, WORKER_ID):
        steps |= {FirstStep.WORKER}
    return Progress(goals=frozenset(reached), steps=frozenset(steps))


def _is_reached(goal: Goal, seen: set[Seen], done: set[tuple[str, str]]) -> bool:
    if goal.task:
        return (goal.sample, goal.task) in done
    return Seen(goal.sample, goal.status) in seen


def _steps_of(ran: set[str]) -> set[FirstStep]:
    ours = {definition["name"] for one in samples() for definition in one.definitions}
    steps = {FirstStep.RUN} if ran else set()
    return steps | ({FirstStep.RUN_OWN} if ran - ours else set())


async def answer(rt: Runtime, caller: Caller, answers: Mapping[Question, str]) -> None:
    """Keep the answers that are not empty; the questions are then not asked again."""
    if any(len(text) > ANSWER_MAX_CHARACTERS for text in answers.values()):
        raise Invalid(f"An answer has at most {ANSWER_MAX_CHARACTERS} characters.")
    given = [(_ANSWER + question, text) for question, text in answers.items() if text]
    await _save(rt, caller, [*given, (_ASKED, "")])


async def hide(rt: Runtime, caller: Caller) -> None:
    """Put the first steps and the questions away."""
    await _save(rt, caller, [(_HIDDEN, ""), (_ASKED, "")])


async def show(rt: Runtime, caller: Caller) -> None:
    """Bring them back, with the questions."""
    async with rt.unit_of_work(caller.namespace) as connection:
        for name in (_HIDDEN, _ASKED):
            await learning.remove(connection, name)


async def language_of(connection: Connection) -> str:
    """The language somebody said they write, "" where they did not."""
    return _progress_of(await learning.marks(connection)).answers.get(Question.LANGUAGE, "")


async def _save(rt: Runtime, caller: Caller, given: Iterable[tuple[str, str]]) -> None:
    async with rt.unit_of_work(caller.namespace) as connection:
        await learning.save(connection, caller.namespace, given, rt.now_ms())


def _progress_of(marks: Mapping[str, str]) -> Progress:
    def under(prefix: str) -> dict[str, str]:
        return {
            name.removeprefix(prefix): value
            for name, value in marks.items()
            if name.startswith(prefix)
        }

    return Progress(
        goals=frozenset(under(_GOAL)),
        steps=frozenset(FirstStep(name) for name in under(_STEP) if name in set(FirstStep)),
        answers={
            Question(name): value for name, value in under(_ANSWER).items() if name in set(Question)
        },
        is_asked=_ASKED in marks,
        is_hidden=_HIDDEN in marks,
    )
