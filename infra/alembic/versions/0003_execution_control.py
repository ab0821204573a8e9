"""Idempotency keys, who waits for an execution that is not its child, and the archive.

Expand only: new tables, nothing reads them before this release. Keys of executions that were
started earlier were never enforced and are not claimed afterwards.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = (
    """CREATE TABLE idempotency_keys (
  namespace text NOT NULL,
  name text NOT NULL,
  key text NOT NULL,
  execution_id text NOT NULL,
  CONSTRAINT pk_idempotency_keys PRIMARY KEY (namespace, name, key)
)""",
    """CREATE TABLE followers (
  namespace text NOT NULL,
  execution_id text NOT NULL,
  parent_task_id text NOT NULL,
  parent_id text NOT NULL,
  CONSTRAINT pk_followers PRIMARY KEY (namespace, execution_id, parent_task_id)
)""",
    """CREATE TABLE archive (
  namespace text NOT NULL,
  id text NOT NULL,
  end_time bigint DEFAULT 0 NOT NULL,
  execution text NOT NULL,
  tasks text NOT NULL,
  logs text NOT NULL,
  CONSTRAINT pk_archive PRIMARY KEY (namespace, id)
)""",
    "CREATE INDEX ix_archive_oldest ON archive (namespace, end_time)",
)
TENANT = "namespace = current_setting('playground.namespace', true)"
COMMITTER = (
    "namespace = ANY ((SELECT string_to_array("
    "current_setting('playground.namespaces', true), ','))::text[])"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in TABLES:
        op.execute(statement)
    for table in ("idempotency_keys", "followers", "archive"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for role, rows in (("tenant", TENANT), ("committer", COMMITTER)):
            op.execute(f"GRANT select, insert, update, delete ON {table} TO playground_{role}")
            op.execute(
                f"CREATE POLICY {table}_{role} ON {table} TO playground_{role} "
                f"USING ({rows}) WITH CHECK ({rows})"
            )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("archive", "followers", "idempotency_keys"):
        op.execute(f"DROP TABLE {table}")
