"""The pure decider: definition, execution and what happened in; the next state out."""

from playground.decider.control import Pause, ResetCallbacks, Resume, Terminate, Verb
from playground.decider.decide import Input, decide
from playground.decider.decision import Decision, Limits
from playground.decider.effects import (
    Effect,
    NotifyParent,
    RetryChild,
    ReviveParent,
    StartFailureWorkflow,
    TerminateChild,
)
from playground.decider.freeze import freeze, names_to_freeze
from playground.decider.inputs import (
    ChildEnded,
    ChildRefused,
    ChildStarted,
    FailureWorkflowRefused,
    Outcome,
    Result,
    Sweep,
)
from playground.decider.questions import Answer, Evaluate, Load, LookUp, Question
from playground.decider.starting import Origin, start
from playground.decider.timeouts import deadline_ms, execution_deadline_ms
from playground.decider.validate import task_def_findings, workflow_findings
from playground.decider.view import ExecutionView

__all__ = [
    "Answer",
    "ChildEnded",
    "ChildRefused",
    "ChildStarted",
    "Decision",
    "Effect",
    "Evaluate",
    "ExecutionView",
    "FailureWorkflowRefused",
    "Input",
    "Limits",
    "Load",
    "LookUp",
    "NotifyParent",
    "Origin",
    "Outcome",
    "Pause",
    "Question",
    "ResetCallbacks",
    "Result",
    "Resume",
    "RetryChild",
    "ReviveParent",
    "StartFailureWorkflow",
    "Sweep",
    "Terminate",
    "TerminateChild",
    "Verb",
    "deadline_ms",
    "decide",
    "execution_deadline_ms",
    "freeze",
    "names_to_freeze",
    "start",
    "task_def_findings",
    "workflow_findings",
]
