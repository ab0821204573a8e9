"""What the clock looks for among executions under a rate limit, without reading them all."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index(
        "ix_limited_runs_released",
        "limited_runs",
        ["namespace", "key"],
        postgresql_where=sa.text("released_at IS NOT NULL"),
    )
    op.create_index(
        "ix_limited_runs_waiting",
        "limited_runs",
        ["namespace", "key", "create_time"],
        postgresql_where=sa.text("waiting"),
    )


def downgrade() -> None:
    op.drop_index("ix_limited_runs_waiting", "limited_runs")
    op.drop_index("ix_limited_runs_released", "limited_runs")
