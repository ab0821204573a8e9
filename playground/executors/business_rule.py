"""BUSINESS_RULE: a decision table that is fetched from a URL, over values of the task's input."""

import asyncio
from dataclasses import dataclass
from typing import Any

from playground.egress import EgressFailed, EgressRefused, EgressRequest, EgressResponse
from playground.executors.contract import ExecutorInput, Tools, completed, failed
from playground.executors.decision_table import DecisionTable, NotATable, read_table
from playground.expressions.java_text import java_text
from playground.model.errors import Unavailable
from playground.model.requests import TaskResult

STRATEGIES = ("FIRE_FIRST", "FIRE_ALL")
USUAL_MINUTES = 60
LONGEST_MINUTES = 24 * 60
NOT_CSV = (
    "Only CSV rule files are supported in the playground; save the spreadsheet as CSV and name "
    "that file in 'ruleFileLocation'."
)
_SPREADSHEET_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


class _Malformed(Exception):
    """The task cannot be carried out as it is; the text says why."""


@dataclass(frozen=True)
class _Rule:
    url: str
    given: dict[str, Any]
    wanted: list[str]
    first_only: bool
    minutes: int


async def execute(task: ExecutorInput, tools: Tools) -> TaskResult:
    """Output `result`: the output columns of the row or rows that match, `{}` when none does.

    Raises:
        Unavailable: the namespace asked too often; its turn comes later.
    """
    try:
        rule = _read(task.input)
        table = await _table(task, rule, tools)
        # Ten thousand rows take a while; the loop is everybody's.
        decided = await asyncio.to_thread(
            table.decide, rule.given, rule.wanted, first_only=rule.first_only
        )
    except (_Malformed, NotATable) as problem:
        return failed(task, str(problem), retriable=False)
    except EgressRefused as refusal:
        return failed(task, f"The rule file could not be fetched: {refusal}")
    except EgressFailed as problem:
        if problem.kind == "limited":
            raise Unavailable(str(problem)) from problem
        return failed(task, f"The rule file could not be fetched: {problem}")
    return completed(task, {"result": decided})


def _read(given: dict[str, Any]) -> _Rule:
    url = given.get("ruleFileLocation")
    if not isinstance(url, str) or not url.strip():
        raise _Malformed("Missing 'ruleFileLocation' in BUSINESS_RULE")
    strategy = java_text(given.get("executionStrategy") or "FIRE_FIRST").strip().upper()
    if strategy not in STRATEGIES:
        raise _Malformed(f"'executionStrategy' is not one of {', '.join(STRATEGIES)}: {strategy}")
    inputs, outputs = given.get("inputColumns"), given.get("outputColumns")
    if not isinstance(inputs, dict):
        raise _Malformed("'inputColumns' of BUSINESS_RULE is not an object of column and value")
    if not isinstance(outputs, list) or not outputs:
        raise _Malformed("'outputColumns' of BUSINESS_RULE is not a list of columns")
    return _Rule(
        url=url.strip(),
        given=inputs,
        wanted=[java_text(name) for name in outputs],
        first_only=strategy == "FIRE_FIRST",
        minutes=_minutes(given.get("cacheTimeoutMinutes")),
    )


def _minutes(value: Any) -> int:
    if value is None or value == "":
        return USUAL_MINUTES
    try:
        minutes = int(value) if not isinstance(value, bool) else -1
    except (TypeError, ValueError, OverflowError):
        minutes = -1
    if minutes < 0:
        raise _Malformed("'cacheTimeoutMinutes' is not a number of minutes")
    return min(minutes, LONGEST_MINUTES)


async def _table(task: ExecutorInput, rule: _Rule, tools: Tools) -> DecisionTable:
    kept = tools.rules.get(task.namespace, rule.url, task.now_ms)
    if kept is not None:
        return kept
    accept = {"Accept": "text/csv, text/plain, */*"}
    response = await tools.egress.fetch(
        task.namespace, EgressRequest(method="GET", url=rule.url, headers=accept)
    )
    if not 200 <= response.status < 300:
        raise EgressFailed("status", f"the server answered {response.status}")
    if _is_spreadsheet(response):
        raise _Malformed(NOT_CSV)
    text = response.body.decode("utf-8", "replace")
    table = await asyncio.to_thread(read_table, text)
    tools.rules.keep(
        task.namespace,
        rule.url,
        table,
        size=len(response.body),
        until_ms=task.now_ms + rule.minutes * 60_000,
    )
    return table


def _is_spreadsheet(response: EgressResponse) -> bool:
    return response.body.startswith(_SPREADSHEET_STARTS)
