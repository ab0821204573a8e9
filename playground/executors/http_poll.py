"""HTTP_POLL: the same request again and again until a script over its answer says that it is done.

Each call is one claim of the task. Between calls the task waits for its time as a row: nothing is
held open, a killed executor loses nothing, and `pollCount` is how often the task was taken. Keys
are read from `http_request`, or from the input itself as with HTTP.
"""

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from playground.executors import http
from playground.executors.contract import ExecutorInput, Tools, completed, failed, in_progress
from playground.executors.evaluation import script_error, unavailable
from playground.expressions.java_text import java_text
from playground.model.requests import ResultStatus, TaskResult

NO_CONDITION = "Missing 'terminationCondition' in input parameters"
USUAL_INTERVAL_SECONDS = 60
SHORTEST_INTERVAL_SECONDS = 1
"""The hosted product asks for a minute. Nobody plays for an hour, and how many requests a
namespace may send is bounded by the egress in any case."""
LONGEST_INTERVAL_SECONDS = 24 * 3600
USUAL_POLLS = 1000
STRATEGIES = ("FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF")


class _Malformed(Exception):
    """The task's input does not say how to poll; the text says why."""


@dataclass(frozen=True)
class Polling:
    """How often to call, and the script that ends it."""

    condition: str
    interval_seconds: int = USUAL_INTERVAL_SECONDS
    strategy: str = "FIXED"
    most_polls: int = USUAL_POLLS

    def pause_seconds(self, calls: int) -> int:
        """How long to wait after call number `calls` (the first is 1)."""
        seconds = self.interval_seconds
        if self.strategy == "LINEAR_BACKOFF":
            seconds *= calls
        elif self.strategy == "EXPONENTIAL_BACKOFF":
            seconds *= 2 ** min(calls - 1, 32)
        return min(seconds, LONGEST_INTERVAL_SECONDS)


async def execute(task: ExecutorInput, tools: Tools) -> TaskResult:
    """One call: COMPLETED when the condition holds, else IN_PROGRESS until the next.

    The output is HTTP's, of the last call. A call that fails fails the task as with HTTP.

    Raises:
        Unavailable: the namespace asked too often; no call was made.
    """
    try:
        polling = read_polling(task.input)
    except _Malformed as problem:
        return failed(task, str(problem), retriable=False)
    if task.poll_count > polling.most_polls:
        # Only after a kill: the last call was made and nobody knows its answer.
        return _too_many(task, polling, {})
    called = await http.call(task, tools)
    if called.status is ResultStatus.FAILED:
        return called
    return await _judge(task, polling, called.output_data, tools)


def read_polling(given: dict[str, Any]) -> Polling:
    fields = given.get("http_request")
    fields = {**given, **fields} if isinstance(fields, dict) else given
    condition = fields.get("terminationCondition")
    if condition is None or not java_text(condition).strip():
        raise _Malformed(NO_CONDITION)
    strategy = java_text(fields.get("pollingStrategy") or "FIXED").strip().upper()
    if strategy not in STRATEGIES:
        raise _Malformed(f"'pollingStrategy' is not one of {', '.join(STRATEGIES)}: {strategy}")
    interval = _number(fields, "pollingInterval", USUAL_INTERVAL_SECONDS)
    return Polling(
        condition=java_text(condition),
        interval_seconds=min(max(interval, SHORTEST_INTERVAL_SECONDS), LONGEST_INTERVAL_SECONDS),
        strategy=strategy,
        most_polls=min(_number(fields, "maxPollCount", USUAL_POLLS), 10**9),
    )


def _number(fields: dict[str, Any], name: str, usual: int) -> int:
    value = fields.get(name)
    if value is None or value == "":
        return usual
    try:
        number = int(value) if not isinstance(value, bool) else 0
    except (TypeError, ValueError, OverflowError):
        number = 0
    if number < 1:
        raise _Malformed(f"'{name}' is not a positive number")
    return number


async def _judge(
    task: ExecutorInput, polling: Polling, output: dict[str, Any], tools: Tools
) -> TaskResult:
    document = {"input": task.input, "output": output}
    evaluation = await tools.sandbox.evaluate(
        task.namespace, "javascript", polling.condition, document
    )
    if evaluation.again:
        if polling.most_polls > task.poll_count:
            # The call was made, and is counted; the next one is only sooner than planned.
            return _wait(task, output, SHORTEST_INTERVAL_SECONDS)
        raise unavailable(evaluation)
    if evaluation.outcome != "OK":
        return failed(task, script_error(evaluation), output, retriable=False)
    return _verdict(task, polling, output, evaluation.value)


def _verdict(
    task: ExecutorInput, polling: Polling, output: dict[str, Any], verdict: Any
) -> TaskResult:
    text = java_text(verdict).strip().lower() if verdict is not None else ""
    if text in ("true", "1", "1.0"):
        return completed(task, output)
    if text in ("-1", "-1.0"):
        return failed(task, "The termination condition ended the polling with -1", output)
    if task.poll_count >= polling.most_polls:
        return _too_many(task, polling, output)
    return _wait(task, output, polling.pause_seconds(task.poll_count))


def _too_many(task: ExecutorInput, polling: Polling, output: dict[str, Any]) -> TaskResult:
    reason = f"The termination condition was not met within {polling.most_polls} polls"
    return failed(task, reason, output)


def _wait(task: ExecutorInput, output: dict[str, Any], seconds: int) -> TaskResult:
    return replace(in_progress(task, output), callback_after_seconds=seconds)
