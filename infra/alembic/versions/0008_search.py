"""Search: whole words of executions and their tasks, and indexes that hold what is filtered by.

`execution_words` holds the words of an execution, each under its namespace, so that no tenant's
words lengthen another's lists. `search_backlog` names executions whose words are not up to date;
the save itself appends to it, and the clock or whoever searches empties it. Row-level security
keeps the planner from the index of words (array operators are not leakproof): one function reads it
for the bound namespace alone.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

# Text up to here is taken for words; of what is longer, a search looks into the text itself.
OWN_CHARACTERS = 200_000
TASK_CHARACTERS = 8_000
TASKS = 200

OF_TENANT = "namespace = current_setting('playground.namespace', true)"
OF_BATCH = "namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])"

# A word is kept as a hash of itself and its namespace: short, and of one length.
WORDS_OF = r"""CREATE FUNCTION words_of(p_namespace text, p_text text)
RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $body$
  SELECT coalesce(array_agg(hashtextextended(p_namespace || '/' || word, 0)), '{}')
  FROM unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', translate(
    regexp_replace(p_text, '\\(u[0-9a-fA-F]{4}|.)', ' ', 'g'),
    '"''`{}[]()<>:;,./|\!?#$%^&*+-=~@_', repeat(' ', 33)
  )))) AS word
$body$"""

OWN_WORDS = """CREATE FUNCTION own_words(p_text text)
RETURNS bigint[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $body$
  SELECT words_of(current_setting('playground.namespace', true), p_text)
$body$"""

INDEX_WORDS = f"""CREATE FUNCTION index_words(p_executions text[])
RETURNS void LANGUAGE sql VOLATILE SET search_path = public, pg_temp
AS $body$
  INSERT INTO execution_words
    (execution_id, namespace, start_time, words, task_words, partial)
  SELECT e.id, e.namespace, e.start_time,
    words_of(e.namespace, concat_ws(' ', e.id, e.name, e.correlation_id, e.reason,
      left(e.input, {OWN_CHARACTERS}), left(e.output, {OWN_CHARACTERS}),
      left(e.variables, {OWN_CHARACTERS}))),
    words_of(e.namespace, coalesce(t.texts, '')),
    coalesce(t.partial, false)
      OR greatest(length(e.input), length(e.output), length(e.variables)) > {OWN_CHARACTERS}
  FROM executions e CROSS JOIN LATERAL (
    SELECT string_agg(concat_ws(' ', s.id, s.ref, s.def_name, s.type,
        left(s.input, {TASK_CHARACTERS}), left(s.output, {TASK_CHARACTERS})), ' ') AS texts,
      count(*) > {TASKS}
        OR max(greatest(length(s.input), length(s.output))) > {TASK_CHARACTERS} AS partial
    FROM (
      SELECT * FROM tasks WHERE execution_id = e.id ORDER BY seq LIMIT {TASKS + 1}
    ) s
  ) t
  WHERE e.id = ANY(p_executions)
  ON CONFLICT (execution_id) DO UPDATE SET start_time = EXCLUDED.start_time,
    words = EXCLUDED.words, task_words = EXCLUDED.task_words, partial = EXCLUDED.partial
$body$"""

# One indexer of a namespace at a time: an older picture of a row must not replace a newer one.
INDEX_OWN = """CREATE FUNCTION index_own_words(p_most integer)
RETURNS integer LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
AS $body$
DECLARE
  v_namespace text := current_setting('playground.namespace', true);
  v_executions text[];
  v_taken integer;
BEGIN
  IF NOT EXISTS (SELECT FROM search_backlog WHERE namespace = v_namespace) THEN
    RETURN 0;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('words/' || v_namespace, 0));
  WITH taken AS (
    DELETE FROM search_backlog WHERE id IN (
      SELECT id FROM search_backlog WHERE namespace = v_namespace ORDER BY id LIMIT p_most)
    RETURNING execution_id
  ) SELECT array_agg(DISTINCT execution_id), count(*) INTO v_executions, v_taken FROM taken;
  PERFORM index_words(v_executions);
  RETURN v_taken;
END
$body$"""

INDEX_SOME = """CREATE FUNCTION index_some_words(p_most integer)
RETURNS integer LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
AS $body$
DECLARE
  v_namespace text;
  v_executions text[];
  v_taken integer;
BEGIN
  SELECT namespace INTO v_namespace FROM search_backlog ORDER BY id LIMIT 1;
  IF v_namespace IS NULL
     OR NOT pg_try_advisory_xact_lock(hashtextextended('words/' || v_namespace, 0)) THEN
    RETURN 0;
  END IF;
  WITH taken AS (
    DELETE FROM search_backlog WHERE id IN (
      SELECT id FROM search_backlog WHERE namespace = v_namespace ORDER BY id LIMIT p_most)
    RETURNING execution_id
  ) SELECT array_agg(DISTINCT execution_id), count(*) INTO v_executions, v_taken FROM taken;
  PERFORM index_words(v_executions);
  RETURN v_taken;
END
$body$"""

# Rows whose text was too long to be taken whole come too, in doubt: who asks looks into the text.
WITH_WORDS = """CREATE FUNCTION executions_with_words(p_words bigint[], p_most integer)
RETURNS TABLE (execution_id text, in_doubt boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20000 SET search_path = public, pg_temp
AS $body$
DECLARE
  v_namespace text := current_setting('playground.namespace', true);
BEGIN
  RETURN QUERY (
    SELECT w.execution_id, false FROM execution_words w
    WHERE w.words @> p_words AND w.namespace = v_namespace
  ) UNION ALL (
    SELECT w.execution_id, true FROM execution_words w
    WHERE w.partial AND w.namespace = v_namespace AND NOT w.words @> p_words
  ) LIMIT p_most;
END
$body$"""

# 2 surely, 1 in doubt, 0 no.
HAS_WORDS = """CREATE FUNCTION execution_has_words(p_execution text, p_words bigint[])
RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $body$
  SELECT CASE WHEN words @> p_words THEN 2 WHEN partial THEN 1 ELSE 0 END FROM execution_words
  WHERE execution_id = p_execution AND namespace = current_setting('playground.namespace', true)
$body$"""

# For a word that many executions hold, without meeting them: how many, and the newest of them.
NEWEST_WITH_WORDS = """CREATE FUNCTION newest_with_words(
  p_words bigint[], p_start integer, p_size integer, p_most integer
) RETURNS TABLE (execution_id text, total integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $body$
DECLARE
  v_namespace text := current_setting('playground.namespace', true);
  v_total integer;
BEGIN
  SELECT count(*) INTO v_total FROM (
    SELECT FROM execution_words w WHERE w.words @> p_words AND w.namespace = v_namespace
    LIMIT p_most
  ) found;
  RETURN QUERY SELECT w.execution_id, v_total FROM execution_words w
    WHERE w.words @> p_words AND w.namespace = v_namespace
    ORDER BY w.start_time DESC, w.execution_id OFFSET p_start LIMIT greatest(p_size, 1);
END
$body$"""

WITH_TASK_WORDS, TASK_HAS_WORDS = (
    definition.replace("executions_with_words", "executions_with_task_words")
    .replace("execution_has_words", "execution_has_task_words")
    .replace("w.words", "w.task_words")
    .replace("WHEN words", "WHEN task_words")
    for definition in (WITH_WORDS, HAS_WORDS)
)

STATEMENTS = [
    "SET LOCAL lock_timeout = '5s'",
    """CREATE TABLE execution_words (
  execution_id text NOT NULL,
  namespace text NOT NULL,
  start_time bigint NOT NULL,
  words bigint[] NOT NULL,
  task_words bigint[] NOT NULL,
  partial boolean NOT NULL,
  CONSTRAINT pk_execution_words PRIMARY KEY (execution_id)
)""",
    "CREATE INDEX ix_execution_words_newest ON execution_words (namespace, start_time DESC, execution_id)",
    "CREATE INDEX ix_execution_words_words ON execution_words USING gin (words)",
    "CREATE INDEX ix_execution_words_task_words ON execution_words USING gin (task_words)",
    "CREATE INDEX ix_execution_words_partial ON execution_words (namespace) WHERE partial",
    """CREATE TABLE search_backlog (
  id bigint GENERATED ALWAYS AS IDENTITY,
  namespace text NOT NULL,
  execution_id text NOT NULL,
  CONSTRAINT pk_search_backlog PRIMARY KEY (id)
)""",
    "CREATE INDEX ix_search_backlog_namespace ON search_backlog (namespace, id)",
    *[
        f"ALTER TABLE {table} {force} ROW LEVEL SECURITY"
        for table in ("execution_words", "search_backlog")
        for force in ("ENABLE", "FORCE")
    ],
    "GRANT select (execution_id), delete ON execution_words TO playground_tenant",
    "GRANT select, insert, update, delete ON execution_words TO playground_definer",
    "GRANT select (execution_id), insert, delete ON search_backlog TO playground_tenant",
    "GRANT insert ON search_backlog TO playground_committer",
    "GRANT select, insert, delete ON search_backlog TO playground_definer",
    "GRANT select (namespace) ON search_backlog TO playground_operator",
    "GRANT select ON executions, tasks TO playground_definer",
    *[
        f"CREATE POLICY {table}_{role} ON {table} TO playground_{role} USING ({rows}) WITH CHECK ({rows})"
        for table, role, rows in (
            ("execution_words", "tenant", OF_TENANT),
            ("execution_words", "definer", "true"),
            ("search_backlog", "tenant", OF_TENANT),
            ("search_backlog", "committer", OF_BATCH),
            ("search_backlog", "definer", "true"),
            ("search_backlog", "operator", "true"),
            ("executions", "definer", "true"),
            ("tasks", "definer", "true"),
        )
    ],
    WORDS_OF,
    OWN_WORDS,
    INDEX_WORDS,
    INDEX_OWN,
    INDEX_SOME,
    WITH_WORDS,
    WITH_TASK_WORDS,
    HAS_WORDS,
    TASK_HAS_WORDS,
    NEWEST_WITH_WORDS,
    "DROP INDEX ix_executions_newest",
    """CREATE INDEX ix_executions_newest ON executions (namespace, start_time DESC, id)
INCLUDE (name, version, status, correlation_id, parent_id, idempotency_key, end_time)""",
    "DROP INDEX ix_tasks_newest",
    """CREATE INDEX ix_tasks_newest ON tasks (namespace, start_time DESC, id)
INCLUDE (status, type, def_name, ref, execution_id, scheduled_time)""",
]
FUNCTIONS = {
    "words_of(text, text)": (),
    "index_words(text[])": (),
    "index_own_words(integer)": ("tenant",),
    "index_some_words(integer)": ("claims",),
    "own_words(text)": ("tenant",),
    "executions_with_words(bigint[], integer)": ("tenant",),
    "executions_with_task_words(bigint[], integer)": ("tenant",),
    "execution_has_words(text, bigint[])": ("tenant",),
    "execution_has_task_words(text, bigint[])": ("tenant",),
    "newest_with_words(bigint[], integer, integer, integer)": ("tenant",),
}


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    # As the role that sees all rows: forced row-level security binds the owner as well.
    op.execute("SET LOCAL ROLE playground_definer")
    op.execute(
        "INSERT INTO search_backlog (namespace, execution_id) SELECT namespace, id FROM executions"
    )
    op.execute("RESET ROLE")
    op.execute("GRANT CREATE ON SCHEMA public TO playground_definer")
    for function, roles in FUNCTIONS.items():
        op.execute(f"ALTER FUNCTION {function} OWNER TO playground_definer")
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        for role in roles:
            op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO playground_{role}")
    op.execute("REVOKE CREATE ON SCHEMA public FROM playground_definer")


def downgrade() -> None:
    for function in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {function}")
    for table in ("executions", "tasks"):
        op.execute(f"DROP POLICY {table}_definer ON {table}")
        op.execute(f"REVOKE select ON {table} FROM playground_definer")
    op.execute("DROP INDEX ix_executions_newest")
    op.execute("CREATE INDEX ix_executions_newest ON executions (namespace, start_time DESC, id)")
    op.execute("DROP INDEX ix_tasks_newest")
    op.execute("CREATE INDEX ix_tasks_newest ON tasks (namespace, update_time DESC)")
    op.execute("DROP TABLE search_backlog")
    op.execute("DROP TABLE execution_words")
