"""Who is calling: for which namespace, with which scopes and under which plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Plan:
    """The limits of a namespace: one row of the table `plans`."""

    name: str
    running_executions: int
    # None: no window at all. Otherwise `burst` requests at once and this many a second after.
    requests_per_second: float | None
    burst: int
    payload_bytes: int
    workflow_definitions: int
    task_definitions: int
    tasks_per_execution: int
    stored_executions: int
    retention_days: int
    access_keys: int
    child_depth: int = 8
    """Levels of sub-workflows under an execution that nobody started as a child."""
    descendants: int = 500
    """Unfinished executions below one such execution, at all levels."""
    fork_width: int = 2_000
    start_chain: int = 100
    """Executions in a row that each were started by the one before."""
    secrets: int = 100
    environment_variables: int = 100
    schemas: int = 200
    """Versions of schemas, as with workflow definitions."""
    schedules: int = 50
    scheduled_starts_per_minute: int = 30

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Plan":
        """The plan in a row that holds the columns of `plans`, each with the prefix `plan_`."""
        return cls(**{name: row[f"plan_{name}"] for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever makes a request: a person (`user:<id>`) or an application (`app:<id>`)."""

    namespace: str
    subject: str
    scopes: frozenset[str]
    plan: Plan
    label: str
