"""Schedules, their timers, and the record of each run."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TENANT = "namespace = current_setting('playground.namespace', true)"
COMMITTER = (
    "namespace = ANY ((SELECT string_to_array("
    "current_setting('playground.namespaces', true), ','))::text[])"
)
PLANS = (
    ("schedules", sa.BigInteger(), 50, 100_000),
    ("scheduled_starts_per_minute", sa.Integer(), 30, 1_000_000),
)
RIGHTS = (
    "ALTER TABLE schedules ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE schedules FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON schedules TO playground_tenant",
    f"CREATE POLICY schedules_tenant ON schedules TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select, insert, update, delete ON schedules TO playground_committer",
    f"CREATE POLICY schedules_committer ON schedules TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
    "ALTER TABLE schedule_timers ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE schedule_timers FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON schedule_timers TO playground_tenant",
    f"CREATE POLICY schedule_timers_tenant ON schedule_timers TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select, insert, update, delete ON schedule_timers TO playground_committer",
    f"CREATE POLICY schedule_timers_committer ON schedule_timers TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
    "GRANT select (id, namespace, available_at, claim), update (available_at, claim) ON schedule_timers TO playground_claims",
    "CREATE POLICY schedule_timers_claims ON schedule_timers TO playground_claims USING (true) WITH CHECK (true)",
    "GRANT select (id, namespace, expected_at, available_at, claim) ON schedule_timers TO playground_operator",
    "CREATE POLICY schedule_timers_operator ON schedule_timers TO playground_operator USING (true) WITH CHECK (true)",
    "ALTER TABLE schedule_executions ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE schedule_executions FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON schedule_executions TO playground_tenant",
    f"CREATE POLICY schedule_executions_tenant ON schedule_executions TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select, insert, update, delete ON schedule_executions TO playground_committer",
    f"CREATE POLICY schedule_executions_committer ON schedule_executions TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
    "GRANT select (id, namespace, available_at, claim), update (available_at, claim) ON schedule_executions TO playground_claims",
    "CREATE POLICY schedule_executions_claims ON schedule_executions TO playground_claims USING (true) WITH CHECK (true)",
    "GRANT select (id, namespace, state, scheduled_time, execution_time, available_at) ON schedule_executions TO playground_operator",
    "CREATE POLICY schedule_executions_operator ON schedule_executions TO playground_operator USING (true) WITH CHECK (true)",
)


def upgrade() -> None:
    for name, kind, visitor, local in PLANS:
        op.add_column(
            "plans",
            sa.Column(name, kind, nullable=False, server_default=sa.text(str(visitor))),
        )
        op.execute(f"UPDATE plans SET {name} = {local} WHERE name = 'local'")
    op.create_table(
        "schedules",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("workflow_name", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("update_time", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("updated_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "name", name=op.f("pk_schedules")),
    )
    op.create_table(
        "schedule_timers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("expected_at", sa.BigInteger(), nullable=True),
        sa.Column("available_at", sa.BigInteger(), nullable=True),
        sa.Column("claim", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_timers")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "ix_schedule_timers_claimable",
        "schedule_timers",
        ["namespace", "available_at"],
        unique=False,
        postgresql_where=sa.text("available_at IS NOT NULL"),
    )
    op.create_index(
        "ix_schedule_timers_next",
        "schedule_timers",
        ["available_at"],
        unique=False,
        postgresql_where=sa.text("available_at IS NOT NULL"),
    )
    op.create_index(
        "ix_schedule_timers_of_schedule", "schedule_timers", ["namespace", "schedule"], unique=False
    )
    op.create_table(
        "schedule_executions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("workflow_name", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("scheduled_time", sa.BigInteger(), nullable=False),
        sa.Column("execution_time", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("available_at", sa.BigInteger(), nullable=True),
        sa.Column("claim", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_executions")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "ix_schedule_executions_claimable",
        "schedule_executions",
        ["namespace", "available_at"],
        unique=False,
        postgresql_where=sa.text("available_at IS NOT NULL"),
    )
    op.create_index(
        "ix_schedule_executions_newest",
        "schedule_executions",
        ["namespace", sa.literal_column("scheduled_time DESC"), "id"],
        unique=False,
    )
    op.create_index(
        "ix_schedule_executions_next",
        "schedule_executions",
        ["available_at"],
        unique=False,
        postgresql_where=sa.text("available_at IS NOT NULL"),
    )
    op.create_index(
        "ix_schedule_executions_of_schedule",
        "schedule_executions",
        ["namespace", "schedule", sa.literal_column("scheduled_time DESC"), "id"],
        unique=False,
    )
    op.create_index(
        "ix_schedule_executions_recent",
        "schedule_executions",
        ["namespace", "execution_time"],
        unique=False,
    )
    for statement in RIGHTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("schedule_executions")
    op.drop_table("schedule_timers")
    op.drop_table("schedules")
    for name, *_ in reversed(PLANS):
        op.drop_column("plans", name)
