"""Messages sent to a running execution, which its PULL_WORKFLOW_MESSAGES tasks take."""

from typing import Final

from msgspec import Struct

from playground.model.definitions import JSONObject

MOST_WAITING: Final = 1_000
"""Messages that may wait for the tasks of one execution."""
MOST_IN_A_BATCH: Final = 100


class WorkflowMessage(Struct, frozen=True, kw_only=True, rename="camel"):
    """`received_at` is an ISO time, as Conductor writes it."""

    id: str
    workflow_id: str
    payload: JSONObject
    received_at: str
