"""Since when each budget is written as it is."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "budget_version",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("budget_hash", sa.String(), nullable=False),
        *integers("budget_version", "account_id", "since"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_budget_version_account_id"
        ),
        sa.PrimaryKeyConstraint("account_id", "name", "since", name="pk_budget_version"),
        sqlite_with_rowid=False,
    )


def integers(table: str, *columns: str) -> tuple[sa.CheckConstraint, ...]:
    """Have SQLite refuse what is no integer; PostgreSQL does so by itself."""
    if op.get_bind().dialect.name != "sqlite":
        return ()
    tests = [f"typeof({column}) = 'integer'" for column in columns]
    return (sa.CheckConstraint(" AND ".join(tests), name=f"ck_{table}_integers"),)
