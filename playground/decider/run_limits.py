"""`rateLimitConfig`: under which key an execution is counted, and how many go on at once.

The key is fixed text or an expression over the workflow's own start; an empty one is not limited.
The older form is a tag of type RATE_LIMIT with the key as its key and the limit as its value.
"""

from dataclasses import dataclass

from playground.decider.decision import Limits
from playground.decider.draft import Draft, Surroundings
from playground.decider.questions import Incomplete
from playground.decider.roots import evaluate_any
from playground.decider.view import ExecutionView
from playground.expressions import BudgetExceeded, java_text
from playground.model.definitions import RateLimitConfig, WorkflowDef
from playground.model.execution import Execution

_LONGEST_KEY = 1_000


@dataclass(frozen=True)
class RunLimit:
    """`key` names what is counted together: the workflow and the evaluated key."""

    key: str
    ceiling: int
    rejects: bool


def run_limit(definition: WorkflowDef, header: Execution) -> RunLimit | None:
    """The limit a new execution falls under, None for most."""
    config = rate_limit_config(definition)
    if config is None or config.concurrent_exec_limit <= 0 or not config.rate_limit_key:
        return None
    nothing = Surroundings({}, {}, {}, frozenset(), {}, Limits(), header.create_time, iter(()))
    draft = Draft.of(ExecutionView.of(header, definition), nothing)
    try:
        key = evaluate_any(draft, config.rate_limit_key)
    except (BudgetExceeded, Incomplete):
        return None
    text = "" if key is None else java_text(key)
    if not text:
        return None
    return RunLimit(
        f"{definition.name}/{text}"[:_LONGEST_KEY],
        config.concurrent_exec_limit,
        config.policy == "REJECT",
    )


def rate_limit_config(definition: WorkflowDef) -> RateLimitConfig | None:
    """The configuration, that of a tag first: it is set by name, after the definition was."""
    own = definition.rate_limit_config or None
    for tag in definition.tags or ():
        if tag.type == "RATE_LIMIT" and str(tag.value).isdecimal():
            return RateLimitConfig(
                rate_limit_key=tag.key,
                concurrent_exec_limit=int(tag.value),
                policy=own.policy if own else "QUEUE",
            )
    return own
