"""What people share by link: copies of definitions and recorded runs."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

TENANT = "namespace = current_setting('playground.namespace', true)"
RIGHTS = (
    "ALTER TABLE shares ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE shares FORCE ROW LEVEL SECURITY",
    "GRANT select, insert, update, delete ON shares TO playground_tenant",
    f"CREATE POLICY shares_tenant ON shares TO playground_tenant USING ({TENANT}) "
    f"WITH CHECK ({TENANT})",
    "GRANT select (id, namespace) ON shares TO playground_claims",
    "CREATE POLICY shares_claims ON shares TO playground_claims USING (true) WITH CHECK (true)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "shares",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('DEFINITION', 'EXECUTION')", name=op.f("ck_shares_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shares")),
    )
    op.create_index("ix_shares_namespace_create_time", "shares", ["namespace", "create_time"])
    for statement in RIGHTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("shares")
