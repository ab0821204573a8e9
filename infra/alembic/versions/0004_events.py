"""Event handlers, messages and what became of them, incoming webhooks, workflow messages."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TENANT = "namespace = current_setting('playground.namespace', true)"
COMMITTER = (
    "namespace = ANY ((SELECT string_to_array("
    "current_setting('playground.namespaces', true), ','))::text[])"
)
RIGHTS = (
    "ALTER TABLE event_handlers ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE event_handlers FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON event_handlers TO playground_tenant",
    f"CREATE POLICY event_handlers_tenant ON event_handlers TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select, insert, update, delete ON event_handlers TO playground_committer",
    f"CREATE POLICY event_handlers_committer ON event_handlers TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
    "ALTER TABLE event_messages ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE event_messages FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON event_messages TO playground_tenant",
    f"CREATE POLICY event_messages_tenant ON event_messages TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select, insert, update, delete ON event_messages TO playground_committer",
    f"CREATE POLICY event_messages_committer ON event_messages TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
    "GRANT select (namespace, id, type, status, attempts, created_at) ON event_messages TO playground_operator",
    "CREATE POLICY event_messages_operator ON event_messages TO playground_operator USING (true) WITH CHECK (true)",
    "ALTER TABLE event_executions ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE event_executions FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON event_executions TO playground_tenant",
    f"CREATE POLICY event_executions_tenant ON event_executions TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select, insert, update, delete ON event_executions TO playground_committer",
    f"CREATE POLICY event_executions_committer ON event_executions TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
    "GRANT select (namespace, status, created_at) ON event_executions TO playground_operator",
    "CREATE POLICY event_executions_operator ON event_executions TO playground_operator USING (true) WITH CHECK (true)",
    "ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE webhooks FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON webhooks TO playground_tenant",
    f"CREATE POLICY webhooks_tenant ON webhooks TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select, insert, update, delete ON webhooks TO playground_committer",
    f"CREATE POLICY webhooks_committer ON webhooks TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
    "GRANT select (id, namespace) ON webhooks TO playground_claims",
    "CREATE POLICY webhooks_claims ON webhooks TO playground_claims USING (true) WITH CHECK (true)",
    "ALTER TABLE workflow_messages ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE workflow_messages FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON workflow_messages TO playground_tenant",
    f"CREATE POLICY workflow_messages_tenant ON workflow_messages TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select, insert, update, delete ON workflow_messages TO playground_committer",
    f"CREATE POLICY workflow_messages_committer ON workflow_messages TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
)


def upgrade() -> None:
    op.create_table(
        "event_handlers",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("update_time", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("updated_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "name", name=op.f("pk_event_handlers")),
    )
    op.create_index(
        "ix_event_handlers_by_event", "event_handlers", ["namespace", "event"], unique=False
    )
    op.create_table(
        "event_messages",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "id", name=op.f("pk_event_messages")),
    )
    op.create_index(
        "ix_event_messages_newest",
        "event_messages",
        ["namespace", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_index(
        "ix_event_messages_of_target",
        "event_messages",
        ["namespace", "target", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_table(
        "event_executions",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "namespace", "message_id", "handler", "id", name=op.f("pk_event_executions")
        ),
    )
    op.create_index(
        "ix_event_executions_of_handler",
        "event_executions",
        ["namespace", "handler", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("url_verified", sa.Boolean(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("update_time", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index("ix_webhooks_namespace", "webhooks", ["namespace"], unique=False)
    op.create_table(
        "workflow_messages",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_workflow_messages")),
    )
    op.create_index(
        "ix_workflow_messages_age", "workflow_messages", ["namespace", "received_at"], unique=False
    )
    op.create_index(
        "ix_workflow_messages_of_execution",
        "workflow_messages",
        ["execution_id", "position"],
        unique=False,
    )
    op.create_index(
        "ix_tasks_for_webhooks",
        "tasks",
        ["namespace", "execution_id"],
        unique=False,
        postgresql_where=sa.text("type = 'WAIT_FOR_WEBHOOK' AND status = 'IN_PROGRESS'"),
    )
    for statement in RIGHTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_tasks_for_webhooks", table_name="tasks")
    op.drop_table("workflow_messages")
    op.drop_table("webhooks")
    op.drop_table("event_executions")
    op.drop_table("event_messages")
    op.drop_table("event_handlers")
