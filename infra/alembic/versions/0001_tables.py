"""The first tables: tenancy and the engine, with their roles' rights and row filters."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SETTLE_USAGE = """CREATE FUNCTION settle_usage(
  p_namespaces text[], p_quotas text[], p_amounts bigint[], p_limits bigint[]
) RETURNS SETOF integer LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = public, pg_temp AS $body$
DECLARE
  v_group record;
  v_item record;
  v_key bigint;
  v_held bigint;
  v_net bigint;
BEGIN
  FOR v_group IN
    SELECT i.namespace, i.quota, min(i.ceiling) FILTER (WHERE i.amount > 0) AS ceiling,
           coalesce(sum(i.amount) FILTER (WHERE i.amount > 0), 0) AS wanted
    FROM unnest(p_namespaces, p_quotas, p_amounts, p_limits) AS i(namespace, quota, amount, ceiling)
    GROUP BY i.namespace, i.quota ORDER BY i.namespace COLLATE "C", i.quota COLLATE "C"
  LOOP
    v_net := 0;
    v_held := 0;
    IF v_group.wanted > 0 THEN
      v_key := hashtextextended(v_group.namespace || '/' || v_group.quota, 0);
      BEGIN
        SELECT coalesce(sum(u.amount), 0) INTO v_held FROM usage u
        WHERE u.namespace = v_group.namespace AND u.quota = v_group.quota;
        IF v_group.wanted * 1000 > v_group.ceiling
           OR (v_held + v_group.wanted) * 10 > v_group.ceiling * 8 THEN
          RAISE EXCEPTION USING ERRCODE = 'PG001';
        END IF;
        PERFORM pg_advisory_xact_lock_shared(v_key);
        SELECT coalesce(sum(u.amount), 0) INTO v_held FROM usage u
        WHERE u.namespace = v_group.namespace AND u.quota = v_group.quota;
        IF (v_held + v_group.wanted) * 10 > v_group.ceiling * 8 THEN
          RAISE EXCEPTION USING ERRCODE = 'PG001';
        END IF;
      EXCEPTION WHEN SQLSTATE 'PG001' THEN
        PERFORM pg_advisory_xact_lock(v_key);
        SELECT coalesce(sum(u.amount), 0) INTO v_held FROM usage u
        WHERE u.namespace = v_group.namespace AND u.quota = v_group.quota;
      END;
    END IF;
    FOR v_item IN
      SELECT i.amount, i.ceiling, i.position
      FROM unnest(p_namespaces, p_quotas, p_amounts, p_limits)
        WITH ORDINALITY AS i(namespace, quota, amount, ceiling, position)
      WHERE i.namespace = v_group.namespace AND i.quota = v_group.quota
      ORDER BY (i.amount > 0), i.position
    LOOP
      IF v_item.amount > 0 AND v_held + v_net + v_item.amount > v_item.ceiling THEN
        RETURN NEXT (v_item.position - 1)::integer;
      ELSE
        v_net := v_net + v_item.amount;
      END IF;
    END LOOP;
    IF v_net <> 0 THEN
      INSERT INTO usage AS u (namespace, quota, slot, amount)
      VALUES (v_group.namespace, v_group.quota, (pg_backend_pid() % 16)::smallint, v_net)
      ON CONFLICT (namespace, quota, slot) DO UPDATE SET amount = u.amount + excluded.amount;
    END IF;
  END LOOP;
END
$body$
"""

RIGHTS = (
    "GRANT select ON plans TO playground_tenant",
    "GRANT select ON plans TO playground_committer",
    "GRANT select ON plans TO playground_identity",
    "GRANT select ON plans TO playground_operator",
    "GRANT select, insert, update, delete ON users TO playground_identity",
    "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE users FORCE ROW LEVEL SECURITY",
    "CREATE POLICY users_identity ON users TO playground_identity USING (true) WITH CHECK (true)",
    "GRANT select ON namespaces TO playground_tenant",
    "GRANT select ON namespaces TO playground_committer",
    "GRANT select, insert, update ON namespaces TO playground_identity",
    "GRANT select ON namespaces TO playground_claims",
    "GRANT select ON namespaces TO playground_operator",
    "ALTER TABLE namespaces ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE namespaces FORCE ROW LEVEL SECURITY",
    "CREATE POLICY namespaces_tenant ON namespaces TO playground_tenant USING (id = current_setting('playground.namespace', true)) WITH CHECK (id = current_setting('playground.namespace', true))",
    "CREATE POLICY namespaces_committer ON namespaces TO playground_committer USING (id = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])) WITH CHECK (id = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[]))",
    "CREATE POLICY namespaces_identity ON namespaces TO playground_identity USING (true) WITH CHECK (true)",
    "CREATE POLICY namespaces_claims ON namespaces TO playground_claims USING (true) WITH CHECK (true)",
    "CREATE POLICY namespaces_operator ON namespaces TO playground_operator USING (true) WITH CHECK (true)",
    "GRANT select, insert, update, delete ON members TO playground_identity",
    "ALTER TABLE members ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE members FORCE ROW LEVEL SECURITY",
    "CREATE POLICY members_identity ON members TO playground_identity USING (true) WITH CHECK (true)",
    "GRANT select, insert, update, delete ON sessions TO playground_identity",
    "ALTER TABLE sessions ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE sessions FORCE ROW LEVEL SECURITY",
    "CREATE POLICY sessions_identity ON sessions TO playground_identity USING (true) WITH CHECK (true)",
    "GRANT select, insert, delete ON login_flows TO playground_identity",
    "ALTER TABLE login_flows ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE login_flows FORCE ROW LEVEL SECURITY",
    "CREATE POLICY login_flows_identity ON login_flows TO playground_identity USING (true) WITH CHECK (true)",
    "GRANT select, insert, update, delete ON applications TO playground_tenant",
    "GRANT select ON applications TO playground_identity",
    "GRANT select (id, namespace) ON applications TO playground_operator",
    "ALTER TABLE applications ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE applications FORCE ROW LEVEL SECURITY",
    "CREATE POLICY applications_tenant ON applications TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "CREATE POLICY applications_identity ON applications TO playground_identity USING (true) WITH CHECK (true)",
    "CREATE POLICY applications_operator ON applications TO playground_operator USING (true) WITH CHECK (true)",
    "GRANT select, insert, update, delete ON access_keys TO playground_tenant",
    "GRANT select ON access_keys TO playground_identity",
    "GRANT select (id, namespace, status) ON access_keys TO playground_operator",
    "ALTER TABLE access_keys ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE access_keys FORCE ROW LEVEL SECURITY",
    "CREATE POLICY access_keys_tenant ON access_keys TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "CREATE POLICY access_keys_identity ON access_keys TO playground_identity USING (true) WITH CHECK (true)",
    "CREATE POLICY access_keys_operator ON access_keys TO playground_operator USING (true) WITH CHECK (true)",
    "GRANT select, insert, update ON usage TO playground_tenant",
    "GRANT select, insert, update ON usage TO playground_committer",
    "GRANT select ON usage TO playground_operator",
    "ALTER TABLE usage ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE usage FORCE ROW LEVEL SECURITY",
    "CREATE POLICY usage_tenant ON usage TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "CREATE POLICY usage_committer ON usage TO playground_committer USING (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])) WITH CHECK (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[]))",
    "CREATE POLICY usage_operator ON usage TO playground_operator USING (true) WITH CHECK (true)",
    "GRANT select, insert ON feedback TO playground_tenant",
    "GRANT select ON feedback TO playground_operator",
    "ALTER TABLE feedback ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE feedback FORCE ROW LEVEL SECURITY",
    "CREATE POLICY feedback_tenant ON feedback TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "CREATE POLICY feedback_operator ON feedback TO playground_operator USING (true) WITH CHECK (true)",
    "GRANT select, insert ON audit_log TO playground_tenant",
    "GRANT insert ON audit_log TO playground_identity",
    "GRANT select ON audit_log TO playground_operator",
    "ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE audit_log FORCE ROW LEVEL SECURITY",
    "CREATE POLICY audit_log_tenant ON audit_log TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "CREATE POLICY audit_log_identity ON audit_log TO playground_identity USING (true) WITH CHECK (true)",
    "CREATE POLICY audit_log_operator ON audit_log TO playground_operator USING (true) WITH CHECK (true)",
    "REVOKE ALL ON FUNCTION settle_usage(text[], text[], bigint[], bigint[]) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION settle_usage(text[], text[], bigint[], bigint[]) TO playground_tenant, playground_committer",
    "ALTER TABLE catalogs ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE catalogs FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON catalogs TO playground_tenant",
    "CREATE POLICY catalogs_tenant ON catalogs TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "GRANT select, insert, update, delete ON catalogs TO playground_committer",
    "CREATE POLICY catalogs_committer ON catalogs TO playground_committer USING (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])) WITH CHECK (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[]))",
    "ALTER TABLE workflow_definitions ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE workflow_definitions FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON workflow_definitions TO playground_tenant",
    "CREATE POLICY workflow_definitions_tenant ON workflow_definitions TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "GRANT select, insert, update, delete ON workflow_definitions TO playground_committer",
    "CREATE POLICY workflow_definitions_committer ON workflow_definitions TO playground_committer USING (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])) WITH CHECK (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[]))",
    "ALTER TABLE task_definitions ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE task_definitions FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON task_definitions TO playground_tenant",
    "CREATE POLICY task_definitions_tenant ON task_definitions TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "GRANT select, insert, update, delete ON task_definitions TO playground_committer",
    "CREATE POLICY task_definitions_committer ON task_definitions TO playground_committer USING (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])) WITH CHECK (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[]))",
    "ALTER TABLE installed_samples ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE installed_samples FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON installed_samples TO playground_tenant",
    "CREATE POLICY installed_samples_tenant ON installed_samples TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "GRANT select, insert, update, delete ON installed_samples TO playground_committer",
    "CREATE POLICY installed_samples_committer ON installed_samples TO playground_committer USING (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])) WITH CHECK (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[]))",
    "ALTER TABLE snapshots ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE snapshots FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, delete ON snapshots TO playground_tenant",
    "CREATE POLICY snapshots_tenant ON snapshots TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "GRANT select, insert ON snapshots TO playground_committer",
    "CREATE POLICY snapshots_committer ON snapshots TO playground_committer USING (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])) WITH CHECK (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[]))",
    "ALTER TABLE executions ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE executions FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON executions TO playground_tenant",
    "CREATE POLICY executions_tenant ON executions TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "GRANT select, insert, update, delete ON executions TO playground_committer",
    "CREATE POLICY executions_committer ON executions TO playground_committer USING (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])) WITH CHECK (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[]))",
    "GRANT select (id, namespace, status, timer_at, parent_id), update (timer_at) ON executions TO playground_claims",
    "CREATE POLICY executions_claims ON executions TO playground_claims USING (true) WITH CHECK (true)",
    "GRANT select (id, namespace, status, start_time, end_time) ON executions TO playground_operator",
    "CREATE POLICY executions_operator ON executions TO playground_operator USING (true) WITH CHECK (true)",
    "ALTER TABLE tasks ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE tasks FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON tasks TO playground_tenant",
    "CREATE POLICY tasks_tenant ON tasks TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "GRANT select, insert, update, delete ON tasks TO playground_committer",
    "CREATE POLICY tasks_committer ON tasks TO playground_committer USING (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])) WITH CHECK (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[]))",
    "GRANT select (id, namespace, execution_id, queue, system, type, status, available_at, timer_at, claim, start_time, poll_count, response_timeout, timeout, deadline_at), update (available_at, timer_at, claim, start_time, poll_count) ON tasks TO playground_claims",
    "CREATE POLICY tasks_claims ON tasks TO playground_claims USING (true) WITH CHECK (true)",
    "GRANT select (id, namespace, execution_id, type, status, system, available_at, timer_at, claim) ON tasks TO playground_operator",
    "CREATE POLICY tasks_operator ON tasks TO playground_operator USING (true) WITH CHECK (true)",
    "ALTER TABLE task_logs ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE task_logs FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON task_logs TO playground_tenant",
    "CREATE POLICY task_logs_tenant ON task_logs TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "GRANT select, insert, update, delete ON task_logs TO playground_committer",
    "CREATE POLICY task_logs_committer ON task_logs TO playground_committer USING (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])) WITH CHECK (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[]))",
    "ALTER TABLE poll_data ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE poll_data FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON poll_data TO playground_tenant",
    "CREATE POLICY poll_data_tenant ON poll_data TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "GRANT select, insert, update, delete ON poll_data TO playground_committer",
    "CREATE POLICY poll_data_committer ON poll_data TO playground_committer USING (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])) WITH CHECK (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[]))",
    "ALTER TABLE effects ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE effects FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON effects TO playground_tenant",
    "CREATE POLICY effects_tenant ON effects TO playground_tenant USING (namespace = current_setting('playground.namespace', true)) WITH CHECK (namespace = current_setting('playground.namespace', true))",
    "GRANT select, insert, update, delete ON effects TO playground_committer",
    "CREATE POLICY effects_committer ON effects TO playground_committer USING (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[])) WITH CHECK (namespace = ANY ((SELECT string_to_array(current_setting('playground.namespaces', true), ','))::text[]))",
    "GRANT select (id, namespace, execution_id, kind, available_at, claim), update (available_at, claim) ON effects TO playground_claims",
    "CREATE POLICY effects_claims ON effects TO playground_claims USING (true) WITH CHECK (true)",
    "GRANT select (id, namespace, kind, available_at, claim) ON effects TO playground_operator",
    "CREATE POLICY effects_operator ON effects TO playground_operator USING (true) WITH CHECK (true)",
)

PLANS = (
    {
        "name": "visitor",
        "running_executions": 1000,
        "requests_per_second": 300.0,
        "burst": 600,
        "payload_bytes": 1048576,
        "workflow_definitions": 500,
        "task_definitions": 1000,
        "tasks_per_execution": 10000,
        "stored_executions": 100000,
        "retention_days": 30,
        "access_keys": 20,
    },
    {
        "name": "local",
        "running_executions": 1000000,
        "requests_per_second": None,
        "burst": 0,
        "payload_bytes": 1048576,
        "workflow_definitions": 100000,
        "task_definitions": 100000,
        "tasks_per_execution": 100000,
        "stored_executions": 10000000,
        "retention_days": 365,
        "access_keys": 1000,
    },
)


def upgrade() -> None:
    # ### commands auto generated by Alembic - please adjust! ###
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index(
        op.f("ix_audit_log_namespace_created_at"),
        "audit_log",
        ["namespace", "created_at"],
        unique=False,
    )
    op.create_table(
        "catalogs",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", name=op.f("pk_catalogs")),
    )
    op.create_table(
        "effects",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("available_at", sa.BigInteger(), nullable=False),
        sa.Column("claim", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effects")),
    )
    op.create_index("ix_effects_claimable", "effects", ["namespace", "available_at"], unique=False)
    op.create_table(
        "executions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=True),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("start_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("update_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("end_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("timer_at", sa.BigInteger(), nullable=True),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("variables", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_executions")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "ix_executions_by_correlation", "executions", ["namespace", "correlation_id"], unique=False
    )
    op.create_index(
        "ix_executions_by_idempotency_key",
        "executions",
        ["namespace", "name", "idempotency_key"],
        unique=False,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_index(
        "ix_executions_by_name",
        "executions",
        ["namespace", "name", sa.literal_column("start_time DESC")],
        unique=False,
    )
    op.create_index(
        "ix_executions_by_parent",
        "executions",
        ["namespace", "parent_id"],
        unique=False,
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index(
        "ix_executions_by_status",
        "executions",
        ["namespace", "status", sa.literal_column("start_time DESC")],
        unique=False,
    )
    op.create_index(
        "ix_executions_newest",
        "executions",
        ["namespace", sa.literal_column("start_time DESC"), "id"],
        unique=False,
    )
    op.create_index(
        "ix_executions_timer",
        "executions",
        ["timer_at"],
        unique=False,
        postgresql_where=sa.text("timer_at IS NOT NULL"),
    )
    op.create_table(
        "installed_samples",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "namespace", "kind", "name", "version", name=op.f("pk_installed_samples")
        ),
    )
    op.create_table(
        "login_flows",
        sa.Column("state_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("browser_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("secrets", sa.Text(), nullable=False),
        sa.Column("next", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("state_sha256", name=op.f("pk_login_flows")),
    )
    op.create_index(
        op.f("ix_login_flows_browser_sha256"), "login_flows", ["browser_sha256"], unique=False
    )
    op.create_index(op.f("ix_login_flows_expires_at"), "login_flows", ["expires_at"], unique=False)
    op.create_table(
        "plans",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("running_executions", sa.BigInteger(), nullable=False),
        sa.Column("requests_per_second", sa.Double(), nullable=True),
        sa.Column("burst", sa.Integer(), nullable=False),
        sa.Column("payload_bytes", sa.BigInteger(), nullable=False),
        sa.Column("workflow_definitions", sa.BigInteger(), nullable=False),
        sa.Column("task_definitions", sa.BigInteger(), nullable=False),
        sa.Column("tasks_per_execution", sa.BigInteger(), nullable=False),
        sa.Column("stored_executions", sa.BigInteger(), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=False),
        sa.Column("access_keys", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_plans")),
    )
    op.create_table(
        "poll_data",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("worker_id", sa.Text(), nullable=False),
        sa.Column("last_poll_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "task_type", "domain", name=op.f("pk_poll_data")),
    )
    op.create_table(
        "snapshots",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "digest", name=op.f("pk_snapshots")),
    )
    op.create_table(
        "task_definitions",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("update_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("updated_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "name", name=op.f("pk_task_definitions")),
    )
    op.create_table(
        "task_logs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("created_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_logs")),
    )
    op.create_index(op.f("ix_task_logs_task_id"), "task_logs", ["task_id"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("def_name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("system", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("available_at", sa.BigInteger(), nullable=True),
        sa.Column("timer_at", sa.BigInteger(), nullable=True),
        sa.Column("scheduled_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("start_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("update_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("end_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("poll_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("worker_id", sa.Text(), nullable=True),
        sa.Column("claim", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("response_timeout", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("timeout", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("deadline_at", sa.BigInteger(), nullable=True),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "ix_tasks_claimable",
        "tasks",
        ["namespace", "available_at"],
        unique=False,
        postgresql_where=sa.text("available_at IS NOT NULL AND system"),
    )
    op.create_index(
        "ix_tasks_newest",
        "tasks",
        ["namespace", sa.literal_column("update_time DESC")],
        unique=False,
    )
    op.create_index("ix_tasks_of_execution", "tasks", ["execution_id", "seq"], unique=False)
    op.create_index(
        "ix_tasks_pollable",
        "tasks",
        ["namespace", "queue", sa.literal_column("priority DESC"), "available_at"],
        unique=False,
        postgresql_where=sa.text("available_at IS NOT NULL AND NOT system"),
    )
    op.create_index(
        "ix_tasks_timer",
        "tasks",
        ["timer_at"],
        unique=False,
        postgresql_where=sa.text("timer_at IS NOT NULL"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_login_at", sa.BigInteger(), nullable=False),
        sa.Column("suspended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_users_issuer_subject")),
    )
    op.create_table(
        "workflow_definitions",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("update_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("updated_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint(
            "namespace", "name", "version", name=op.f("pk_workflow_definitions")
        ),
    )
    op.create_table(
        "namespaces",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("suspended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("id ~ '^[a-z0-9-]{3,40}$'", name=op.f("ck_namespaces_id_form")),
        sa.ForeignKeyConstraint(["owner"], ["users.id"], name=op.f("fk_namespaces_owner")),
        sa.ForeignKeyConstraint(["plan"], ["plans.name"], name=op.f("fk_namespaces_plan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_namespaces")),
    )
    op.create_index(op.f("ix_namespaces_owner"), "namespaces", ["owner"], unique=False)
    op.create_table(
        "applications",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("update_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace"],
            ["namespaces.id"],
            name=op.f("fk_applications_namespace"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
    )
    op.create_index(op.f("ix_applications_namespace"), "applications", ["namespace"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=True),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_feedback_rating")),
        sa.ForeignKeyConstraint(
            ["namespace"], ["namespaces.id"], name=op.f("fk_feedback_namespace"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index(op.f("ix_feedback_created_at"), "feedback", ["created_at"], unique=False)
    op.create_index(op.f("ix_feedback_namespace"), "feedback", ["namespace"], unique=False)
    op.create_table(
        "members",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("role IN ('OWNER', 'MEMBER')", name=op.f("ck_members_role")),
        sa.ForeignKeyConstraint(
            ["namespace"], ["namespaces.id"], name=op.f("fk_members_namespace"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_members_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "namespace", name=op.f("pk_members")),
    )
    op.create_index(op.f("ix_members_namespace"), "members", ["namespace"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace"], ["namespaces.id"], name=op.f("fk_sessions_namespace"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id_sha256", name=op.f("pk_sessions")),
        sa.UniqueConstraint("handle", name=op.f("uq_sessions_handle")),
    )
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "usage",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("quota", sa.Text(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace"], ["namespaces.id"], name=op.f("fk_usage_namespace"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("namespace", "quota", "slot", name=op.f("pk_usage")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "access_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("status IN ('ACTIVE', 'INACTIVE')", name=op.f("ck_access_keys_status")),
        sa.ForeignKeyConstraint(
            ["application"],
            ["applications.id"],
            name=op.f("fk_access_keys_application"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["namespace"],
            ["namespaces.id"],
            name=op.f("fk_access_keys_namespace"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_keys")),
    )
    op.create_index(
        op.f("ix_access_keys_application"), "access_keys", ["application"], unique=False
    )
    op.create_index(op.f("ix_access_keys_namespace"), "access_keys", ["namespace"], unique=False)
    # ### end Alembic commands ###
    # Before row-level security: it binds the owner of the tables as well.
    op.bulk_insert(
        sa.table("plans", *(sa.column(name) for name in PLANS[0])),
        [dict(plan) for plan in PLANS],
    )
    op.execute(SETTLE_USAGE)
    for statement in RIGHTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION settle_usage(text[], text[], bigint[], bigint[])")
    # ### commands auto generated by Alembic - please adjust! ###
    op.drop_table("access_keys")
    op.drop_table("usage")
    op.drop_table("sessions")
    op.drop_table("members")
    op.drop_table("feedback")
    op.drop_table("applications")
    op.drop_table("namespaces")
    op.drop_table("workflow_definitions")
    op.drop_table("users")
    op.drop_table("tasks")
    op.drop_table("task_logs")
    op.drop_table("task_definitions")
    op.drop_table("snapshots")
    op.drop_table("poll_data")
    op.drop_table("plans")
    op.drop_table("login_flows")
    op.drop_table("installed_samples")
    op.drop_table("executions")
    op.drop_table("effects")
    op.drop_table("catalogs")
    op.drop_table("audit_log")
    # ### end Alembic commands ###
