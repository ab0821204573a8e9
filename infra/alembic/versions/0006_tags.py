"""Tags of definitions, schedules, secrets and everything else that can have some."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TENANT = "namespace = current_setting('playground.namespace', true)"
COMMITTER = (
    "namespace = ANY ((SELECT string_to_array("
    "current_setting('playground.namespaces', true), ','))::text[])"
)
RIGHTS = (
    "ALTER TABLE tags ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE tags FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON tags TO playground_tenant",
    f"CREATE POLICY tags_tenant ON tags TO playground_tenant USING ({TENANT}) "
    f"WITH CHECK ({TENANT})",
    "GRANT select, insert, update, delete ON tags TO playground_committer",
    f"CREATE POLICY tags_committer ON tags TO playground_committer USING ({COMMITTER}) "
    f"WITH CHECK ({COMMITTER})",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "tags",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("resource_type", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint(
            "namespace", "resource_type", "resource", "key", "value", name=op.f("pk_tags")
        ),
    )
    op.create_index("ix_tags_by_pair", "tags", ["namespace", "key", "value"])
    for statement in RIGHTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("tags")
