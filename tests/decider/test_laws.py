"""Laws that hold for every definition, every worker and every order of events.

`PLAYGROUND_LAW_EXECUTIONS` sets how many random executions each law sees: together more than two
thousand, nightly a hundred thousand. `PLAYGROUND_LAW_SEED` repeats a run; the run's header says it.
"""

import itertools
import os
from collections.abc import Callable
from typing import Any

import hypothesis
import msgspec
from hypothesis import HealthCheck, Phase, given, settings

from playground.decider import Decision, ExecutionView, decide
from playground.decider.index import TaskIndex
from playground.decider.retries import allowed_retries
from tests.support.simulator import World
from tests.support.strategies import SEEDS, Crowd, Family, families

EXECUTIONS = int(os.environ.get("PLAYGROUND_LAW_EXECUTIONS", "190"))

_settings = settings(
    max_examples=EXECUTIONS,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


seeded = hypothesis.seed(int(os.environ["PLAYGROUND_LAW_SEED"]))


def lawful(test: Callable[..., None]) -> Callable[..., None]:
    """A law that sees the executions of this run's seed."""
    return seeded(_settings(test))


def _encoded(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _fingerprint(view: ExecutionView) -> bytes:
    indexes = [
        (name, sorted(map(str, getattr(view.index, name).items())))
        for name in ("by_ref", "by_root", "open", "pending", "waiting", "busy", "turns")
    ]
    return _encoded((view.execution, view.tasks, indexes))


def _run(family: Family, seed: int, **world: Any) -> World:
    """A whole random execution of a random family."""
    made = family.world(**world)
    made.start(family.definition, {"v": "a"})
    Crowd(made, seed).work()
    return made


@given(families(), SEEDS)
@lawful
def test_every_execution_comes_to_an_end(family: Family, seed: int) -> None:
    world = _run(family, seed)

    assert all(run.execution.status.terminal for run in world.runs.values())
    assert all(not run.view.open_tasks for run in world.runs.values())


@given(families(), SEEDS)
@lawful
def test_deciding_changes_nothing_but_its_answer(family: Family, seed: int) -> None:
    def watch(view: ExecutionView, arguments: dict[str, Any]) -> Callable[[Decision], None]:
        before = _fingerprint(view)

        def then(decision: Decision) -> None:
            assert _fingerprint(view) == before

        return then

    _run(family, seed, watch=watch)


@given(families(), SEEDS)
@lawful
def test_same_input_gives_the_same_decision(family: Family, seed: int) -> None:
    def watch(view: ExecutionView, arguments: dict[str, Any]) -> Callable[[Decision], None]:
        first = decide(view, ids=_ids(), **arguments)
        second = decide(view, ids=_ids(), **arguments)
        assert _encoded(first) == _encoded(second)
        return lambda decision: None

    _run(family, seed, watch=watch)


def _ids() -> Any:
    return (f"other-{number}" for number in itertools.count())


@given(families(), SEEDS)
@lawful
def test_deciding_again_at_once_changes_nothing(family: Family, seed: int) -> None:
    world = family.world()
    run = world.start(family.definition, {"v": "a"})
    crowd = Crowd(world, seed)

    while not run.execution.status.terminal:
        crowd.work_once()
        for each in world.runs.values():
            again = decide(each.view, now_ms=world.now_ms, ids=_ids(), answers=each.answers)
            assert (again.changed, again.removed, again.effects) == ((), (), ())
            assert not again.questions


@given(families(), SEEDS)
@lawful
def test_what_has_ended_stays_as_it_ended(family: Family, seed: int) -> None:
    def watch(view: ExecutionView, arguments: dict[str, Any]) -> Callable[[Decision], None]:
        execution, ended = view.execution, {t.task_id: t for t in view.tasks if t.status.terminal}

        def then(decision: Decision) -> None:
            if execution.status.terminal:
                assert decision.execution.status is execution.status
            for task in decision.changed:
                old = ended.get(task.task_id)
                assert old is None or task.status is old.status

        return then

    _run(family, seed, watch=watch)


@given(families(), SEEDS)
@lawful
def test_no_two_open_tasks_are_the_same(family: Family, seed: int) -> None:
    def watch(view: ExecutionView, arguments: dict[str, Any]) -> Callable[[Decision], None]:
        open_names = [task.reference_task_name for task in view.open_tasks]
        assert len(open_names) == len(set(open_names))
        return lambda decision: None

    _run(family, seed, watch=watch)


@given(families(), SEEDS)
@lawful
def test_attempts_stay_within_the_retry_limit(family: Family, seed: int) -> None:
    world = _run(family, seed)

    tasks = [task for run in world.runs.values() for task in run.view.tasks]
    assert all(task.retry_count <= allowed_retries(task) for task in tasks)


@given(families(calm=True), SEEDS, SEEDS)
@lawful
def test_order_of_branches_does_not_change_the_output(family: Family, one: int, other: int) -> None:
    first, second = family.world(), family.world()
    outputs = []
    for world, seed in ((first, one), (second, other)):
        run = world.start(family.definition, {"v": "a"})
        Crowd(world, seed, failures=0).work()
        outputs.append((run.status, _without_ids(run.output)))

    assert outputs[0] == outputs[1]


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        hidden = ("subWorkflowId", "workflowInstanceId")
        return {key: _without_ids(item) for key, item in value.items() if key not in hidden}
    return value


@given(families(), SEEDS)
@seeded
@settings(_settings, phases=[Phase.generate])  # Fifteen random verbs do not shrink to less.
def test_control_verbs_leave_a_sound_state(family: Family, seed: int) -> None:
    world = family.world(watch=_index_is_sound)
    world.start(family.definition, {"v": "a"})
    crowd = Crowd(world, seed)

    for _ in range(15):
        crowd.work_once()
        crowd.meddle()
    crowd.calm_down()

    crowd.work(2_000)


_DERIVED = ("open", "pending", "waiting", "ready_joins", "ready_loops", "watching", "runnable")


def _index_is_sound(view: ExecutionView, arguments: dict[str, Any]) -> Callable[[Decision], None]:
    rebuilt = TaskIndex.of(view.tasks)
    for name in (*_DERIVED, "by_ref", "by_root"):
        assert dict(getattr(view.index, name)) == dict(getattr(rebuilt, name)), name
    open_loops = [t.task_id for t in view.open_tasks if t.task_type == "DO_WHILE"]
    assert [view.index.busy.get(i, 0) for i in open_loops] == [
        rebuilt.busy.get(i, 0) for i in open_loops
    ]
    assert (view.index.last_id, view.index.last_seq) == (rebuilt.last_id, rebuilt.last_seq)
    return lambda decision: None


@given(families(), SEEDS)
@lawful
def test_kept_indexes_equal_rebuilt_ones(family: Family, seed: int) -> None:
    _run(family, seed, watch=_index_is_sound)


@given(families(), SEEDS)
@lawful
def test_unloaded_payloads_make_no_difference(family: Family, seed: int) -> None:
    full = _run(family, seed)
    forgetful = _run(family, seed, forgetful=True)

    assert _outcome(full) == _outcome(forgetful)


def _outcome(world: World) -> list[Any]:
    return [(run.status, run.statuses, _without_ids(run.output)) for run in world.runs.values()]
