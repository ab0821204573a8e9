"""Switches of stand-in workers: a row where somebody changed what a sample says."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

RIGHTS = (
    "ALTER TABLE stand_ins ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE stand_ins FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON stand_ins TO playground_tenant",
    "CREATE POLICY stand_ins_tenant ON stand_ins TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "stand_ins",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "task_type", name=op.f("pk_stand_ins")),
    )
    for statement in RIGHTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("stand_ins")
