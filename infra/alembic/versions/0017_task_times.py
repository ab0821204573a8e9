"""What searches of tasks filter and sort by: their end and last change, and those that failed.

The index of the newest holds the two times, so that rows need not be visited; those that did not go
well have an index of their own. Both are made while the previous release serves; a run that was cut
off begins anew.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op

revision = "0017"
down_revision = "0016"

INDEXED = "tasks (namespace, start_time DESC, id)"
BEFORE = "status, type, def_name, ref, execution_id, scheduled_time"


FAILED = "status IN ('FAILED', 'FAILED_WITH_TERMINAL_ERROR', 'TIMED_OUT', 'CANCELED')"


@contextmanager
def _beside_others() -> Iterator[None]:
    """No transaction; as long as it takes: waiting for whoever reads holds nobody up."""
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")
        op.execute("SET lock_timeout = 0")
        yield
        op.execute("SET lock_timeout = '5s'")
        op.execute("SET statement_timeout = '60s'")


def _exchange(included: str) -> None:
    with _beside_others():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_tasks_newest_next")
        op.execute(
            f"CREATE INDEX CONCURRENTLY ix_tasks_newest_next ON {INDEXED} INCLUDE ({included})"
        )
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_tasks_newest")
        op.execute("ALTER INDEX ix_tasks_newest_next RENAME TO ix_tasks_newest")


def upgrade() -> None:
    _exchange(f"{BEFORE}, end_time, update_time")
    with _beside_others():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_tasks_not_well")
        op.execute(f"CREATE INDEX CONCURRENTLY ix_tasks_not_well ON {INDEXED} WHERE {FAILED}")


def downgrade() -> None:
    with _beside_others():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_tasks_not_well")
    _exchange(BEFORE)
