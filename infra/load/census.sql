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
    id, namespace, execution_id, seq, ref, type, def_name, status, queue, system, available_at,
    gated_at, gate, timer_at, response_timeout, update_time, end_time, claim,
    status IN ('COMPLETED', 'COMPLETED_WITH_ERRORS', 'FAILED', 'FAILED_WITH_TERMINAL_ERROR',
               'TIMED_OUT', 'CANCELED', 'SKIPPED') AS ended,
    coalesce((header::json ->> 'retryCount')::int, 0) AS retry,
    header::json ->> 'subWorkflowId' AS child_id
  FROM tasks
),
execution AS MATERIALIZED (
  SELECT
    id, namespace, status, snapshot, timer_at, update_time, end_time, parent_id,
    status IN ('COMPLETED', 'FAILED', 'TIMED_OUT', 'TERMINATED') AS ended
  FROM executions
),
-- What can be meant by an id: an execution that is there, or one put away into the archive.
known AS MATERIALIZED (
  SELECT namespace, id FROM executions UNION ALL SELECT namespace, id FROM archive
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
UNION ALL
SELECT 'execution: of no namespace', namespace, id, status
FROM execution AS e WHERE NOT EXISTS (SELECT FROM namespaces AS n WHERE n.id = e.namespace)
UNION ALL
SELECT 'execution: both here and in the archive', a.namespace, a.id, e.status
FROM archive AS a JOIN execution AS e ON e.id = a.id

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
-- Scheduled, and in no queue: nobody will ever take it.
SELECT 'task: nobody can take it', t.namespace, t.id, t.ref || ' ' || t.type
FROM task AS t JOIN execution AS e ON e.id = t.execution_id
WHERE t.status = 'SCHEDULED' AND t.queue IS NOT NULL AND t.available_at IS NULL
  AND t.gated_at IS NULL AND NOT e.ended
UNION ALL
-- In a worker's hand, and nothing will bring it back if that worker is gone.
SELECT 'task: in a hand without a deadline', namespace, id, ref || ' ' || type
FROM task
WHERE status = 'IN_PROGRESS' AND NOT system AND queue IS NOT NULL AND response_timeout > 0
  AND timer_at IS NULL AND available_at IS NULL
UNION ALL
SELECT 'task: behind its gate and before it', namespace, id, ref
FROM task WHERE available_at IS NOT NULL AND gated_at IS NOT NULL
UNION ALL
SELECT 'gate: more inside than places', namespace, def_name,
  count(*) || ' of ' || max(split_part(gate, ' ', 1)::int)
FROM task
WHERE gate IS NOT NULL AND gated_at IS NULL AND status IN ('SCHEDULED', 'IN_PROGRESS')
GROUP BY namespace, def_name
HAVING min(split_part(gate, ' ', 1)::int) > 0
  AND count(*) > max(split_part(gate, ' ', 1)::int)
UNION ALL
SELECT 'task: claimed again and again', namespace, id, type || ' × ' || claim
FROM task WHERE claim > 50
UNION ALL
SELECT 'task: its child has ended unheard', t.namespace, t.id, t.child_id
FROM task AS t JOIN execution AS child ON child.id = t.child_id, clock
WHERE t.type = 'SUB_WORKFLOW' AND NOT t.ended AND child.ended
  AND child.end_time < now_ms - grace_ms
  AND NOT EXISTS (SELECT FROM effects AS x WHERE x.execution_id = child.id)
UNION ALL
SELECT 'task: waits for a child that is nowhere', t.namespace, t.id, t.child_id
FROM task AS t, clock
WHERE t.type = 'SUB_WORKFLOW' AND t.status = 'IN_PROGRESS' AND t.child_id IS NOT NULL
  AND t.update_time < now_ms - grace_ms
  AND NOT EXISTS (SELECT FROM known AS k WHERE k.id = t.child_id)
UNION ALL
SELECT 'child: in another namespace than its parent', c.namespace, c.id, c.parent_id
FROM execution AS c JOIN execution AS p ON p.id = c.parent_id WHERE p.namespace <> c.namespace
UNION ALL
SELECT 'log: of no task', l.namespace, l.task_id, min(l.log)
FROM task_logs AS l
WHERE NOT EXISTS (SELECT FROM task AS t WHERE t.id = l.task_id)
GROUP BY l.namespace, l.task_id

-- People: what they see follows the task.
UNION ALL
SELECT 'human task: open and its task has ended', h.namespace, h.task_id, h.state
FROM human_tasks AS h JOIN task AS t ON t.id = h.task_id, clock
WHERE t.ended AND h.state NOT IN ('COMPLETED', 'TIMED_OUT', 'DELETED')
  AND t.update_time < now_ms - grace_ms
  AND NOT EXISTS (
    SELECT FROM effects AS x
    WHERE x.execution_id = t.execution_id AND x.kind = 'HumanTaskChanged'
  )
UNION ALL
SELECT 'human task: nobody is shown it', t.namespace, t.id, t.ref
FROM task AS t, clock
WHERE t.type = 'HUMAN' AND t.status = 'IN_PROGRESS' AND t.update_time < now_ms - grace_ms
  AND NOT EXISTS (SELECT FROM human_tasks AS h WHERE h.task_id = t.id)
  AND NOT EXISTS (
    SELECT FROM effects AS x
    WHERE x.execution_id = t.execution_id AND x.kind = 'HumanTaskChanged'
  )

-- Effects of committed decisions: carried out, and soon.
UNION ALL
SELECT 'effect: without an execution', x.namespace, x.id, x.kind
FROM effects AS x
-- Deliveries belong to a message and looks of stand-ins to a namespace.
WHERE x.kind NOT IN ('DeliverMessage', 'StandInsLookAgain') AND NOT EXISTS (
  SELECT FROM known AS k WHERE k.id = x.execution_id AND k.namespace = x.namespace
)
UNION ALL
SELECT 'effect: due and unclaimed', namespace, id, kind || ', ' || (now_ms - available_at) || ' ms'
FROM effects, clock WHERE available_at < now_ms - grace_ms
UNION ALL
SELECT 'effect: tried again and again', namespace, id, kind || ' × ' || claim
FROM effects WHERE claim > 20

-- Events and webhooks: what was taken in is delivered, and every action has come to something.
UNION ALL
SELECT 'message: nobody will deliver it', m.namespace, m.id, m.type || ' ' || m.target
FROM event_messages AS m
WHERE m.status = 'RECEIVED'
  AND NOT EXISTS (
    SELECT FROM effects AS x
    WHERE x.kind = 'DeliverMessage' AND x.body = m.id AND x.namespace = m.namespace
  )
UNION ALL
SELECT 'delivery: of no message', x.namespace, x.id, x.body
FROM effects AS x
WHERE x.kind = 'DeliverMessage'
  AND NOT EXISTS (
    SELECT FROM event_messages AS m WHERE m.id = x.body AND m.namespace = x.namespace
  )
UNION ALL
SELECT 'event action: open and its message is done', a.namespace, a.id, a.handler || ' ' || a.action
FROM event_executions AS a
JOIN event_messages AS m ON m.namespace = a.namespace AND m.id = a.message_id
WHERE a.status = 'IN_PROGRESS' AND m.status <> 'RECEIVED'
UNION ALL
SELECT 'event action: of no message', a.namespace, a.id, a.handler
FROM event_executions AS a
WHERE NOT EXISTS (
  SELECT FROM event_messages AS m WHERE m.namespace = a.namespace AND m.id = a.message_id
)
UNION ALL
SELECT 'workflow message: nobody wakes who waits', w.namespace, w.id, w.execution_id
FROM workflow_messages AS w
JOIN task AS t ON t.execution_id = w.execution_id AND t.type = 'PULL_WORKFLOW_MESSAGES'
JOIN execution AS e ON e.id = w.execution_id, clock
WHERE NOT t.ended AND e.status = 'RUNNING' AND w.received_at < now_ms - grace_ms
  AND NOT EXISTS (SELECT FROM effects AS x WHERE x.execution_id = w.execution_id)
UNION ALL
SELECT 'workflow message: to no execution', w.namespace, w.id, w.execution_id
FROM workflow_messages AS w
WHERE NOT EXISTS (SELECT FROM known AS k WHERE k.id = w.execution_id)

-- Schedules: every tick once, none lost.
UNION ALL
SELECT 'schedule: its timer stands still', t.namespace, t.schedule, t.cron
FROM schedule_timers AS t JOIN schedules AS s ON s.namespace = t.namespace AND s.name = t.schedule
WHERE NOT s.paused AND t.expected_at IS NOT NULL AND t.available_at IS NULL
UNION ALL
SELECT 'schedule: timer of no schedule', t.namespace, t.id, t.schedule
FROM schedule_timers AS t
WHERE NOT EXISTS (
  SELECT FROM schedules AS s WHERE s.namespace = t.namespace AND s.name = t.schedule
)
UNION ALL
SELECT 'schedule: timer overdue', namespace, schedule, (now_ms - available_at) || ' ms'
FROM schedule_timers, clock WHERE available_at < now_ms - grace_ms
UNION ALL
SELECT 'schedule: run taken and not started', namespace, id, schedule
FROM schedule_executions, clock
WHERE state = 'POLLED' AND (available_at IS NULL OR available_at < now_ms - grace_ms)
UNION ALL
SELECT 'schedule: run done and still to be started', namespace, id, schedule || ' ' || state
FROM schedule_executions WHERE state <> 'POLLED' AND available_at IS NOT NULL
UNION ALL
SELECT 'schedule: run started without a workflow', namespace, id, schedule
FROM schedule_executions WHERE state = 'EXECUTED' AND workflow_id IS NULL
UNION ALL
SELECT 'schedule: one tick with two runs', namespace, schedule, scheduled_time || ' × ' || count(*)
FROM schedule_executions GROUP BY namespace, schedule, cron, zone, scheduled_time
HAVING count(*) > 1

-- Rate limits, idempotency keys and followers: held by whoever is there, and by nobody else.
UNION ALL
SELECT 'rate limit: more inside than the limit', r.namespace, r.key,
  count(*) || ' of ' || max(r.ceiling)
-- Those with the ceiling 0 are revived ones, which wait for nobody.
FROM limited_runs AS r WHERE NOT r.waiting AND r.ceiling > 0
GROUP BY r.namespace, r.key HAVING count(*) > max(r.ceiling)
UNION ALL
SELECT 'rate limit: a place of one that has ended', r.namespace, r.execution_id, r.key
FROM limited_runs AS r JOIN execution AS e ON e.id = r.execution_id, clock
WHERE e.ended AND e.end_time < now_ms - grace_ms
  AND NOT EXISTS (
    SELECT FROM effects AS x WHERE x.execution_id = r.execution_id AND x.kind = 'LeavePlace'
  )
UNION ALL
SELECT 'rate limit: nobody begins who may', namespace, execution_id, (now_ms - released_at) || ' ms'
FROM limited_runs, clock WHERE released_at < now_ms - grace_ms
UNION ALL
SELECT 'idempotency key: of nobody', i.namespace, i.execution_id, i.name || ' ' || i.key
FROM idempotency_keys AS i
WHERE NOT EXISTS (SELECT FROM execution AS e WHERE e.id = i.execution_id)
UNION ALL
SELECT 'follower: not told', f.namespace, f.parent_task_id, f.execution_id
FROM followers AS f
JOIN execution AS e ON e.id = f.execution_id
JOIN task AS t ON t.id = f.parent_task_id, clock
WHERE e.ended AND e.end_time < now_ms - grace_ms AND NOT t.ended
  AND NOT EXISTS (
    SELECT FROM effects AS x WHERE x.execution_id = e.id AND x.kind = 'TellFollowers'
  )

-- Quotas add up.
UNION ALL
SELECT 'usage: below nothing', namespace, quota, sum(amount)::text
FROM usage GROUP BY namespace, quota HAVING sum(amount) < 0
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
