"""Whoever finds a session learns how much of the plan is in use: every page shows it."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("GRANT select (namespace, quota, amount) ON usage TO playground_identity")
    op.execute(
        "CREATE POLICY usage_identity ON usage TO playground_identity USING (true) WITH CHECK (true)"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP POLICY usage_identity ON usage")
    op.execute("REVOKE ALL ON usage FROM playground_identity")
