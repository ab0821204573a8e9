"""Task types that the playground runs itself: one module each, and the registry that names them."""

from collections.abc import Mapping

from playground.executors import (
    business_rule,
    get_signed_jwt,
    http,
    http_poll,
    inline,
    json_jq_transform,
    lambda_,
)
from playground.executors.contract import Executor, ExecutorInput, Tools

__all__ = ["EXECUTORS", "Executor", "ExecutorInput", "Tools"]

EXECUTORS: Mapping[str, Executor] = {
    "HTTP": http.execute,
    "HTTP_POLL": http_poll.execute,
    "JSON_JQ_TRANSFORM": json_jq_transform.execute,
    "INLINE": inline.execute,
    "LAMBDA": lambda_.execute,
    "BUSINESS_RULE": business_rule.execute,
    "GET_SIGNED_JWT": get_signed_jwt.execute,
}
