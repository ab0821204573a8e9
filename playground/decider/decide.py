"""`decide`: what an execution becomes, given what happened. Pure: no clock, no I/O, no chance.

The result is settled: control-flow tasks (forks, joins, branches, loops) are followed until
everything waits for a worker, an executor, a timer, an answer or a person. A workflow that
fails is an outcome; an exception out of here is a defect of the playground.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

from playground.decider.children import child_ended, child_refused, child_started
from playground.decider.completion import complete_if_done
from playground.decider.control import carry_out
from playground.decider.decision import Decision, Limits
from playground.decider.draft import Draft, Surroundings
from playground.decider.ending import fail, failure_workflow_refused
from playground.decider.inputs import (
    ACCEPTED,
    ChildEnded,
    ChildRefused,
    ChildStarted,
    Deliver,
    Event,
    FailureWorkflowRefused,
    Outcome,
    Released,
    Result,
    Sweep,
    ignored,
)
from playground.decider.mappers import WorkflowFails
from playground.decider.progress import attempt, settle
from playground.decider.questions import Answer, Incomplete, Unanswered
from playground.decider.results import record_result, schema_questions
from playground.decider.system_tasks import end_again, take_messages, wake_waits
from playground.decider.timeouts import time_out_execution, time_out_tasks
from playground.decider.verbs import Resume, Verb
from playground.decider.view import ExecutionView
from playground.model.definitions import JSONObject, TaskDef
from playground.model.errors import PlaygroundError
from playground.model.execution import WorkflowStatus
from playground.model.workflow_messages import WorkflowMessage

Input = Event | Verb

_NO_DEFS: Mapping[str, TaskDef | None] = MappingProxyType({})
_NO_VERSIONS: Mapping[str, int | None] = MappingProxyType({})
_NO_ANSWERS: Mapping[str, Answer] = MappingProxyType({})
_NO_ENV: Mapping[str, str | None] = MappingProxyType({})


def decide(
    view: ExecutionView,
    *,
    now_ms: int,
    ids: Iterator[str],
    inputs: Sequence[Input] = (),
    answers: Mapping[str, Answer] = _NO_ANSWERS,
    task_defs: Mapping[str, TaskDef | None] = _NO_DEFS,
    latest_versions: Mapping[str, int | None] = _NO_VERSIONS,
    active_domains: Collection[tuple[str, str]] = frozenset(),
    env: Mapping[str, str | None] = _NO_ENV,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    messages: Sequence[WorkflowMessage] | None = (),
    outputs: Mapping[str, JSONObject | None] | None = None,
) -> Decision:
    """Apply `inputs` in order and settle what follows.

    Args:
        view: the execution; not changed. Call `view.apply` with the decision once it is saved.
        now_ms: the time, epoch milliseconds.
        ids: fresh ids for new tasks.
        answers: `Evaluate.key` → its answer, for this execution; superfluous ones do no harm.
        task_defs: registered task definitions by name, for names that only the run knows;
            None marks one that is not registered. `latest_versions` likewise for workflows.
        active_domains: (task type, domain) pairs that a worker polled in the last 10 s.
        env: what `${workflow.env.NAME}` reads; None for a variable that is not set.
        messages: what was sent to the execution, oldest first; None to be asked for them.
        outputs: cached outputs by `caching.cache_key`, None where there is none; without the
            mapping nothing is taken from the cache.
    """
    around = Surroundings(
        task_defs,
        latest_versions,
        answers,
        active_domains,
        env,
        limits,
        now_ms,
        ids,
        messages,
        outputs,
    )
    draft = Draft.of(view, around)
    try:
        asked = schema_questions(draft, (one for one in inputs if isinstance(one, Result)))
        if asked:
            return Decision(execution=view.execution, questions=asked, applied=False)
        finished = _run(draft, inputs)
    except (Incomplete, Unanswered) as stopped:
        # A verb that has to run a script first is asked for it before it changes anything.
        return Decision(execution=view.execution, questions=(stopped.question,), applied=False)
    return draft.decision(again=not finished)


def _run(draft: Draft, inputs: Sequence[Input]) -> bool:
    """True when everything is settled; False when the bound on steps came first."""
    for given in inputs:
        draft.outcomes.append(_apply(draft, given))
    for step in _STEPS:
        if draft.execution.status.terminal:
            break
        step(draft, inputs)
    if not draft.is_running or draft.execution.rate_limited:
        return True
    finished = settle(draft)
    if finished:
        attempt(draft, "", lambda ending, _: complete_if_done(ending))
    return finished


def _apply(draft: Draft, given: Input) -> Outcome:
    if isinstance(given, Verb):
        return _control(draft, given)
    if isinstance(given, ChildStarted):
        return child_started(draft, given)
    if isinstance(given, FailureWorkflowRefused):
        return failure_workflow_refused(draft, given)
    if draft.execution.status.terminal:
        return ignored("the workflow has ended")
    match given:
        case Released():
            draft.set_execution(rate_limited=False)
        case Result():
            return record_result(draft, given)
        case ChildRefused():
            return child_refused(draft, given)
        case ChildEnded():
            return child_ended(draft, given)
    return ACCEPTED


def _control(draft: Draft, verb: Verb) -> Outcome:
    try:
        carry_out(draft, verb)
    except PlaygroundError as error:
        return Outcome(accepted=False, why=error.message, error=error)
    except WorkflowFails as failure:
        fail(draft, WorkflowStatus.FAILED, failure.reason)
    return ACCEPTED


def _sweep(draft: Draft, inputs: Sequence[Input]) -> None:
    if draft.is_running and any(isinstance(given, Sweep) for given in inputs):
        wake_waits(draft)
        time_out_tasks(draft)


def _deliver(draft: Draft, inputs: Sequence[Input]) -> None:
    """Also after a pause: what came during it was not taken."""
    if draft.is_running and any(isinstance(given, Deliver | Sweep | Resume) for given in inputs):
        take_messages(draft)


_STEPS: tuple[Callable[[Draft, Sequence[Input]], None], ...] = (
    lambda draft, inputs: time_out_execution(draft),
    lambda draft, inputs: end_again(draft),
    _sweep,
    _deliver,
)
