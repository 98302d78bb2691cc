"""How many letters there were that are kept no longer: counters never fall."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "removed_letters",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        *integers("removed_letters", "account_id", "count"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_removed_letters_account_id"
        ),
        sa.PrimaryKeyConstraint("account_id", "destination", "state", name="pk_removed_letters"),
        sqlite_with_rowid=False,
    )


def integers(table: str, *columns: str) -> tuple[sa.CheckConstraint, ...]:
    """Have SQLite refuse what is no integer; PostgreSQL does so by itself."""
    if op.get_bind().dialect.name != "sqlite":
        return ()
    tests = [f"typeof({column}) = 'integer'" for column in columns]
    return (sa.CheckConstraint(" AND ".join(tests), name=f"ck_{table}_integers"),)
