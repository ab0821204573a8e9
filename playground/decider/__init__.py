"""The pure decider: definition, execution and what happened in; the next state out."""

from playground.decider.children import ChildRequest, child_request
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
from playground.decider.engine_tasks import Publication, publication, start_request
from playground.decider.fast_forward import skippable
from playground.decider.freeze import freeze, names_to_freeze
from playground.decider.hints import Hint, Known, Severity, unknown_fields, workflow_hints
from playground.decider.inputs import (
    ChildEnded,
    ChildRefused,
    ChildStarted,
    Deliver,
    FailureWorkflowRefused,
    Outcome,
    Released,
    Result,
    Sweep,
)
from playground.decider.placement import placed_tasks
from playground.decider.questions import (
    Answer,
    Aside,
    Evaluate,
    Load,
    LoadMessages,
    LookUp,
    Question,
)
from playground.decider.scripts import scripts_of, syntax_finding
from playground.decider.starting import Origin, start
from playground.decider.timeouts import deadline_ms, execution_deadline_ms
from playground.decider.validate import task_def_findings, workflow_findings
from playground.decider.verbs import (
    FastForward,
    Jump,
    Pause,
    Rerun,
    ResetCallbacks,
    Restart,
    Resume,
    Retry,
    Revive,
    SetVariables,
    SkipTask,
    Terminate,
    Upgrade,
    Verb,
)
from playground.decider.view import ExecutionView

__all__ = [
    "Answer",
    "Aside",
    "ChildEnded",
    "ChildRefused",
    "ChildRequest",
    "ChildStarted",
    "Decision",
    "Deliver",
    "Effect",
    "Evaluate",
    "ExecutionView",
    "FailureWorkflowRefused",
    "FastForward",
    "Hint",
    "Input",
    "Jump",
    "Known",
    "Limits",
    "Load",
    "LoadMessages",
    "LookUp",
    "NotifyParent",
    "Origin",
    "Outcome",
    "Pause",
    "Publication",
    "Question",
    "Released",
    "Rerun",
    "ResetCallbacks",
    "Restart",
    "Result",
    "Resume",
    "Retry",
    "RetryChild",
    "Revive",
    "ReviveParent",
    "SetVariables",
    "Severity",
    "SkipTask",
    "StartFailureWorkflow",
    "Sweep",
    "Terminate",
    "TerminateChild",
    "Upgrade",
    "Verb",
    "child_request",
    "deadline_ms",
    "decide",
    "execution_deadline_ms",
    "freeze",
    "names_to_freeze",
    "placed_tasks",
    "publication",
    "scripts_of",
    "skippable",
    "start",
    "start_request",
    "syntax_finding",
    "task_def_findings",
    "unknown_fields",
    "workflow_findings",
    "workflow_hints",
]
