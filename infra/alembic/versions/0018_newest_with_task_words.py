"""The newest executions whose tasks hold words, without meeting all that hold a common one.

As `newest_with_words` of migration 0008 does for the words of executions themselves.
"""

from alembic import op

revision = "0018"
down_revision = "0017"

NEWEST_WITH_TASK_WORDS = """CREATE FUNCTION newest_with_task_words(
  p_words bigint[], p_start integer, p_size integer, p_most integer
) RETURNS TABLE (execution_id text, total integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $body$
DECLARE
  v_namespace text := current_setting('playground.namespace', true);
  v_total integer;
BEGIN
  SELECT count(*) INTO v_total FROM (
    SELECT FROM execution_words w WHERE w.task_words @> p_words AND w.namespace = v_namespace
    LIMIT p_most
  ) found;
  RETURN QUERY SELECT w.execution_id, v_total FROM execution_words w
    WHERE w.task_words @> p_words AND w.namespace = v_namespace
    ORDER BY w.start_time DESC, w.execution_id OFFSET p_start LIMIT greatest(p_size, 1);
END
$body$"""
FUNCTION = "newest_with_task_words(bigint[], integer, integer, integer)"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(NEWEST_WITH_TASK_WORDS)
    op.execute("GRANT CREATE ON SCHEMA public TO playground_definer")
    op.execute(f"ALTER FUNCTION {FUNCTION} OWNER TO playground_definer")
    op.execute(f"REVOKE ALL ON FUNCTION {FUNCTION} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {FUNCTION} TO playground_tenant")
    op.execute("REVOKE CREATE ON SCHEMA public FROM playground_definer")


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {FUNCTION}")
