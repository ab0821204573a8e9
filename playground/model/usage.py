"""What a namespace did lately, and how much of its limits it uses: `/api/playground/usage`."""

from enum import StrEnum

from msgspec import Struct


class Window(StrEnum):
    """How far back to look."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def length_ms(self) -> int:
        """Its length in milliseconds."""
        hours = {Window.HOUR: 1, Window.DAY: 24, Window.WEEK: 7 * 24}[self]
        return hours * 3_600_000


class WorkflowUsage(Struct, frozen=True, kw_only=True, rename="camel"):
    """The runs of one workflow, all its versions; durations in ms, of those that have ended."""

    name: str
    runs: int
    completed: int
    failed: int
    """FAILED, TIMED_OUT and TERMINATED."""
    running: int
    p50_ms: int | None
    p95_ms: int | None


class TaskUsage(Struct, frozen=True, kw_only=True, rename="camel"):
    """The attempts of one task; times in ms, durations of those that have ended."""

    name: str
    type: str
    attempts: int
    failed: int
    p50_ms: int | None
    p95_ms: int | None
    waited_p95_ms: int | None
    """From being scheduled to being taken."""


class Meter(Struct, frozen=True, kw_only=True, rename="camel"):
    """One limit of the plan; `at_limit` says what happens there."""

    name: str
    label: str
    used: int
    limit: int
    at_least: bool = False
    """More than `used` was not counted."""
    at_limit: str

    @property
    def is_nearly_full(self) -> bool:
        """Whether it is time to make room."""
        return self.used * 10 >= self.limit * 9


class Usage(Struct, frozen=True, kw_only=True, rename="camel"):
    """`is_whole` False: there was more in the window than is looked at; the newest were."""

    window: Window
    since: int
    is_whole: bool
    runs: int
    failed: int
    workflows: list[WorkflowUsage]
    tasks: list[TaskUsage]
    plan: str
    requests_per_second: float | None
    meters: list[Meter]
