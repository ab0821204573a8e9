"""Whether the tables are those the code was written for is asked by every role, as operator."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("GRANT SELECT ON alembic_version TO playground_operator")


def downgrade() -> None:
    op.execute("REVOKE SELECT ON alembic_version FROM playground_operator")
