"""The engine's tables, and which database role may do what with them.

They join `tenants.tables.metadata`. Times are bigint epoch milliseconds, ids text, bodies JSON in
`text` (jsonb costs 1.7 times as much on the hot path). What is searched, claimed or sorted by is a
column; everything else of an execution or a task is its `header`, the wire type as JSON.

A task row is the work item and the outbox entry. `available_at` says from when it may be taken:
by a poller of `queue`, or, where `system` is set, by an executor, which moves it to the end of its
lease. NULL means there is nothing to take. `timer_at` says when the clock must look at a row even
if nothing happens. A claim writes `status`, `start_time`, `update_time`, `worker_id`,
`poll_count`, `claim`, `available_at` and `timer_at` without the execution's `row_version`; the
save of a decision never takes those back.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    desc,
    text,
)

from playground.store.event_tables import EVENT_GRANTS, EVENT_TABLES
from playground.store.human_tables import HUMAN_GRANTS, HUMAN_TABLES
from playground.store.learning_tables import LEARNING_GRANTS, learning_marks
from playground.store.saved_search_tables import SAVED_SEARCH_GRANTS, saved_searches
from playground.store.schedule_tables import SCHEDULE_GRANTS, SCHEDULE_TABLES
from playground.store.share_tables import SHARE_GRANTS, shares
from playground.store.tag_tables import TAG_GRANTS, tags
from tenants.tables import metadata, row_filter

_NONE: Final = text("''")


def _text(name: str, **options: Any) -> Column[Any]:
    return Column(name, Text, nullable=False, **options)


def _ms(name: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _audit() -> tuple[Column[Any], ...]:
    return (
        _ms("create_time"),
        _ms("update_time"),
        Column("created_by", Text, nullable=False, server_default=_NONE),
        Column("updated_by", Text, nullable=False, server_default=_NONE),
    )


# Bumped with every change of a definition: what a process caches of them is valid for one value.
catalogs = Table(
    "catalogs",
    metadata,
    _text("namespace", primary_key=True),
    Column("revision", BigInteger, nullable=False),
    # The same for secrets; 0 in a namespace that never had one.
    Column("secrets_revision", BigInteger, nullable=False, server_default=text("0")),
)

workflow_definitions = Table(
    "workflow_definitions",
    metadata,
    _text("namespace", primary_key=True),
    _text("name", primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _text("body"),
    *_audit(),
)

task_definitions = Table(
    "task_definitions",
    metadata,
    _text("namespace", primary_key=True),
    _text("name", primary_key=True),
    _text("body"),
    *_audit(),
)

# What of a sample was installed, so that a newer one can replace it unless somebody edited it.
installed_samples = Table(
    "installed_samples",
    metadata,
    _text("namespace", primary_key=True),
    # "workflow" or "task", and the name of that definition.
    _text("kind", primary_key=True),
    _text("name", primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _text("digest"),
)

# Stand-in workers that somebody switched on or off; the rest are as their samples say.
stand_ins = Table(
    "stand_ins",
    metadata,
    _text("namespace", primary_key=True),
    # Empty for the whole namespace.
    _text("task_type", primary_key=True),
    Column("enabled", Boolean, nullable=False),
)

# Frozen definitions of executions, kept once per content.
snapshots = Table(
    "snapshots",
    metadata,
    _text("namespace", primary_key=True),
    _text("digest", primary_key=True),
    _text("body"),
)

executions = Table(
    "executions",
    metadata,
    _text("id", primary_key=True),
    _text("namespace"),
    _text("name"),
    Column("version", Integer, nullable=False),
    _text("status"),
    Column("correlation_id", Text),
    Column("parent_id", Text),
    Column("idempotency_key", Text),
    Column("reason", Text),
    Column("priority", Integer, nullable=False),
    _ms("start_time"),
    _ms("update_time"),
    _ms("end_time"),
    Column("row_version", BigInteger, nullable=False),
    _text("snapshot"),
    Column("timer_at", BigInteger),
    _text("header"),
    _text("input"),
    _text("output"),
    _text("variables"),
    # The execution at the top of a tree of sub-workflows, on those below it.
    Column("root_id", Text),
    # Holds what searches filter by, so that they need not visit the rows.
    Index(
        "ix_executions_newest",
        "namespace",
        desc("start_time"),
        "id",
        postgresql_include=[
            "name",
            "version",
            "status",
            "correlation_id",
            "parent_id",
            "idempotency_key",
            "end_time",
        ],
    ),
    Index("ix_executions_by_name", "namespace", "name", desc("start_time")),
    Index("ix_executions_by_status", "namespace", "status", desc("start_time")),
    Index("ix_executions_by_correlation", "namespace", "correlation_id"),
    Index(
        "ix_executions_by_parent",
        "namespace",
        "parent_id",
        postgresql_where=text("parent_id IS NOT NULL"),
    ),
    Index(
        "ix_executions_by_idempotency_key",
        "namespace",
        "name",
        "idempotency_key",
        postgresql_where=text("idempotency_key IS NOT NULL"),
    ),
    Index("ix_executions_timer", "timer_at", postgresql_where=text("timer_at IS NOT NULL")),
    Index(
        "ix_executions_alive_below",
        "namespace",
        "root_id",
        postgresql_where=text("root_id IS NOT NULL AND status IN ('RUNNING', 'PAUSED')"),
    ),
    postgresql_with={"fillfactor": 70},
)

tasks = Table(
    "tasks",
    metadata,
    _text("id", primary_key=True),
    _text("namespace"),
    _text("execution_id"),
    Column("seq", Integer, nullable=False),
    _text("ref"),
    _text("type"),
    _text("def_name"),
    _text("status"),
    Column("queue", Text),
    Column("system", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("available_at", BigInteger),
    Column("timer_at", BigInteger),
    _ms("scheduled_time"),
    _ms("start_time"),
    _ms("update_time"),
    _ms("end_time"),
    Column("poll_count", Integer, nullable=False, server_default=text("0")),
    Column("worker_id", Text),
    Column("claim", Integer, nullable=False, server_default=text("0")),
    # Seconds, 0 for none: from them a claim computes its timer.
    Column("response_timeout", BigInteger, nullable=False, server_default=text("0")),
    Column("timeout", BigInteger, nullable=False, server_default=text("0")),
    # When the budget over all attempts ends; no claim moves it.
    Column("deadline_at", BigInteger),
    _text("header"),
    _text("input"),
    _text("output"),
    # The node of the definition, where it is not in the execution's snapshot (dynamic forks).
    Column("node", Text),
    # What limits the hand-outs of this task (`rows.gate_of`), NULL for nothing. A task behind a
    # gate has `gated_at` where others have `available_at`; passing the gate moves it there.
    Column("gate", Text),
    Column("gated_at", BigInteger),
    Index("ix_tasks_of_execution", "execution_id", "seq"),
    Index(
        "ix_tasks_pollable",
        "namespace",
        "queue",
        desc("priority"),
        "available_at",
        postgresql_where=text("available_at IS NOT NULL AND NOT system"),
    ),
    Index(
        "ix_tasks_claimable",
        "namespace",
        "available_at",
        postgresql_where=text("available_at IS NOT NULL AND system"),
    ),
    Index("ix_tasks_timer", "timer_at", postgresql_where=text("timer_at IS NOT NULL")),
    Index(
        "ix_tasks_newest",
        "namespace",
        desc("start_time"),
        "id",
        postgresql_include=[
            "status",
            "type",
            "def_name",
            "ref",
            "execution_id",
            "scheduled_time",
            "end_time",
            "update_time",
        ],
    ),
    # What did not go well is looked for most, and little of it there is.
    Index(
        "ix_tasks_not_well",
        "namespace",
        desc("start_time"),
        "id",
        postgresql_where=text(
            "status IN ('FAILED', 'FAILED_WITH_TERMINAL_ERROR', 'TIMED_OUT', 'CANCELED')"
        ),
    ),
    # Those a webhook's delivery may complete.
    Index(
        "ix_tasks_for_webhooks",
        "namespace",
        "execution_id",
        postgresql_where=text("type = 'WAIT_FOR_WEBHOOK' AND status = 'IN_PROGRESS'"),
    ),
    Index(
        "ix_tasks_gated",
        "system",
        "namespace",
        "queue",
        "gate",
        desc("priority"),
        "gated_at",
        postgresql_where=text("gated_at IS NOT NULL"),
    ),
    # Those that passed and hold a place.
    Index(
        "ix_tasks_inside",
        "namespace",
        "def_name",
        postgresql_where=text(
            "gate IS NOT NULL AND gated_at IS NULL AND status IN ('SCHEDULED', 'IN_PROGRESS')"
        ),
    ),
    postgresql_with={"fillfactor": 70},
)

task_logs = Table(
    "task_logs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("namespace"),
    _text("task_id"),
    _text("log"),
    _ms("created_time"),
    Index(None, "task_id"),
)

poll_data = Table(
    "poll_data",
    metadata,
    _text("namespace", primary_key=True),
    _text("task_type", primary_key=True),
    # Empty for polls without a domain.
    _text("domain", primary_key=True),
    _text("worker_id"),
    _ms("last_poll_time"),
)

# What a committed decision asks for beside its rows: children to end, workflows to start.
effects = Table(
    "effects",
    metadata,
    _text("id", primary_key=True),
    _text("namespace"),
    _text("execution_id"),
    _text("kind"),
    _text("body"),
    Column("available_at", BigInteger, nullable=False),
    Column("claim", Integer, nullable=False, server_default=text("0")),
    Index("ix_effects_claimable", "namespace", "available_at"),
)

# Hand-outs of tasks whose definition limits their rate; older ones than its window go.
hand_outs = Table(
    "hand_outs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("namespace"),
    _text("name"),
    _ms("at"),
    Index("ix_hand_outs_recent", "namespace", "name", "at"),
)

# Unfinished executions of definitions with a `rateLimitConfig`, by their key. `position` is the
# order of their starts; `released_at` is set from its release until a waiting one has begun.
limited_runs = Table(
    "limited_runs",
    metadata,
    _text("execution_id", primary_key=True),
    _text("namespace"),
    _text("key"),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("ceiling", BigInteger, nullable=False),
    Column("waiting", Boolean, nullable=False),
    Column("released_at", BigInteger),
    _ms("create_time"),
    Index("ix_limited_runs_of_key", "namespace", "key", "waiting", "position"),
    Index(
        "ix_limited_runs_released",
        "namespace",
        "key",
        postgresql_where=text("released_at IS NOT NULL"),
    ),
    Index(
        "ix_limited_runs_waiting",
        "namespace",
        "key",
        "create_time",
        postgresql_where=text("waiting"),
    ),
)

# Outputs of tasks with a `cacheConfig`, by the digest of task name and key.
output_cache = Table(
    "output_cache",
    metadata,
    _text("namespace", primary_key=True),
    _text("digest", primary_key=True),
    _text("output"),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_output_cache_expiry", "namespace", "expires_at"),
)

# Which execution holds an idempotency key. The row is written with the start it stands for, and
# goes with the execution; one without a key touches nothing here.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _text("namespace", primary_key=True),
    # Of the workflow: a key is known within one workflow name.
    _text("name", primary_key=True),
    _text("key", primary_key=True),
    _text("execution_id"),
)

# SUB_WORKFLOW tasks that wait for an execution which is not their own child: one that was there
# already under their idempotency key.
followers = Table(
    "followers",
    metadata,
    _text("namespace", primary_key=True),
    _text("execution_id", primary_key=True),
    _text("parent_task_id", primary_key=True),
    _text("parent_id"),
)

# Removed executions that can still be read by id, retried and run again: their rows as JSON. What
# lists, counts and searches never meets them.
archive = Table(
    "archive",
    metadata,
    _text("namespace", primary_key=True),
    _text("id", primary_key=True),
    _ms("end_time"),
    _text("execution"),
    _text("tasks"),
    _text("logs"),
    Index("ix_archive_oldest", "namespace", "end_time"),
)

# Values are sealed (`tenants.sealing`) for the place namespace/name.
secrets = Table(
    "secrets",
    metadata,
    _text("namespace", primary_key=True),
    _text("name", primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    *_audit(),
)

# Values that secrets had before they were changed or deleted: executions may still show them.
former_secrets = Table(
    "former_secrets",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("namespace"),
    _text("name"),
    Column("sealed", LargeBinary, nullable=False),
    _ms("replaced_time"),
    Index(None, "namespace"),
)

environment_variables = Table(
    "environment_variables",
    metadata,
    _text("namespace", primary_key=True),
    _text("name", primary_key=True),
    _text("value"),
    *_audit(),
)

schemas = Table(
    "schemas",
    metadata,
    _text("namespace", primary_key=True),
    _text("name", primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _text("body"),
    *_audit(),
)

# The words of an execution's own texts and of its tasks', hashed with their namespace. `partial`:
# some text was too long to be taken whole. Read through the functions of its migration alone.
execution_words = Table(
    "execution_words",
    metadata,
    _text("execution_id", primary_key=True),
    _text("namespace"),
    Column("start_time", BigInteger, nullable=False),
    Column("words", ARRAY(BigInteger), nullable=False),
    Column("task_words", ARRAY(BigInteger), nullable=False),
    Column("partial", Boolean, nullable=False),
    Index("ix_execution_words_words", "words", postgresql_using="gin"),
    Index("ix_execution_words_task_words", "task_words", postgresql_using="gin"),
    Index("ix_execution_words_partial", "namespace", postgresql_where=text("partial")),
    Index("ix_execution_words_newest", "namespace", desc("start_time"), "execution_id"),
)

# Executions whose words are not up to date; every save adds to it.
search_backlog = Table(
    "search_backlog",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("namespace"),
    _text("execution_id"),
    Index("ix_search_backlog_namespace", "namespace", "id"),
)

TABLES: Final = (
    hand_outs,
    limited_runs,
    output_cache,
    catalogs,
    workflow_definitions,
    task_definitions,
    installed_samples,
    stand_ins,
    snapshots,
    executions,
    tasks,
    task_logs,
    poll_data,
    effects,
    idempotency_keys,
    followers,
    archive,
    *EVENT_TABLES,
    tags,
    saved_searches,
    shares,
    learning_marks,
    *HUMAN_TABLES,
    secrets,
    former_secrets,
    environment_variables,
    schemas,
    *SCHEDULE_TABLES,
    execution_words,
    search_backlog,
)

_ALL: Final = "select, insert, update, delete"
_OWN: Final = {"tenant": _ALL, "committer": _ALL}

GRANTS: Final[dict[str, dict[str, str]]] = {
    "catalogs": _OWN,
    "workflow_definitions": _OWN,
    "task_definitions": _OWN,
    "installed_samples": _OWN,
    "stand_ins": {"tenant": _ALL},
    "snapshots": {"tenant": "select, insert, delete", "committer": "select, insert"},
    "executions": {
        **_OWN,
        "claims": "select (id, namespace, status, timer_at, parent_id), update (timer_at)",
        "operator": "select (id, namespace, status, start_time, end_time)",
        "definer": "select",
    },
    "tasks": {
        **_OWN,
        "claims": (
            "select (id, namespace, execution_id, queue, system, type, status, available_at, "
            "timer_at, claim, start_time, poll_count, response_timeout, timeout, deadline_at, "
            "def_name, priority, gate, gated_at), "
            "update (available_at, timer_at, claim, start_time, poll_count, gated_at)"
        ),
        "operator": (
            "select (id, namespace, execution_id, type, status, system, available_at, "
            "timer_at, claim)"
        ),
        "definer": "select",
    },
    "task_logs": _OWN,
    "poll_data": _OWN,
    "effects": {
        **_OWN,
        "claims": (
            "select (id, namespace, execution_id, kind, available_at, claim), "
            "update (available_at, claim)"
        ),
        "operator": "select (id, namespace, kind, available_at, claim)",
    },
    "hand_outs": {**_OWN, "claims": _ALL},
    "limited_runs": {
        **_OWN,
        "claims": "select, update (released_at), delete",
        "operator": "select (execution_id, namespace, waiting)",
    },
    "output_cache": _OWN,
    "idempotency_keys": _OWN,
    "followers": _OWN,
    "archive": _OWN,
    **EVENT_GRANTS,
    **TAG_GRANTS,
    **SAVED_SEARCH_GRANTS,
    **SHARE_GRANTS,
    **LEARNING_GRANTS,
    **HUMAN_GRANTS,
    # The committer reads for executors what their tasks mention.
    "secrets": {"tenant": _ALL, "committer": "select"},
    "former_secrets": {"tenant": "select, insert, delete"},
    "environment_variables": {"tenant": _ALL, "committer": "select"},
    "schemas": {"tenant": _ALL},
    **SCHEDULE_GRANTS,
    "execution_words": {"tenant": "select (execution_id), delete", "definer": _ALL},
    "search_backlog": {
        "tenant": "select (execution_id), insert, delete",
        "committer": "insert",
        "definer": "select, insert, delete",
        "operator": "select (namespace)",
    },
}


def row_security() -> Iterator[str]:
    """The statements that give each role its rights on these tables."""
    for table, rights in GRANTS.items():
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        for role, privileges in rights.items():
            rows = row_filter(table, role)
            yield f"GRANT {privileges} ON {table} TO playground_{role}"
            yield (
                f"CREATE POLICY {table}_{role} ON {table} TO playground_{role} "
                f"USING ({rows}) WITH CHECK ({rows})"
            )
