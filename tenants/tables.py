"""The tables of tenancy, and who may touch which of their rows.

`metadata` is the one every table of the project joins, because every row has a tenant. Times are
bigint epoch milliseconds, ids text, secrets only ever SHA-256 digests.

Rights are data, and the migration writes them out: `GRANTS` says what each database role may do
with a table, `row_filter` which rows it then meets. Row-level security is enabled and forced on
every table but `plans`. What must be read before a namespace is known (users, sessions, keys)
belongs to the role `identity`, which has no right on any table of the engine.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    cast,
    func,
    text,
)

NAMESPACE_PATTERN: Final = "^[a-z0-9-]{3,40}$"

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _namespace_of(*, primary_key: bool = False) -> Column[Any]:
    """The column that row-level security reads: whose row this is."""
    return Column(
        "namespace",
        Text,
        ForeignKey("namespaces.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


plans = Table(
    "plans",
    metadata,
    Column("name", Text, primary_key=True),
    Column("running_executions", BigInteger, nullable=False),
    # NULL: this plan has no request window.
    Column("requests_per_second", Double),
    Column("burst", Integer, nullable=False),
    Column("payload_bytes", BigInteger, nullable=False),
    Column("workflow_definitions", BigInteger, nullable=False),
    Column("task_definitions", BigInteger, nullable=False),
    Column("tasks_per_execution", BigInteger, nullable=False),
    Column("stored_executions", BigInteger, nullable=False),
    Column("retention_days", Integer, nullable=False),
    Column("access_keys", Integer, nullable=False),
    # Bounds of what one execution may set going.
    Column("child_depth", Integer, nullable=False, server_default=text("8")),
    Column("descendants", BigInteger, nullable=False, server_default=text("500")),
    Column("fork_width", BigInteger, nullable=False, server_default=text("2000")),
    Column("start_chain", Integer, nullable=False, server_default=text("100")),
    Column("secrets", BigInteger, nullable=False, server_default=text("100")),
    Column("environment_variables", BigInteger, nullable=False, server_default=text("100")),
    Column("schemas", BigInteger, nullable=False, server_default=text("200")),
    Column("schedules", BigInteger, nullable=False, server_default=text("50")),
    # Runs of schedules that may begin within a minute.
    Column("scheduled_starts_per_minute", Integer, nullable=False, server_default=text("30")),
)

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    # Who vouches for the person and what they call them: the identity. Never the e-mail.
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("email_verified", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", BigInteger, nullable=False),
    Column("last_login_at", BigInteger, nullable=False),
    Column("suspended_at", BigInteger),
    UniqueConstraint("issuer", "subject"),
)

namespaces = Table(
    "namespaces",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, ForeignKey("users.id"), nullable=False),
    Column("plan", Text, ForeignKey("plans.name"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("suspended_at", BigInteger),
    Index(None, "owner"),
    CheckConstraint(f"id ~ '{NAMESPACE_PATTERN}'", name="id_form"),
)

members = Table(
    "members",
    metadata,
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    _namespace_of(primary_key=True),
    Column("role", Text, nullable=False),
    Column("joined_at", BigInteger, nullable=False),
    Index(None, "namespace"),
    CheckConstraint("role IN ('OWNER', 'MEMBER')", name="role"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_sha256", LargeBinary, primary_key=True),
    # What the list of one's own sessions shows and revokes by; worthless as a cookie.
    Column("handle", Text, nullable=False, unique=True),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    _namespace_of(),
    Column("provider", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "user_id"),
    Index(None, "expires_at"),
)

login_flows = Table(
    "login_flows",
    metadata,
    Column("state_sha256", LargeBinary, primary_key=True),
    # The browser that began: the callback must come from the same one.
    Column("browser_sha256", LargeBinary, nullable=False),
    Column("provider", Text, nullable=False),
    Column("secrets", Text, nullable=False),
    Column("next", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "browser_sha256"),
    Index(None, "expires_at"),
)

applications = Table(
    "applications",
    metadata,
    Column("id", Text, primary_key=True),
    _namespace_of(),
    Column("name", Text, nullable=False),
    # A JSON list of role names, see scopes.ROLES.
    Column("roles", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    Index(None, "namespace"),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("id", Text, primary_key=True),
    _namespace_of(),
    Column(
        "application",
        Text,
        ForeignKey("applications.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Index(None, "application"),
    Index(None, "namespace"),
    CheckConstraint("status IN ('ACTIVE', 'INACTIVE')", name="status"),
)

# A quota's use is the sum of its slots, so that starts which commit together do not wait for each
# other's row; see quotas.py.
usage = Table(
    "usage",
    metadata,
    _namespace_of(primary_key=True),
    Column("quota", Text, primary_key=True),
    Column("slot", SmallInteger, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False),
    # Updated all the time: room on the page keeps the updates off the index.
    postgresql_with={"fillfactor": 50},
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Text, primary_key=True),
    _namespace_of(),
    Column("user_id", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("rating", SmallInteger),
    # Where the person was when they wrote, e.g. {"page": "/executions/…", "version": "0.1.0"}.
    Column("context", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "created_at"),
    Index(None, "namespace"),
    CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Text, primary_key=True),
    # No foreign key: the record outlives what it tells of.
    Column("namespace", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "namespace", "created_at"),
)

# Times come from the database's clock, which all processes share.
NOW_MS: Final[ColumnElement[int]] = cast(
    func.floor(func.extract("epoch", func.statement_timestamp()) * 1000), BigInteger
)

TABLES: Final = (
    plans,
    users,
    namespaces,
    members,
    sessions,
    login_flows,
    applications,
    access_keys,
    usage,
    feedback,
    audit_log,
)

# The limits everyone starts from; the migration inserts them and operators may change the rows.
PLANS: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "visitor",
        "running_executions": 1_000,
        "requests_per_second": 300.0,
        "burst": 600,
        "payload_bytes": 1_048_576,
        "workflow_definitions": 500,
        "task_definitions": 1_000,
        "tasks_per_execution": 10_000,
        "stored_executions": 100_000,
        "retention_days": 30,
        "access_keys": 20,
        "child_depth": 8,
        "descendants": 500,
        "fork_width": 2_000,
        "start_chain": 100,
        "secrets": 100,
        "environment_variables": 100,
        "schemas": 200,
        "schedules": 50,
        "scheduled_starts_per_minute": 30,
    },
    {
        "name": "local",
        "running_executions": 1_000_000,
        "requests_per_second": None,
        "burst": 0,
        "payload_bytes": 1_048_576,
        "workflow_definitions": 100_000,
        "task_definitions": 100_000,
        "tasks_per_execution": 100_000,
        "stored_executions": 10_000_000,
        "retention_days": 365,
        "access_keys": 1_000,
        "child_depth": 8,
        "descendants": 100_000,
        "fork_width": 100_000,
        "start_chain": 1_000,
        "secrets": 1_000,
        "environment_variables": 1_000,
        "schemas": 10_000,
        "schedules": 100_000,
        "scheduled_starts_per_minute": 1_000_000,
    },
)

# Table → role → rights. Nobody may update or delete audit rows.
GRANTS: Final[dict[str, dict[str, str]]] = {
    "plans": {
        "tenant": "select",
        "committer": "select",
        "identity": "select",
        "operator": "select",
    },
    "users": {"identity": "select, insert, update, delete"},
    "namespaces": {
        "tenant": "select",
        "committer": "select",
        "identity": "select, insert, update",
        "claims": "select",
        "operator": "select",
    },
    "members": {"identity": "select, insert, update, delete"},
    "sessions": {"identity": "select, insert, update, delete"},
    "login_flows": {"identity": "select, insert, delete"},
    "applications": {
        "tenant": "select, insert, update, delete",
        "identity": "select",
        "operator": "select (id, namespace)",
    },
    "access_keys": {
        "tenant": "select, insert, update, delete",
        "identity": "select",
        "operator": "select (id, namespace, status)",
    },
    "usage": {
        "tenant": "select, insert, update",
        "committer": "select, insert, update",
        "identity": "select (namespace, quota, amount)",
        "operator": "select",
    },
    "feedback": {"tenant": "select, insert", "operator": "select"},
    "audit_log": {
        "tenant": "select, insert",
        "identity": "insert",
        "operator": "select",
    },
}

IDENTITY_TABLES: Final = ("users", "members", "sessions", "login_flows")

_WITHOUT_TENANT: Final = frozenset({"plans"})


def row_filter(table: str, role: str) -> str:
    """The rows of `table` that `role` meets, as SQL for a policy's USING and WITH CHECK."""
    if role not in {"tenant", "committer"}:
        return "true"
    column = "id" if table == "namespaces" else "namespace"
    if role == "tenant":
        return f"{column} = current_setting('playground.namespace', true)"
    # One scan of the set per statement, not per row: the sub-select is evaluated once.
    return (
        f"{column} = ANY ((SELECT string_to_array("
        "current_setting('playground.namespaces', true), ','))::text[])"
    )


def row_security() -> Iterator[str]:
    """The statements that give each role its rights on these tables, for the first migration."""
    for table, rights in GRANTS.items():
        for role, privileges in rights.items():
            yield f"GRANT {privileges} ON {table} TO playground_{role}"
        # FORCE binds the owner too, who must be able to change a plan; plans are nobody's own.
        if table in _WITHOUT_TENANT:
            continue
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        for role in rights:
            yield (
                f"CREATE POLICY {table}_{role} ON {table} TO playground_{role} "
                f"USING ({row_filter(table, role)}) WITH CHECK ({row_filter(table, role)})"
            )
    yield "REVOKE ALL ON FUNCTION settle_usage(text[], text[], bigint[], bigint[]) FROM PUBLIC"
    yield (
        "GRANT EXECUTE ON FUNCTION settle_usage(text[], text[], bigint[], bigint[]) "
        "TO playground_tenant, playground_committer"
    )


# Takes and returns of quota, all of a transaction in one trip; `quotas.py` says how it is used.
#
# Far from the limit, takers only share an advisory lock and each adds to the slot of its own
# connection, so they never wait for each other. Near the limit (or for a large amount) a taker
# holds the lock alone: then no take is in flight, the sum is exact, and the next one waits for
# this one's commit. "Far" leaves room for what others have in flight: with amounts of at most a
# thousandth of the limit and the line at 80 %, 200 transactions at once still fit.
#
# The shared lock is taken in a block with an exception handler because rolling that block back is
# the only way to let go of it again: asking for the lock alone while sharing it would deadlock
# with another taker doing the same. Keys go in sorted order for the same reason. Each statement of
# a plpgsql function has a snapshot of its own, so a sum read after a lock sees what the lock's
# last holder committed.
SETTLE_USAGE: Final = """
CREATE FUNCTION settle_usage(
  p_namespaces text[], p_quotas text[], p_amounts bigint[], p_limits bigint[]
) RETURNS SETOF integer LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = public, pg_temp AS $body$
DECLARE
  v_group record;
  v_item record;
  v_key bigint;
  v_held bigint;
  v_net bigint;
BEGIN
  FOR v_group IN
    SELECT i.namespace, i.quota, min(i.ceiling) FILTER (WHERE i.amount > 0) AS ceiling,
           coalesce(sum(i.amount) FILTER (WHERE i.amount > 0), 0) AS wanted
    FROM unnest(p_namespaces, p_quotas, p_amounts, p_limits) AS i(namespace, quota, amount, ceiling)
    GROUP BY i.namespace, i.quota ORDER BY i.namespace COLLATE "C", i.quota COLLATE "C"
  LOOP
    v_net := 0;
    v_held := 0;
    IF v_group.wanted > 0 THEN
      v_key := hashtextextended(v_group.namespace || '/' || v_group.quota, 0);
      BEGIN
        SELECT coalesce(sum(u.amount), 0) INTO v_held FROM usage u
        WHERE u.namespace = v_group.namespace AND u.quota = v_group.quota;
        IF v_group.wanted * 1000 > v_group.ceiling
           OR (v_held + v_group.wanted) * 10 > v_group.ceiling * 8 THEN
          RAISE EXCEPTION USING ERRCODE = 'PG001';
        END IF;
        PERFORM pg_advisory_xact_lock_shared(v_key);
        SELECT coalesce(sum(u.amount), 0) INTO v_held FROM usage u
        WHERE u.namespace = v_group.namespace AND u.quota = v_group.quota;
        IF (v_held + v_group.wanted) * 10 > v_group.ceiling * 8 THEN
          RAISE EXCEPTION USING ERRCODE = 'PG001';
        END IF;
      EXCEPTION WHEN SQLSTATE 'PG001' THEN
        PERFORM pg_advisory_xact_lock(v_key);
        SELECT coalesce(sum(u.amount), 0) INTO v_held FROM usage u
        WHERE u.namespace = v_group.namespace AND u.quota = v_group.quota;
      END;
    END IF;
    FOR v_item IN
      SELECT i.amount, i.ceiling, i.position
      FROM unnest(p_namespaces, p_quotas, p_amounts, p_limits)
        WITH ORDINALITY AS i(namespace, quota, amount, ceiling, position)
      WHERE i.namespace = v_group.namespace AND i.quota = v_group.quota
      ORDER BY (i.amount > 0), i.position
    LOOP
      IF v_item.amount > 0 AND v_held + v_net + v_item.amount > v_item.ceiling THEN
        RETURN NEXT (v_item.position - 1)::integer;
      ELSE
        v_net := v_net + v_item.amount;
      END IF;
    END LOOP;
    IF v_net <> 0 THEN
      INSERT INTO usage AS u (namespace, quota, slot, amount)
      VALUES (v_group.namespace, v_group.quota, (pg_backend_pid() % 16)::smallint, v_net)
      ON CONFLICT (namespace, quota, slot) DO UPDATE SET amount = u.amount + excluded.amount;
    END IF;
  END LOOP;
END
$body$
"""
