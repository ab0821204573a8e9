"""Task types that the playground runs itself: one module each, and the registry that names them."""

from collections.abc import Awaitable, Callable, Mapping

from playground.executors import (
    business_rule,
    get_signed_jwt,
    http,
    http_poll,
    inline,
    json_jq_transform,
    lambda_,
)
from playground.executors.contract import Executor, ExecutorInput, HasSandbox, Tools
from playground.model.requests import TaskResult

__all__ = ["EXECUTORS", "SCRIPTS", "Executor", "ExecutorInput", "HasSandbox", "Tools"]

EXECUTORS: Mapping[str, Executor] = {
    "HTTP": http.execute,
    "HTTP_POLL": http_poll.execute,
    "JSON_JQ_TRANSFORM": json_jq_transform.execute,
    "INLINE": inline.execute,
    "LAMBDA": lambda_.execute,
    "BUSINESS_RULE": business_rule.execute,
    "GET_SIGNED_JWT": get_signed_jwt.execute,
}

SCRIPTS: Mapping[str, Callable[[ExecutorInput, HasSandbox], Awaitable[TaskResult]]] = {
    "JSON_JQ_TRANSFORM": json_jq_transform.execute,
    "INLINE": inline.execute,
    "LAMBDA": lambda_.execute,
}
"""Those that reach nothing but the sandbox: a test run may run them too."""
