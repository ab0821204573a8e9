"""Every supported shape of a search: what is filtered, what is sorted by, which words are sought.

Data for `infra/load/search.py`, which times them over many executions, and for the test that looks
at their plans. Values are those of the rows which `search.py` makes; elsewhere they find little.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from playground.model.search_query import EXECUTION_FIELDS, TASK_FIELDS, Fields

FIRST_START: Final = 1_700_000_000_000
"""When the first of the rows started, in milliseconds; each next one started a second later."""


def execution_id(number: int) -> str:
    """The id of the row of that number."""
    return f"{number * 2_654_435_761 % 2**32:08x}-0000-4000-8000-{number:012d}"


def task_id(number: int, seq: int) -> str:
    """The id of its task at that place."""
    return f"{number * 2_654_435_761 % 2**32:08x}-000{seq}-4000-9000-{number:012d}"


@dataclass(frozen=True, slots=True)
class Shape:
    """One search: `of` executions, tasks, or executions by their tasks."""

    of: str
    query: str
    sort: str
    free_text: str

    def __str__(self) -> str:
        parts = (self.query or "everything", self.sort, self.free_text)
        return " | ".join(part for part in parts if part)


_TIMES: Final = (
    f"{{}} > {FIRST_START + 50_000_000}",
    f"{{}} < {FIRST_START + 1_000_000}",
    f"{{}} >= {FIRST_START + 60_000_000} AND {{}} <= {FIRST_START + 61_000_000}",
    "{} > 0",
)
EXECUTION_QUERIES: Final = (
    "",
    f"workflowId = '{execution_id(4711)}'",
    f"workflowId IN ({execution_id(4711)}, {execution_id(4712)})",
    "workflowId = 'ab*'",
    f"workflowId != '{execution_id(4711)}'",
    "workflowType = 'flow_7'",
    "workflowType IN (flow_3, flow_4)",
    "workflowType = 'flow_1*'",
    "workflowType != flow_7",
    "workflowName = nothing",
    "version = 1",
    "version > 1",
    "version IN (1, 2)",
    "correlationId = 'order-4711'",
    "correlationId IN (order-17, order-18)",
    "correlationId = '*-9999*'",
    "correlationId != order-17",
    "status = COMPLETED",
    "status = FAILED",
    "status IN (FAILED, RUNNING)",
    "status != COMPLETED",
    'parentWorkflowId = ""',
    f"parentWorkflowId = '{execution_id(13)}'",
    "parentWorkflowId = '*-4000-*'",
    "idempotencyKey = key-4720",
    "idempotencyKey IN (key-4720, key-4740)",
    'idempotencyKey = ""',
    *(time.format(*[name] * 2) for name in EXECUTION_FIELDS if "Time" in name for time in _TIMES),
    f"status = FAILED AND workflowType = flow_7 AND startTime > {FIRST_START}",
    f"status = COMPLETED AND workflowType IN (flow_7, flow_8) AND endTime < {FIRST_START * 2}",
    "input.orderId = 'A-4711'",
    "input.customer.name = name17",
    "input.customer.city = Berlin",
    "output.result.note IN ('all is good in case17')",
    "input.customer.city = Berlin AND status = FAILED",
)
TASK_QUERIES: Final = (
    "",
    f"taskId = '{task_id(4711, 1)}'",
    f"taskId IN ({task_id(4711, 1)}, {task_id(4712, 2)})",
    "taskId = 'ab*'",
    "taskType = HTTP",
    "taskType IN (HTTP, INLINE)",
    "taskType = 'work_*'",
    "taskType != HTTP",
    "taskDefName = 'work_6'",
    "taskDefName = '*LIN*'",
    "referenceTaskName = task_2_ref",
    "referenceTaskName = '*_3_*'",
    "taskReferenceName = nothing",
    "workflowType = flow_7",
    "workflowName IN (flow_3, flow_4)",
    "workflowName = 'flow_1*'",
    "workflowName != flow_7",
    f"workflowId = '{execution_id(4711)}'",
    "workflowId = 'ab*'",
    "correlationId = 'order-4711'",
    "correlationId = '*-9999*'",
    "status = COMPLETED",
    "status = FAILED",
    "status IN (FAILED, TIMED_OUT)",
    "status != COMPLETED",
    *(time.format(*[name] * 2) for name in TASK_FIELDS if "Time" in name for time in _TIMES),
    f"taskType = HTTP AND status = COMPLETED AND scheduledTime > {FIRST_START}",
    "status = FAILED AND workflowName = flow_7",
    "status = COMPLETED AND workflowName = flow_7",
)
# In one execution, in a twentieth of a percent, in a hundredth, in each.
WORDS: Final = ("A-4711", "case4711", "name17", "plum7", "berlin", "berlin plum7", "nowhere")
DOCUMENTS: Final = ('{"customer":{"name":"name17"}}', '{"customer":{"city":"Berlin"}}')


def shapes() -> Iterator[Shape]:
    """Each filter under each order; with words each filter, and each order, by themselves."""
    for of, fields, queries, texts in (
        ("executions", EXECUTION_FIELDS, EXECUTION_QUERIES, (*WORDS, *DOCUMENTS)),
        ("tasks", TASK_FIELDS, TASK_QUERIES, WORDS),
    ):
        yield from (Shape(of, query, sort, "") for query in queries for sort in sorts(fields))
        for free_text in texts:
            yield from (Shape(of, "", sort, free_text) for sort in sorts(fields))
            yield from (
                Shape(of, query, sort, free_text)
                for query in queries[1:]
                for sort in ("startTime:DESC", "status:ASC")
            )
    for query in TASK_QUERIES:
        yield from (Shape("executions by tasks", query, "", text) for text in ("", *WORDS))


def sorts(fields: Fields) -> Iterator[str]:
    """Each field both ways, several together, and none."""
    yield ""
    seen: set[str] = set()
    for name, (field, _) in fields.items():
        if field not in seen:
            seen.add(field)
            yield f"{name}:DESC"
            yield f"{name}:ASC"
    yield "status:ASC|startTime:DESC"
