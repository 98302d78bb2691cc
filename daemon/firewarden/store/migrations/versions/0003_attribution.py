"""Whose the deployments are, with the time they were."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, and have the older one of its kind call its text so too."""
    op.execute("ALTER TABLE deployment_tags RENAME COLUMN tags TO text")
    op.create_table(
        "deployment_attributes",
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        *integers("deployment_attributes", "deployment_id", "valid_from", nullable=("valid_to",)),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name="fk_deployment_attributes_deployment_id"
        ),
        sa.PrimaryKeyConstraint("deployment_id", "valid_from", name="pk_deployment_attributes"),
        sqlite_with_rowid=False,
    )


def integers(
    table: str, *columns: str, nullable: tuple[str, ...] = ()
) -> tuple[sa.CheckConstraint, ...]:
    """Have SQLite refuse what is no integer; PostgreSQL does so by itself."""
    if op.get_bind().dialect.name != "sqlite":
        return ()
    tests = [f"typeof({column}) = 'integer'" for column in columns]
    tests += [f"typeof({column}) IN ('integer', 'null')" for column in nullable]
    return (sa.CheckConstraint(" AND ".join(tests), name=f"ck_{table}_integers"),)
