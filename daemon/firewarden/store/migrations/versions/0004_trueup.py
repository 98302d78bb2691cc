"""The true-up: answers of the bill, days judged, adjustments, acceptances, billed dollars."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what makes the books agree with the bill."""
    make_answers()
    make_adjustments()
    make_money()


def integers(
    table: str, *columns: str, nullable: tuple[str, ...] = ()
) -> tuple[sa.CheckConstraint, ...]:
    """Have SQLite refuse what is no integer; PostgreSQL does so by itself."""
    if op.get_bind().dialect.name != "sqlite":
        return ()
    tests = [f"typeof({column}) = 'integer'" for column in columns]
    tests += [f"typeof({column}) IN ('integer', 'null')" for column in nullable]
    return (sa.CheckConstraint(" AND ".join(tests), name=f"ck_{table}_integers"),)


def make_answers() -> None:
    """What the provider said of a day since when, and how the day stands by it."""
    op.create_table(
        "bill_answer",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        *integers("bill_answer", "account_id", "day", "revision", "first_at", "last_at"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_bill_answer_account_id"),
        sa.PrimaryKeyConstraint("account_id", "day", "revision", name="pk_bill_answer"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trueup_day",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=False),
        *integers("trueup_day", "account_id", "day", "revision", "judged_at"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_trueup_day_account_id"),
        sa.PrimaryKeyConstraint("account_id", "day", name="pk_trueup_day"),
        sqlite_with_rowid=False,
    )


def make_adjustments() -> None:
    """What is added to what was metered, and who took a bill's word for it."""
    op.create_table(
        "adjustment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("accelerator_type", sa.String(), nullable=False),
        sa.Column("base_model", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("gpu_ms", sa.BigInteger(), nullable=False),
        sa.Column("low_ms", sa.BigInteger(), nullable=False),
        sa.Column("high_ms", sa.BigInteger(), nullable=False),
        sa.Column("micro_usd", sa.BigInteger(), nullable=True),
        sa.Column("low_micro_usd", sa.BigInteger(), nullable=True),
        sa.Column("high_micro_usd", sa.BigInteger(), nullable=True),
        sa.Column("accepted_by", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        *integers(
            "adjustment",
            "account_id",
            "day",
            "revision",
            "gpu_ms",
            "low_ms",
            "high_ms",
            "recorded_at",
            nullable=("micro_usd", "low_micro_usd", "high_micro_usd"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_adjustment_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_adjustment"),
    )
    op.create_index("ix_adjustment_day", "adjustment", ["account_id", "day"], unique=False)
    op.create_table(
        "acceptance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        *integers("acceptance", "account_id", "day", "revision", "accepted_at"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_acceptance_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_acceptance"),
    )
    op.create_index("ix_acceptance_day", "acceptance", ["account_id", "day"], unique=False)


def make_money() -> None:
    """What the provider says its GPU-seconds cost."""
    op.create_table(
        "billed_money",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("accelerator_type", sa.String(), nullable=False),
        sa.Column("gpu_ms", sa.BigInteger(), nullable=False),
        sa.Column("micro_usd", sa.BigInteger(), nullable=False),
        sa.Column("own_micro_usd", sa.BigInteger(), nullable=True),
        *integers(
            "billed_money",
            "account_id",
            "day",
            "revision",
            "gpu_ms",
            "micro_usd",
            nullable=("own_micro_usd",),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_billed_money_account_id"),
        sa.PrimaryKeyConstraint(
            "account_id", "day", "revision", "accelerator_type", name="pk_billed_money"
        ),
        sqlite_with_rowid=False,
    )
