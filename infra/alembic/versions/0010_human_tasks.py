"""Human tasks: who is asked, who has claimed them, until when; and their forms."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

TENANT = "namespace = current_setting('playground.namespace', true)"
COMMITTER = (
    "namespace = ANY ((SELECT string_to_array("
    "current_setting('playground.namespaces', true), ','))::text[])"
)


def _rights(table: str) -> tuple[str, ...]:
    return (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"GRANT select, insert, update, delete ON {table} TO playground_tenant",
        f"CREATE POLICY {table}_tenant ON {table} TO playground_tenant "
        f"USING ({TENANT}) WITH CHECK ({TENANT})",
        f"GRANT select, insert, update, delete ON {table} TO playground_committer",
        f"CREATE POLICY {table}_committer ON {table} TO playground_committer "
        f"USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
    )


RIGHTS = (
    *_rights("human_tasks"),
    "GRANT select (task_id, namespace, timer_at) ON human_tasks TO playground_claims",
    "CREATE POLICY human_tasks_claims ON human_tasks TO playground_claims "
    "USING (true) WITH CHECK (true)",
    *_rights("human_templates"),
)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _ms(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _by(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "human_tasks",
        _text("task_id"),
        _text("namespace"),
        _text("execution_id"),
        _text("ref"),
        _text("workflow_name"),
        _text("definition_name"),
        _text("display_name"),
        _text("state"),
        _text("definition"),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("assignee_type", sa.Text(), nullable=True),
        sa.Column("claimant", sa.Text(), nullable=True),
        sa.Column("claimant_type", sa.Text(), nullable=True),
        sa.Column("timer_at", sa.BigInteger(), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        _ms("began_at"),
        _ms("created_on"),
        _ms("updated_on"),
        _by("created_by"),
        _by("updated_by"),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_human_tasks_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_human_tasks")),
    )
    op.create_index(
        "ix_human_tasks_newest",
        "human_tasks",
        ["namespace", sa.literal_column("updated_on DESC")],
    )
    op.create_index(
        "ix_human_tasks_timer",
        "human_tasks",
        ["timer_at"],
        postgresql_where=sa.text("timer_at IS NOT NULL"),
    )
    op.create_table(
        "human_templates",
        _text("namespace"),
        _text("name"),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        _text("body"),
        _ms("create_time"),
        _ms("update_time"),
        _by("created_by"),
        _by("updated_by"),
        sa.PrimaryKeyConstraint("namespace", "name", "version", name=op.f("pk_human_templates")),
    )
    for statement in RIGHTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("human_templates")
    op.drop_table("human_tasks")
