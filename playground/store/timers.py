"""When the clock must look at a task after a worker took it."""

from typing import Final

from sqlalchemy import BigInteger, case, func, literal

from playground.store.tables import tasks
from tenants.tables import NOW_MS

_FAR: Final = literal(9_000_000_000_000_000, BigInteger)

# What a hand-out does to the clock: response and task time-outs start to run, and the budget over
# all attempts goes on.
TIMER_AFTER_POLL: Final = func.nullif(
    func.least(
        case(
            (tasks.c.response_timeout > 0, NOW_MS + tasks.c.response_timeout * 1000),
            else_=_FAR,
        ),
        case(
            (
                tasks.c.timeout > 0,
                case((tasks.c.start_time > 0, tasks.c.start_time), else_=NOW_MS)
                + tasks.c.timeout * 1000,
            ),
            else_=_FAR,
        ),
        func.coalesce(tasks.c.deadline_at, _FAR),
    ),
    _FAR,
)
