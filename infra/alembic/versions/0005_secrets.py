"""Secrets with their former values, environment variables, schemas, and how many of each."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TENANT = "namespace = current_setting('playground.namespace', true)"
COMMITTER = (
    "namespace = ANY ((SELECT string_to_array("
    "current_setting('playground.namespaces', true), ','))::text[])"
)
PLANS = (
    ("secrets", 100, 1_000),
    ("environment_variables", 100, 1_000),
    ("schemas", 200, 10_000),
)
RIGHTS = (
    "ALTER TABLE secrets ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE secrets FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON secrets TO playground_tenant",
    f"CREATE POLICY secrets_tenant ON secrets TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select ON secrets TO playground_committer",
    f"CREATE POLICY secrets_committer ON secrets TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
    "ALTER TABLE former_secrets ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE former_secrets FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, delete ON former_secrets TO playground_tenant",
    f"CREATE POLICY former_secrets_tenant ON former_secrets TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "ALTER TABLE environment_variables ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE environment_variables FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON environment_variables TO playground_tenant",
    f"CREATE POLICY environment_variables_tenant ON environment_variables TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
    "GRANT select ON environment_variables TO playground_committer",
    f"CREATE POLICY environment_variables_committer ON environment_variables TO playground_committer USING ({COMMITTER}) WITH CHECK ({COMMITTER})",
    "ALTER TABLE schemas ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE schemas FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON schemas TO playground_tenant",
    f"CREATE POLICY schemas_tenant ON schemas TO playground_tenant USING ({TENANT}) WITH CHECK ({TENANT})",
)


def _audit() -> tuple[sa.Column[int] | sa.Column[str], ...]:
    return (
        sa.Column("create_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("update_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("updated_by", sa.Text(), server_default=sa.text("''"), nullable=False),
    )


def upgrade() -> None:
    for name, visitor, local in PLANS:
        op.add_column(
            "plans",
            sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text(str(visitor))),
        )
        op.execute(f"UPDATE plans SET {name} = {local} WHERE name = 'local'")
    op.add_column(
        "catalogs",
        sa.Column("secrets_revision", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    op.create_table(
        "secrets",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        *_audit(),
        sa.PrimaryKeyConstraint("namespace", "name", name=op.f("pk_secrets")),
    )
    op.create_table(
        "former_secrets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("replaced_time", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_secrets")),
    )
    op.create_index(op.f("ix_former_secrets_namespace"), "former_secrets", ["namespace"])
    op.create_table(
        "environment_variables",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        *_audit(),
        sa.PrimaryKeyConstraint("namespace", "name", name=op.f("pk_environment_variables")),
    )
    op.create_table(
        "schemas",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        *_audit(),
        sa.PrimaryKeyConstraint("namespace", "name", "version", name=op.f("pk_schemas")),
    )
    for statement in RIGHTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("schemas")
    op.drop_table("environment_variables")
    op.drop_table("former_secrets")
    op.drop_table("secrets")
    op.drop_column("catalogs", "secrets_revision")
    for name, *_ in reversed(PLANS):
        op.drop_column("plans", name)
