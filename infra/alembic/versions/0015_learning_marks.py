"""How far somebody is on the learning path, and what they answered there."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

TENANT = "namespace = current_setting('playground.namespace', true)"
RIGHTS = (
    "ALTER TABLE learning_marks ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE learning_marks FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON learning_marks TO playground_tenant",
    "CREATE POLICY learning_marks_tenant ON learning_marks TO playground_tenant "
    f"USING ({TENANT}) WITH CHECK ({TENANT})",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "learning_marks",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "name", name=op.f("pk_learning_marks")),
    )
    for statement in RIGHTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("learning_marks")
