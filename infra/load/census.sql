-- The census: one row for everything that must not be, no row when all is well.
--
-- Run it with an administrator's rights (row-level security hides rows from everyone else), after
-- work has stopped or while it goes on: each statement a role commits keeps every line here true.
-- What has been due for longer than the grace (`census.grace_ms`, 15 s unless set) is overdue.
WITH clock AS (
  SELECT
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms,
    coalesce(nullif(current_setting('census.grace_ms', true), '')::bigint, 15000) AS grace_ms
),
task AS MATERIALIZED (
  SELECT
    id, namespace, execution_id, seq, ref, type, status, queue, system, available_at, timer_at,
    end_time, claim,
    status IN ('COMPLETED', 'COMPLETED_WITH_ERRORS', 'FAILED', 'FAILED_WITH_TERMINAL_ERROR',
               'TIMED_OUT', 'CANCELED', 'SKIPPED') AS ended,
    coalesce((header::json ->> 'retryCount')::int, 0) AS retry,
    header::json ->> 'subWorkflowId' AS child_id
  FROM tasks
),
execution AS MATERIALIZED (
  SELECT
    id, namespace, status, snapshot, timer_at, update_time, end_time,
    status IN ('COMPLETED', 'FAILED', 'TIMED_OUT', 'TERMINATED') AS ended
  FROM executions
)

-- Executions: ended, or waiting for something that will come.
SELECT 'execution: nothing will move it' AS finding, e.namespace, e.id AS subject, e.status AS detail
FROM execution AS e, clock
WHERE e.status = 'RUNNING'
  AND e.update_time < now_ms - grace_ms
  AND (e.timer_at IS NULL OR e.timer_at > now_ms + grace_ms)
  AND NOT EXISTS (
    SELECT FROM task AS t
    WHERE t.execution_id = e.id AND NOT t.ended
      -- These only wait for others of the same execution.
      AND t.type NOT IN ('JOIN', 'EXCLUSIVE_JOIN', 'DO_WHILE', 'FORK', 'FORK_JOIN')
  )
  -- Held back by its rate limit behind another one that has not ended.
  AND NOT EXISTS (
    SELECT FROM limited_runs AS held JOIN limited_runs AS inside
      ON inside.namespace = held.namespace AND inside.key = held.key AND NOT inside.waiting
    JOIN execution AS one ON one.id = inside.execution_id AND NOT one.ended
    WHERE held.execution_id = e.id AND held.waiting
  )
UNION ALL
SELECT 'execution: ended without an end time', namespace, id, status
FROM execution WHERE ended AND end_time = 0
UNION ALL
SELECT 'execution: ended with a timer', namespace, id, status
FROM execution WHERE ended AND timer_at IS NOT NULL
UNION ALL
SELECT 'execution: timer overdue', namespace, id, (now_ms - timer_at) || ' ms'
FROM execution, clock WHERE timer_at < now_ms - grace_ms
UNION ALL
SELECT 'execution: without its definition', e.namespace, e.id, e.snapshot
FROM execution AS e
WHERE NOT EXISTS (
  SELECT FROM snapshots AS s WHERE s.namespace = e.namespace AND s.digest = e.snapshot
)

-- Task attempts: one row each, ended where the execution has ended, in nobody's hand after that.
UNION ALL
SELECT 'task: without an execution', t.namespace, t.id, t.ref
FROM task AS t
WHERE NOT EXISTS (
  SELECT FROM execution AS e WHERE e.id = t.execution_id AND e.namespace = t.namespace
)
UNION ALL
SELECT 'task: open in an ended execution', t.namespace, t.id, t.ref || ' ' || t.status
FROM task AS t JOIN execution AS e ON e.id = t.execution_id
WHERE e.ended AND NOT t.ended
UNION ALL
SELECT 'task: ended but still to be taken', namespace, id, ref || ' ' || status
FROM task WHERE ended AND (available_at IS NOT NULL OR timer_at IS NOT NULL)
UNION ALL
SELECT 'task: ended without an end time', namespace, id, ref || ' ' || status
FROM task WHERE ended AND end_time = 0 AND status NOT IN ('SKIPPED', 'CANCELED')
UNION ALL
SELECT 'task: sequence number used twice', namespace, execution_id, seq || ' × ' || count(*)
FROM task GROUP BY namespace, execution_id, seq HAVING count(*) > 1
UNION ALL
SELECT 'task: attempt with two rows', namespace, execution_id, ref || ' retry ' || retry
FROM task GROUP BY namespace, execution_id, ref, retry HAVING count(*) > 1
UNION ALL
SELECT 'task: completed twice', namespace, execution_id, ref || ' × ' || count(*)
FROM task WHERE status IN ('COMPLETED', 'COMPLETED_WITH_ERRORS')
GROUP BY namespace, execution_id, ref HAVING count(*) > 1
UNION ALL
SELECT 'task: due and unclaimed', namespace, id, type || ', ' || (now_ms - available_at) || ' ms'
FROM task, clock WHERE system AND available_at < now_ms - grace_ms
UNION ALL
SELECT 'task: timer overdue', namespace, id, type || ', ' || (now_ms - timer_at) || ' ms'
FROM task, clock WHERE timer_at < now_ms - grace_ms
UNION ALL
SELECT 'task: claimed again and again', namespace, id, type || ' × ' || claim
FROM task WHERE claim > 50
UNION ALL
SELECT 'task: its child has ended unheard', t.namespace, t.id, t.child_id
FROM task AS t JOIN execution AS child ON child.id = t.child_id, clock
WHERE t.type = 'SUB_WORKFLOW' AND NOT t.ended AND child.ended
  AND child.end_time < now_ms - grace_ms
  AND NOT EXISTS (SELECT FROM effects AS x WHERE x.execution_id = child.id)

-- Effects of committed decisions: carried out, and soon.
UNION ALL
SELECT 'effect: without an execution', x.namespace, x.id, x.kind
FROM effects AS x
WHERE NOT EXISTS (
  SELECT FROM execution AS e WHERE e.id = x.execution_id AND e.namespace = x.namespace
)
UNION ALL
SELECT 'effect: due and unclaimed', namespace, id, kind || ', ' || (now_ms - available_at) || ' ms'
FROM effects, clock WHERE available_at < now_ms - grace_ms
UNION ALL
SELECT 'effect: tried again and again', namespace, id, kind || ' × ' || claim
FROM effects WHERE claim > 20

-- Quotas add up.
UNION ALL
SELECT 'usage: running executions miscounted', coalesce(counted.namespace, used.namespace), '',
  'counted ' || coalesce(counted.running, 0) || ', in usage ' || coalesce(used.amount, 0)
FROM (
  SELECT namespace, count(*) AS running FROM execution WHERE NOT ended GROUP BY namespace
) AS counted
FULL JOIN (
  SELECT namespace, sum(amount) AS amount FROM usage
  WHERE quota = 'running_executions' GROUP BY namespace
) AS used ON used.namespace = counted.namespace
WHERE coalesce(counted.running, 0) <> coalesce(used.amount, 0)
ORDER BY 1, 2, 3
