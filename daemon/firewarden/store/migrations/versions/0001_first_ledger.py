"""The first ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    make_evidence()
    make_money()
    make_people()


def integers(
    table: str, *columns: str, nullable: tuple[str, ...] = ()
) -> tuple[sa.CheckConstraint, ...]:
    """Have SQLite refuse what is no integer; PostgreSQL does so by itself."""
    if op.get_bind().dialect.name != "sqlite":
        return ()
    tests = [f"typeof({column}) = 'integer'" for column in columns]
    tests += [f"typeof({column}) IN ('integer', 'null')" for column in nullable]
    return (sa.CheckConstraint(" AND ".join(tests), name=f"ck_{table}_integers"),)


def make_evidence() -> None:
    """What was seen."""
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("base_model", sa.String(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_us", sa.BigInteger(), nullable=False),
        sa.Column("deleted_us", sa.BigInteger(), nullable=True),
        sa.Column("purge_us", sa.BigInteger(), nullable=True),
        *integers(
            "deployment",
            "account_id",
            "created_us",
            "first_seen_us",
            nullable=(
                "deleted_us",
                "purge_us",
            ),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_deployment_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_deployment"),
        sa.UniqueConstraint("uid", name="uq_deployment_uid"),
    )
    op.create_index("ix_deployment_account_id", "deployment", ["account_id"], unique=False)
    op.create_table(
        "deployment_tags",
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("tags", sa.String(), nullable=False),
        *integers("deployment_tags", "deployment_id", "valid_from", nullable=("valid_to",)),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name="fk_deployment_tags_deployment_id"
        ),
        sa.PrimaryKeyConstraint("deployment_id", "valid_from", name="pk_deployment_tags"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "replica_facts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("accelerator_type", sa.String(), nullable=False),
        sa.Column("accelerator_count", sa.Integer(), nullable=False),
        sa.Column("placement", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("cluster", sa.Boolean(), nullable=False),
        sa.Column("preemptible", sa.Boolean(), nullable=False),
        sa.Column("ready", sa.Integer(), nullable=False),
        sa.Column("starting", sa.Integer(), nullable=False),
        sa.Column("floor", sa.Integer(), nullable=False),
        sa.Column("ceiling", sa.Integer(), nullable=False),
        sa.Column("desired", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        *integers(
            "replica_facts", "accelerator_count", "ready", "starting", "floor", "ceiling", "desired"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_replica_facts"),
        sa.UniqueConstraint(
            "accelerator_type",
            "accelerator_count",
            "placement",
            "plan",
            "cluster",
            "preemptible",
            "ready",
            "starting",
            "floor",
            "ceiling",
            "desired",
            "state",
            name="uq_replica_facts",
        ),
    )
    op.create_table(
        "segment",
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("start_lo", sa.BigInteger(), nullable=False),
        sa.Column("start_width", sa.BigInteger(), nullable=False),
        sa.Column("end_lo", sa.BigInteger(), nullable=True),
        sa.Column("end_width", sa.BigInteger(), nullable=True),
        sa.Column("facts_id", sa.Integer(), nullable=False),
        sa.Column("start_evidence", sa.SmallInteger(), nullable=False),
        sa.Column("end_evidence", sa.SmallInteger(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        *integers(
            "segment",
            "deployment_id",
            "start_lo",
            "start_width",
            "facts_id",
            "start_evidence",
            nullable=(
                "end_lo",
                "end_width",
                "end_evidence",
                "confirmed_at",
            ),
        ),
        sa.CheckConstraint(
            "(end_lo IS NULL) = (end_width IS NULL) AND (end_lo IS NULL) = (end_evidence IS NULL)",
            name="ck_segment_end_is_whole",
        ),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name="fk_segment_deployment_id"
        ),
        sa.ForeignKeyConstraint(["facts_id"], ["replica_facts.id"], name="fk_segment_facts_id"),
        sa.PrimaryKeyConstraint("deployment_id", "start_lo", "start_width", name="pk_segment"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_segment_open",
        "segment",
        ["deployment_id"],
        unique=True,
        sqlite_where=sa.text("end_lo IS NULL"),
        postgresql_where=sa.text("end_lo IS NULL"),
    )
    op.create_table(
        "gap",
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        *integers("gap", "deployment_id", "since", "until", "low", "high"),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployment.id"], name="fk_gap_deployment_id"),
        sa.PrimaryKeyConstraint("deployment_id", "since", name="pk_gap"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "poll",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=False),
        sa.Column("skew_ms", sa.BigInteger(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        *integers("poll", "account_id", "asked_at", "answered_at", "count", nullable=("skew_ms",)),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_poll_account_id"),
        sa.PrimaryKeyConstraint("account_id", "asked_at", name="pk_poll"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scrape",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        *integers("scrape", "account_id", "answered_at"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_scrape_account_id"),
        sa.PrimaryKeyConstraint("account_id", "answered_at", name="pk_scrape"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "activity_run",
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("use", sa.SmallInteger(), nullable=False),
        *integers("activity_run", "deployment_id", "since", "use", nullable=("until",)),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name="fk_activity_run_deployment_id"
        ),
        sa.PrimaryKeyConstraint("deployment_id", "since", name="pk_activity_run"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_activity_run_open",
        "activity_run",
        ["deployment_id"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_table(
        "description",
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        *integers("description", "deployment_id", "seen_at"),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name="fk_description_deployment_id"
        ),
        sa.PrimaryKeyConstraint("deployment_id", name="pk_description"),
    )
    op.create_table(
        "surroundings",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        *integers("surroundings", "account_id", "asked_at"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_surroundings_account_id"),
        sa.PrimaryKeyConstraint("account_id", name="pk_surroundings"),
    )


def make_money() -> None:
    """What it amounts to."""
    op.create_table(
        "price",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("accelerator_type", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("placement", sa.String(), nullable=False),
        sa.Column("micro_usd", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=True),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("superseded_at", sa.BigInteger(), nullable=True),
        *integers(
            "price",
            "account_id",
            "micro_usd",
            "recorded_at",
            nullable=(
                "valid_from",
                "valid_to",
                "superseded_at",
            ),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_price_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_price"),
    )
    op.create_index("ix_price_account_id", "price", ["account_id", "superseded_at"], unique=False)
    op.create_table(
        "usage_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("accelerator_type", sa.String(), nullable=False),
        sa.Column("micro_usd", sa.BigInteger(), nullable=False),
        *integers("usage_line", "deployment_id", "micro_usd"),
        sa.CheckConstraint("micro_usd >= -1", name="ck_usage_line_price"),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name="fk_usage_line_deployment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_usage_line"),
        sa.UniqueConstraint("deployment_id", "accelerator_type", "micro_usd", name="uq_usage_line"),
    )
    op.create_table(
        "usage_hour",
        # Keys first: SQLite before 3.41 takes them for NULL in its integrity check else.
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("gpu_ms", sa.BigInteger(), nullable=False),
        sa.Column("below_ms", sa.BigInteger(), nullable=False),
        sa.Column("above_ms", sa.BigInteger(), nullable=False),
        sa.Column("variance_high", sa.BigInteger(), nullable=False),
        sa.Column("variance_low", sa.BigInteger(), nullable=False),
        sa.Column("idle_ms", sa.BigInteger(), nullable=False),
        sa.Column("unknown_ms", sa.BigInteger(), nullable=False),
        sa.Column("gap_ms", sa.BigInteger(), nullable=False),
        sa.Column("starting_ms", sa.BigInteger(), nullable=False),
        *integers(
            "usage_hour",
            "hour",
            "line_id",
            "gpu_ms",
            "below_ms",
            "above_ms",
            "variance_high",
            "variance_low",
            "idle_ms",
            "unknown_ms",
            "gap_ms",
            "starting_ms",
        ),
        sa.ForeignKeyConstraint(["line_id"], ["usage_line.id"], name="fk_usage_hour_line_id"),
        sa.PrimaryKeyConstraint("hour", "line_id", name="pk_usage_hour"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_day",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("gpu_ms", sa.BigInteger(), nullable=False),
        sa.Column("below_ms", sa.BigInteger(), nullable=False),
        sa.Column("above_ms", sa.BigInteger(), nullable=False),
        sa.Column("variance_high", sa.BigInteger(), nullable=False),
        sa.Column("variance_low", sa.BigInteger(), nullable=False),
        sa.Column("idle_ms", sa.BigInteger(), nullable=False),
        sa.Column("unknown_ms", sa.BigInteger(), nullable=False),
        sa.Column("gap_ms", sa.BigInteger(), nullable=False),
        sa.Column("starting_ms", sa.BigInteger(), nullable=False),
        *integers(
            "usage_day",
            "day",
            "line_id",
            "gpu_ms",
            "below_ms",
            "above_ms",
            "variance_high",
            "variance_low",
            "idle_ms",
            "unknown_ms",
            "gap_ms",
            "starting_ms",
        ),
        sa.ForeignKeyConstraint(["line_id"], ["usage_line.id"], name="fk_usage_day_line_id"),
        sa.PrimaryKeyConstraint("day", "line_id", name="pk_usage_day"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dirty",
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        *integers("dirty", "hour", "deployment_id"),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name="fk_dirty_deployment_id"
        ),
        sa.PrimaryKeyConstraint("hour", "deployment_id", name="pk_dirty"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bill_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("accelerator_type", sa.String(), nullable=False),
        sa.Column("base_model", sa.String(), nullable=False),
        sa.Column("placement", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        *integers("bill_line", "account_id"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_bill_line_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bill_line"),
        sa.UniqueConstraint(
            "account_id",
            "deployment_id",
            "accelerator_type",
            "base_model",
            "placement",
            "timezone",
            name="uq_bill_line",
        ),
    )
    op.create_table(
        "bill_day",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("gpu_seconds", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=False),
        *integers("bill_day", "day", "line_id", "revision", "gpu_seconds", "answered_at"),
        sa.ForeignKeyConstraint(["line_id"], ["bill_line.id"], name="fk_bill_day_line_id"),
        sa.PrimaryKeyConstraint("day", "line_id", "revision", name="pk_bill_day"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "backfill_day",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("gpu_seconds", sa.BigInteger(), nullable=False),
        sa.Column("micro_usd", sa.BigInteger(), nullable=False),
        *integers("backfill_day", "day", "line_id", "gpu_seconds", "micro_usd"),
        sa.CheckConstraint("micro_usd >= -1", name="ck_backfill_day_price"),
        sa.ForeignKeyConstraint(["line_id"], ["bill_line.id"], name="fk_backfill_day_line_id"),
        sa.PrimaryKeyConstraint("day", "line_id", name="pk_backfill_day"),
        sqlite_with_rowid=False,
    )


def make_people() -> None:
    """What people hear of."""
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("policy_hash", sa.String(), nullable=False),
        sa.Column("mode", sa.SmallInteger(), nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("warned_at", sa.BigInteger(), nullable=True),
        sa.Column("acts_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("closed_because", sa.String(), nullable=False),
        sa.Column("held_by", sa.String(), nullable=True),
        sa.Column("held_since", sa.BigInteger(), nullable=True),
        sa.Column("held_told_at", sa.BigInteger(), nullable=True),
        sa.Column("gpu_count", sa.Integer(), nullable=False),
        sa.Column("saves_micro_usd", sa.BigInteger(), nullable=True),
        *integers(
            "incident",
            "deployment_id",
            "mode",
            "stage",
            "opened_at",
            "entered_at",
            "gpu_count",
            nullable=(
                "warned_at",
                "acts_at",
                "closed_at",
                "held_since",
                "held_told_at",
                "saves_micro_usd",
            ),
        ),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name="fk_incident_deployment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_incident"),
        sa.UniqueConstraint("deployment_id", "policy", "opened_at", name="uq_incident"),
    )
    op.create_index("ix_incident_closed_at", "incident", ["closed_at"], unique=False)
    op.create_index(
        "uq_incident_open",
        "incident",
        ["deployment_id", "policy"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("uid", sa.String(), nullable=True),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        *integers(
            "alert",
            "account_id",
            "first_at",
            "last_at",
            nullable=(
                "resolved_at",
                "delivered_at",
            ),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_alert_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
    )
    op.create_index(
        "ix_alert_pending",
        "alert",
        ["account_id"],
        unique=False,
        sqlite_where=sa.text("delivered_at IS NULL"),
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_index(
        "uq_alert_firing",
        "alert",
        ["account_id", "key"],
        unique=True,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
