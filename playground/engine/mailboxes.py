"""One decision at a time per execution within a process, and what it last knew of it.

Results that arrive while a decision is being committed wait in the execution's mailbox and are
decided together in the next: a thousand branches that end at once cost a few commits, not a
thousand. Between processes the row's version decides. Views are kept because every save is
checked against that version; a view that fell behind is found out and loaded again.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from playground.decider import ExecutionView, Input, Outcome
from playground.engine.handed_on import Taker
from playground.store.event_messages import Receipt

_MOST_VIEWS: Final = 4_000
_MOST_TASKS: Final = 200_000
_KEPT_SECONDS: Final = 60.0
"""An execution nobody asked for in so long may have gone on, or ended, in another process; loading
it anew costs less than keeping all of these."""

Prepare = Callable[[ExecutionView], tuple[Input, ...]]
"""Inputs that depend on the execution as it is when their turn comes."""


@dataclass(frozen=True, slots=True)
class Known:
    """An execution as this process last saved or loaded it."""

    view: ExecutionView
    row_version: int
    snapshot: str


@dataclass(frozen=True, slots=True)
class Advanced:
    """What became of one letter: an outcome per input, and the state it was decided in."""

    outcomes: tuple[Outcome, ...]
    view: ExecutionView


@dataclass(slots=True)
class Letter:
    """Inputs for one execution, decided together and in order."""

    prepare: Prepare
    fresh: bool = False
    """Decide on the rows as they are now, claims of pollers included."""
    logs: tuple[tuple[str, str, int], ...] = ()
    """(task id, line, time) to append with the decision."""
    receipts: tuple[Receipt, ...] = ()
    """Records of event actions that end with the decision; such a letter is decided alone."""
    taker: Taker | None = None
    """Who takes a task that the decision schedules."""
    answer: "asyncio.Future[Advanced]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Mailboxes:
    """The mailboxes and known views of one process."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.letters: dict[str, list[Letter]] = {}
        self.open: set[str] = set()
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._asked: dict[str, float] = {}
        self._tasks = 0
        self._now = now

    @property
    def executions(self) -> int:
        """How many executions are known."""
        return len(self._known)

    def known(self, execution_id: str) -> Known | None:
        """What this process knows of an execution."""
        known = self._known.get(execution_id)
        if known is not None:
            self._known.move_to_end(execution_id)
            self._asked[execution_id] = self._now()
        return known

    def keep(self, execution_id: str, known: Known) -> None:
        """Remember it until it ends or others are needed more."""
        self.forget(execution_id)
        if known.view.execution.status.terminal:
            return
        self._known[execution_id] = known
        self._asked[execution_id] = self._now()
        self._tasks += len(known.view.index.tasks)
        while self._are_too_many():
            self.forget(next(iter(self._known)))

    def forget(self, execution_id: str) -> None:
        """Load it anew next time."""
        dropped = self._known.pop(execution_id, None)
        if dropped is not None:
            del self._asked[execution_id]
            self._tasks -= len(dropped.view.index.tasks)
        if not self._known:
            self._tasks = 0

    def _are_too_many(self) -> bool:
        if len(self._known) < 2:
            return False
        if len(self._known) > _MOST_VIEWS or self._tasks > _MOST_TASKS:
            return True
        oldest = next(iter(self._known))
        return self._asked[oldest] < self._now() - _KEPT_SECONDS


__all__ = ["Advanced", "Known", "Letter", "Mailboxes", "Prepare"]
