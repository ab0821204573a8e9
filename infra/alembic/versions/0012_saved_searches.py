"""Searches that people keep under a name."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

TENANT = "namespace = current_setting('playground.namespace', true)"
RIGHTS = (
    "ALTER TABLE saved_searches ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE saved_searches FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON saved_searches TO playground_tenant",
    "CREATE POLICY saved_searches_tenant ON saved_searches TO playground_tenant "
    f"USING ({TENANT}) WITH CHECK ({TENANT})",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "saved_searches",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("of", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filters", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "of", "name", name=op.f("pk_saved_searches")),
    )
    for statement in RIGHTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("saved_searches")
