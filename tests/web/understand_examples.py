"""Views of the tabs for understanding a run, as real values would make them."""

from msgspec.structs import replace

from playground.engine.expressions import ExpressionAnswer
from playground.model.execution import Execution, WorkflowStatus
from playground.understand.run_diff import compare
from playground.understand.standstill import Fix, Reason, Standstill, Weight
from playground.web.execution import comparison, explore, replay, why
from playground.web.execution.opened import Opened

HOSTILE = "\"><script>alert(1)</script>'&"


def a_standstill() -> Standstill:
    inner = Reason(
        kind="waitsUntil",
        weight=Weight.WAITING,
        text="`w` waits for another 30 days.",
        until=1_792_000_000_000,
        fixes=[Fix(label="Skip the wait", path="/executions/2/fast-forward?ref=w", posts=True)],
    )
    child = Standstill(
        workflow_id="2",
        workflow_name=HOSTILE,
        status=WorkflowStatus.RUNNING,
        headline="",
        reasons=[inner],
    )
    stuck = Reason(
        kind="nearMiss",
        weight=Weight.STUCK,
        text=f"`{HOSTILE}` waits for a worker.",
        alike=2,
        fixes=[Fix(label="Correct the name", path="/definitions/workflows/wf")],
    )
    return Standstill(
        workflow_id="1",
        workflow_name="wf",
        status=WorkflowStatus.RUNNING,
        headline="It will not go on by itself.",
        reasons=[
            stuck,
            Reason(kind="child", weight=Weight.WORKING, text="`s` waits.", inside=child),
        ],
    )


def a_why(opened: Opened) -> why.WhyView:
    return why.view_of(opened, a_standstill())


def a_replay(opened: Opened) -> replay.ReplayView:
    return replay.view_of(opened, opened.execution)


def an_exploration(opened: Opened) -> explore.ExploreView:
    answer = ExpressionAnswer(outcome="OK", value={HOSTILE: [1]}, message=f"`{HOSTILE}` is odd.")
    return explore.view_of(opened, opened.selected, answer)


def a_comparison(opened: Opened) -> comparison.CompareView:
    left = opened.execution
    right: Execution = replace(
        left,
        workflow_id="other",
        workflow_version=4,
        status=WorkflowStatus.COMPLETED,
        input={HOSTILE: 1},
        tasks=left.tasks[1:],
    )
    return comparison.view_of(opened, [left, right], [1, 2, 4], compare(left, right, 0), HOSTILE)


VIEWS = {
    "why": a_why,
    "replay": a_replay,
    "expressions": an_exploration,
    "compare": a_comparison,
}
