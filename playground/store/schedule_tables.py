"""Tables of schedules, their timers and what became of each run; see `store.tables`.

A timer is one cron entry of a schedule. `expected_at` is its next run; `available_at` says from
when a clock may take it: the same instant, or the end of the lease of the clock that has it; NULL
when the schedule is paused or has no further runs. Taking a run moves both to the next one and
writes its record in the same statement. A record in state POLLED is the run that has to be
started: `available_at` is then the end of the lease of whoever starts it. The record's id follows
from schedule, cron entry and expected time, so one run has one record, whoever takes it.
"""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, desc, text

from tenants.tables import metadata

_NONE: Final = text("''")

schedules = Table(
    "schedules",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("workflow_name", Text, nullable=False),
    Column("paused", Boolean, nullable=False),
    # What pausing says, apart from the body: it changes without the schedule being saved.
    Column("paused_reason", Text),
    Column("body", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False, server_default=_NONE),
    Column("updated_by", Text, nullable=False, server_default=_NONE),
)

schedule_timers = Table(
    "schedule_timers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("schedule", Text, nullable=False),
    Column("cron", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("expected_at", BigInteger),
    Column("available_at", BigInteger),
    Column("claim", Integer, nullable=False, server_default=text("0")),
    Index("ix_schedule_timers_of_schedule", "namespace", "schedule"),
    Index(
        "ix_schedule_timers_claimable",
        "namespace",
        "available_at",
        postgresql_where=text("available_at IS NOT NULL"),
    ),
    Index(
        "ix_schedule_timers_next",
        "available_at",
        postgresql_where=text("available_at IS NOT NULL"),
    ),
    postgresql_with={"fillfactor": 70},
)

schedule_executions = Table(
    "schedule_executions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("schedule", Text, nullable=False),
    Column("workflow_name", Text, nullable=False),
    Column("workflow_id", Text),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("cron", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("scheduled_time", BigInteger, nullable=False),
    Column("execution_time", BigInteger, nullable=False),
    # The start request as it was when the run was taken.
    Column("request", Text, nullable=False),
    Column("available_at", BigInteger),
    Column("claim", Integer, nullable=False, server_default=text("0")),
    Index(
        "ix_schedule_executions_claimable",
        "namespace",
        "available_at",
        postgresql_where=text("available_at IS NOT NULL"),
    ),
    Index(
        "ix_schedule_executions_next",
        "available_at",
        postgresql_where=text("available_at IS NOT NULL"),
    ),
    Index("ix_schedule_executions_newest", "namespace", desc("scheduled_time"), "id"),
    Index(
        "ix_schedule_executions_of_schedule", "namespace", "schedule", desc("scheduled_time"), "id"
    ),
    # How many the namespace started within the last minute.
    Index("ix_schedule_executions_recent", "namespace", "execution_time"),
    postgresql_with={"fillfactor": 80},
)

SCHEDULE_TABLES: Final = (schedules, schedule_timers, schedule_executions)

_ALL: Final = "select, insert, update, delete"
_OWN: Final = {"tenant": _ALL, "committer": _ALL}
_CLAIMS: Final = "select (id, namespace, available_at, claim), update (available_at, claim)"

SCHEDULE_GRANTS: Final[dict[str, dict[str, str]]] = {
    "schedules": _OWN,
    "schedule_timers": {
        **_OWN,
        "claims": _CLAIMS,
        "operator": "select (id, namespace, expected_at, available_at, claim)",
    },
    "schedule_executions": {
        **_OWN,
        "claims": _CLAIMS,
        "operator": "select (id, namespace, state, scheduled_time, execution_time, available_at)",
    },
}
