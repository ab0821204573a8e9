"""The query grammar of Conductor's search, as a typed query; the store compiles it to SQL.

Clauses are joined by AND: `field = value`, `field IN (a, "b c")`, `field > number`, and beyond the
SQL back ends of Conductor `!=`, `>=` and `<=`. `*` inside a value of `=` stands for any text.
`input.order.id = 7` looks into the input of an execution, `output.…` into its output. Unknown
fields are ignored, as Conductor ignores them; a clause that can not be read is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from playground.model.errors import Invalid

MAX_CHARACTERS = 10_000
MAX_PAGE = 5_000
EVERYTHING = ("", "*")


class Operator(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    LIKE = "LIKE"
    """Equality with `*` for any text."""
    IN = "IN"
    GREATER = ">"
    LESS = "<"
    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True)
class Clause:
    """One condition on one field of `EXECUTION_FIELDS` or `TASK_FIELDS`, in snake_case.

    Values are text, or integers for times (epoch milliseconds) and counts. Only IN has several.
    """

    field: str
    operator: Operator
    values: tuple[str | int, ...]


@dataclass(frozen=True)
class Sort:
    field: str
    descending: bool = False


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """What to look for: all clauses hold, and every word of `free_text` occurs ("" = no words)."""

    clauses: tuple[Clause, ...] = ()
    sort: tuple[Sort, ...] = ()
    free_text: str = ""
    start: int = 0
    size: int = 100


_LARGEST_TIME = 2**63 - 1
_LARGEST_VERSION = 2**31 - 1

# Wire name → our field and the largest number its column holds, 0 where values are text.
Fields = Mapping[str, tuple[str, int]]

_TIMES = {
    "startTime": ("start_time", _LARGEST_TIME),
    "endTime": ("end_time", _LARGEST_TIME),
    "updateTime": ("update_time", _LARGEST_TIME),
    "modifiedTime": ("update_time", _LARGEST_TIME),
}
EXECUTION_FIELDS: Fields = {
    "workflowId": ("workflow_id", 0),
    "workflowType": ("workflow_name", 0),
    "workflowName": ("workflow_name", 0),
    "version": ("workflow_version", _LARGEST_VERSION),
    "correlationId": ("correlation_id", 0),
    "status": ("status", 0),
    "parentWorkflowId": ("parent_workflow_id", 0),
    "idempotencyKey": ("idempotency_key", 0),
    **_TIMES,
}
TASK_FIELDS: Fields = {
    "taskId": ("task_id", 0),
    "taskType": ("task_type", 0),
    "taskDefName": ("task_def_name", 0),
    "referenceTaskName": ("reference_task_name", 0),
    "taskReferenceName": ("reference_task_name", 0),
    "workflowType": ("workflow_name", 0),
    "workflowName": ("workflow_name", 0),
    "workflowId": ("workflow_id", 0),
    "correlationId": ("correlation_id", 0),
    "status": ("status", 0),
    "scheduledTime": ("scheduled_time", _LARGEST_TIME),
    **_TIMES,
}
NEWEST_FIRST = (Sort("start_time", descending=True),)


def search_request(
    fields: Fields, *, query: str, sort: str, free_text: str, start: int, size: int
) -> SearchRequest:
    """The request in the words of the API; raises `Invalid` for what can not be read."""
    if not 0 <= size <= MAX_PAGE:
        raise Invalid(
            f"Cannot return more than {MAX_PAGE} workflows. Please use pagination."
            if size > 0
            else "size: must be 0 or more"
        )
    if start < 0:
        raise Invalid("start: must be 0 or more")
    if max(len(query), len(free_text)) > MAX_CHARACTERS:
        raise Invalid(f"query, freeText: at most {MAX_CHARACTERS} characters are accepted")
    return SearchRequest(
        clauses=parse_query(query, fields),
        sort=parse_sort(sort, fields) or NEWEST_FIRST,
        free_text="" if free_text.strip() in EVERYTHING else free_text.strip(),
        start=start,
        size=size,
    )


_AND_OR_QUOTED = re.compile(r"""\"[^"]*\"|'[^']*'|(\s+AND\s+)""", re.IGNORECASE)
_CLAUSE = re.compile(
    r"([A-Za-z_][\w.-]*)\s*(?:(!=|>=|<=|=|>|<)|(?<=\s)(IN)(?=[\s(]))\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)


def parse_query(query: str, fields: Fields) -> tuple[Clause, ...]:
    """The conditions of `query` on known fields; `*` and blank mean no condition."""
    if query.strip() in EVERYTHING:
        return ()
    clauses = (_parse_clause(text, fields) for text in _split_at_and(query))
    return tuple(clause for clause in clauses if clause)


def unknown_fields(query: str, fields: Fields) -> list[str]:
    """The names in a query that parses to which `parse_query` finds no field."""
    if query.strip() in EVERYTHING:
        return []
    texts = _split_at_and(query)
    ignored = [text for text in texts if _parse_clause(text, fields) is None]
    return [found[1] for text in ignored if (found := _CLAUSE.fullmatch(text))]


def _split_at_and(query: str) -> list[str]:
    parts, start = [], 0
    for found in _AND_OR_QUOTED.finditer(query):
        if found[1]:
            parts.append(query[start : found.start()])
            start = found.end()
    parts.append(query[start:])
    return [part.strip() for part in parts]


def _parse_clause(text: str, fields: Fields) -> Clause | None:
    found = _CLAUSE.fullmatch(text)
    if not found:
        raise _malformed(text)
    name, sign, _, value = found.groups()
    values = _split_list(value) if sign is None else (_unquoted(value),)
    if (sign is None and not (value.startswith("(") and value.endswith(")"))) or not value:
        raise _malformed(text)
    if name not in fields and _INTO_PAYLOAD.fullmatch(name) and fields is EXECUTION_FIELDS:
        return _payload_clause(name, sign, values, text)
    if name not in fields:
        return None
    field, largest = fields[name]
    if largest:
        numbers = tuple(_number(value, largest, text) for value in values)
        return Clause(field, _number_operator(sign, values), numbers)
    if sign in (">", "<", ">=", "<="):
        raise Invalid(f"{name}: only times and versions can be compared with {sign}")
    return Clause(field, _text_operator(sign, values), values)


_INTO_PAYLOAD = re.compile(r"(?:input|output)(?:\.[\w-]+)+")


def _payload_clause(name: str, sign: str | None, values: tuple[str, ...], text: str) -> Clause:
    """Only what can be looked up by the words of its value."""
    operator = _text_operator(sign, values)
    if operator not in (Operator.EQUAL, Operator.IN) or not any(values):
        raise Invalid(f"{name}: only = and IN with values can look into inputs and outputs: {text}")
    return Clause(name, operator, values)


def _number_operator(sign: str | None, values: tuple[str, ...]) -> Operator:
    if sign is None:
        return Operator.EQUAL if len(values) == 1 else Operator.IN
    return Operator(sign)


def _text_operator(sign: str | None, values: tuple[str, ...]) -> Operator:
    if sign is None and len(values) > 1:
        return Operator.IN
    if sign != "!=" and "*" in values[0]:
        return Operator.LIKE
    return Operator(sign or "=")


_LIST_ELEMENT = re.compile(r"""\s*("[^"]*"|'[^']*'|[^,]*)\s*(?:,|$)""")


def _split_list(value: str) -> tuple[str, ...]:
    inner = value.strip().removeprefix("(").removesuffix(")")
    found = (match[1] for match in _LIST_ELEMENT.finditer(inner))
    elements = tuple(_unquoted(element) for element in found if element.strip())
    return elements or ("",)


def _unquoted(value: str) -> str:
    text = value.strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    if len(text) >= 2 and text[0] in "\"'" and text[-1] == text[0]:
        return text[1:-1]
    return text


def _number(value: str, largest: int, clause: str) -> int:
    """The number, or where the column ends: nothing lies beyond, so comparisons stay true."""
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise _malformed(clause)
    return max(-largest, min(int(value), largest))


def _malformed(clause: str) -> Invalid:
    return Invalid(f"Incorrectly formatted query string: {clause[:200]}")


def parse_sort(sort: str, fields: Fields) -> tuple[Sort, ...]:
    """`startTime:DESC|status:ASC`; ascending without a direction, unknown fields left out."""
    found: list[Sort] = []
    for part in sort.split("|"):
        name, _, direction = part.strip().partition(":")
        if name in fields:
            found.append(Sort(fields[name][0], direction.strip().upper() == "DESC"))
    return tuple(found)
