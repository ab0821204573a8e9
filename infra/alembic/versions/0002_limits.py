"""Limits: gates before tasks, limited runs, cached outputs, bounds of what one run sets going."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TENANT = "namespace = current_setting('playground.namespace', true)"
COMMITTER = (
    "namespace = ANY ((SELECT string_to_array("
    "current_setting('playground.namespaces', true), ','))::text[])"
)
PLANS = (
    ("child_depth", sa.Integer(), 8, 8),
    ("descendants", sa.BigInteger(), 500, 100_000),
    ("fork_width", sa.BigInteger(), 2_000, 100_000),
    ("start_chain", sa.Integer(), 100, 1_000),
)
RIGHTS = (
    "GRANT select (def_name, priority, gate, gated_at), update (gated_at) ON tasks TO "
    "playground_claims",
    "ALTER TABLE hand_outs ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE hand_outs FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON hand_outs TO playground_tenant",
    f"CREATE POLICY hand_outs_tenant ON hand_outs TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select, insert, update, delete ON hand_outs TO playground_committer",
    f"CREATE POLICY hand_outs_committer ON hand_outs TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
    "GRANT select, insert, update, delete ON hand_outs TO playground_claims",
    "CREATE POLICY hand_outs_claims ON hand_outs TO playground_claims USING (true) WITH CHECK (true)",
    "ALTER TABLE limited_runs ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE limited_runs FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON limited_runs TO playground_tenant",
    f"CREATE POLICY limited_runs_tenant ON limited_runs TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select, insert, update, delete ON limited_runs TO playground_committer",
    f"CREATE POLICY limited_runs_committer ON limited_runs TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
    "GRANT select, update (released_at), delete ON limited_runs TO playground_claims",
    "CREATE POLICY limited_runs_claims ON limited_runs TO playground_claims USING (true) WITH CHECK (true)",
    "GRANT select (execution_id, namespace, waiting) ON limited_runs TO playground_operator",
    "CREATE POLICY limited_runs_operator ON limited_runs TO playground_operator USING (true) WITH CHECK (true)",
    "ALTER TABLE output_cache ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE output_cache FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON output_cache TO playground_tenant",
    f"CREATE POLICY output_cache_tenant ON output_cache TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select, insert, update, delete ON output_cache TO playground_committer",
    f"CREATE POLICY output_cache_committer ON output_cache TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
)


def upgrade() -> None:
    for name, kind, visitor, local in PLANS:
        op.add_column(
            "plans",
            sa.Column(name, kind, nullable=False, server_default=sa.text(str(visitor))),
        )
        op.execute(f"UPDATE plans SET {name} = {local} WHERE name = 'local'")
    op.add_column("executions", sa.Column("root_id", sa.Text(), nullable=True))
    op.create_index(
        "ix_executions_alive_below",
        "executions",
        ["namespace", "root_id"],
        postgresql_where=sa.text("root_id IS NOT NULL AND status IN ('RUNNING', 'PAUSED')"),
    )
    op.add_column("tasks", sa.Column("gate", sa.Text(), nullable=True))
    op.add_column("tasks", sa.Column("gated_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_tasks_gated",
        "tasks",
        ["system", "namespace", "queue", "gate", sa.literal_column("priority DESC"), "gated_at"],
        postgresql_where=sa.text("gated_at IS NOT NULL"),
    )
    op.create_index(
        "ix_tasks_inside",
        "tasks",
        ["namespace", "def_name"],
        postgresql_where=sa.text(
            "gate IS NOT NULL AND gated_at IS NULL AND status IN ('SCHEDULED', 'IN_PROGRESS')"
        ),
    )
    op.create_table(
        "hand_outs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_outs")),
    )
    op.create_index("ix_hand_outs_recent", "hand_outs", ["namespace", "name", "at"])
    op.create_table(
        "limited_runs",
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ceiling", sa.BigInteger(), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("create_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("execution_id", name=op.f("pk_limited_runs")),
    )
    op.create_index(
        "ix_limited_runs_of_key", "limited_runs", ["namespace", "key", "waiting", "position"]
    )
    op.create_table(
        "output_cache",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "digest", name=op.f("pk_output_cache")),
    )
    op.create_index("ix_output_cache_expiry", "output_cache", ["namespace", "expires_at"])
    for statement in RIGHTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("output_cache")
    op.drop_table("limited_runs")
    op.drop_table("hand_outs")
    op.drop_index("ix_tasks_inside", table_name="tasks")
    op.drop_index("ix_tasks_gated", table_name="tasks")
    op.drop_column("tasks", "gated_at")
    op.drop_column("tasks", "gate")
    op.drop_index("ix_executions_alive_below", table_name="executions")
    op.drop_column("executions", "root_id")
    for name, *_ in reversed(PLANS):
        op.drop_column("plans", name)
