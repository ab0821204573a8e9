"""The pure part of event handlers: what may be registered, conditions, parameters of actions.

Follows Conductor's `SimpleActionProcessor` and its event processor. An expression starts at the
payload itself: `${orderId}`, and `${$}` is all of it.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET

from playground.expressions import Budget, substitute
from playground.expressions.paths import walk
from playground.model.errors import Finding, Invalid
from playground.model.events import Action, EventHandler
from playground.model.reading import read_any

MOST_ACTIONS = 50
"""Of one handler: a message is one step of its workflow, and must not become a thousand."""

VALUE_PARAM = "value-param"
_ACTIONS = (
    "start_workflow",
    "complete_task",
    "fail_task",
    "terminate_workflow",
    "update_workflow_variables",
)
_ALL_OF_IT = "${$}"
_OTHER_BROKERS = tuple(
    f"{name}:"
    for name in (
        "kafka",
        "sqs",
        "amqp",
        "amqp_queue",
        "amqp_exchange",
        "nats",
        "nats_stream",
        "jsm",
        "azure",
        "gcp_pubsub",
        "ibm_mq",
    )
)


def handler_findings(handler: EventHandler) -> list[Finding]:
    """Everything that is wrong with a handler."""
    return list(_findings(handler))


def _findings(handler: EventHandler) -> Iterator[Finding]:
    if not handler.name.strip():
        yield Finding("name", "Missing event handler name")
    if not handler.event.strip():
        yield Finding("event", "Missing event location")
    elif not handler.event.startswith(("conductor:", *_OTHER_BROKERS)):
        yield Finding("event", _nothing_comes(handler.event), handler.event)
    if handler.evaluator_type == "python":
        message = "Python conditions are not supported in the playground. Use javascript."
        yield Finding("evaluatorType", message, handler.evaluator_type)
    if not handler.actions:
        yield Finding("actions", "No actions specified. Please specify at-least one action")
    if len(handler.actions) > MOST_ACTIONS:
        message = f"A handler has at most {MOST_ACTIONS} actions in the playground."
        yield Finding("actions", message, str(len(handler.actions)))
    for index, action in enumerate(handler.actions):
        yield from _action_findings(f"actions[{index}]", action)


def notice(handler: EventHandler) -> str:
    """What whoever registers it should know, empty when nothing.

    Handlers of Conductor's other brokers are kept, as definitions from the field have them; no
    message of theirs ever comes here.
    """
    return _nothing_comes(handler.event) if handler.event.startswith(_OTHER_BROKERS) else ""


def _nothing_comes(event: str) -> str:
    return (
        f"Events of {event.partition(':')[0]} are not available in the playground: nothing will "
        "reach this handler. Use conductor:<workflow>:<name>, which EVENT tasks of this namespace "
        "publish to, or an incoming webhook for messages from outside."
    )


def _action_findings(path: str, action: Action) -> Iterator[Finding]:
    if action.action == "start_agent":
        message = (
            "start_agent is not available in the playground. "
            "Use start_workflow with a workflow that calls your agent."
        )
        yield Finding(f"{path}.action", message, action.action)
    elif action.action not in _ACTIONS:
        message = f"action must be one of {', '.join(_ACTIONS)}"
        yield Finding(f"{path}.action", message, action.action)
    elif getattr(action, action.action) is UNSET:
        message = f"{action.action} field is required for action: {action.action}"
        yield Finding(f"{path}.{action.action}", message)


# Conditions


def condition_program(handler: EventHandler) -> str:
    """The condition if it is a script, else nothing; evaluators nobody knows are JavaScript."""
    if handler.evaluator_type in (VALUE_PARAM, "python"):
        return ""
    return (handler.condition or "").strip()


def is_true(value: Any) -> bool:
    """Whether the value of a condition lets the actions run: true, or a number above 0."""
    if isinstance(value, bool):
        return value
    return isinstance(value, int | float) and value > 0


def expanded(payload: Any) -> Any:
    """The payload with JSON in texts become structure: of maps, and of maps in them.

    Texts in lists and in what was expanded stay as they are.
    """
    if not isinstance(payload, dict):
        return payload
    return {key: _expanded_value(value) for key, value in payload.items()}


def _expanded_value(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("{", "[")):
        try:
            return read_any(value.encode(), max_bytes=len(value) * 4)
        except (Invalid, UnicodeEncodeError):
            return value
    return expanded(value)


# Parameters of actions


class PayloadScope:
    """An `expressions.Scope` whose roots are the members of a message's payload."""

    def __init__(self, payload: Any) -> None:
        self._payload = payload if isinstance(payload, dict) else {}

    def root(self, name: str) -> Any:
        return self._payload.get(name)

    def field(self, name: str, key: str) -> Any:
        if (name, key) == ("workflow", "env"):
            # Substitution looks names up in it; a payload's own `workflow.env` may be anything.
            value = self._payload.get("workflow")
            env = value.get("env") if isinstance(value, dict) else None
            return env if isinstance(env, dict) else {}
        return walk(self._payload.get(name), (int(key) if key.lstrip("-").isdigit() else key,))


def evaluated(template: Any, payload: Any, max_bytes: int) -> Any:
    """`template` with its expressions over the payload replaced. Raises `BudgetExceeded`."""
    return _evaluated(template, payload, PayloadScope(payload), Budget(max_bytes))


def _evaluated(template: Any, payload: Any, scope: PayloadScope, budget: Budget) -> Any:
    if isinstance(template, dict):
        return {key: _evaluated(item, payload, scope, budget) for key, item in template.items()}
    if isinstance(template, list):
        return [_evaluated(item, payload, scope, budget) for item in template]
    if isinstance(template, str) and template.strip() == _ALL_OF_IT:
        budget.charge_value(payload)
        return payload
    return substitute(template, scope, budget)
