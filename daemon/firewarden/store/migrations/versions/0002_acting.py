"""Acting: leases, intents, requests, overrides; and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables of whoever acts and of whoever tells."""
    make_asked()
    make_actions()
    make_outbox()


def integers(
    table: str, *columns: str, nullable: tuple[str, ...] = ()
) -> tuple[sa.CheckConstraint, ...]:
    """Have SQLite refuse what is no integer; PostgreSQL does so by itself."""
    if op.get_bind().dialect.name != "sqlite":
        return ()
    tests = [f"typeof({column}) = 'integer'" for column in columns]
    tests += [f"typeof({column}) IN ('integer', 'null')" for column in nullable]
    return (sa.CheckConstraint(" AND ".join(tests), name=f"ck_{table}_integers"),)


def make_asked() -> None:
    """What people ask for, and their word over policies."""
    op.create_table(
        "request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=True),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("arguments", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        *integers(
            "request",
            "account_id",
            "asked_at",
            "expires_at",
            nullable=(
                "deployment_id",
                "finished_at",
            ),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_request_account_id"),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name="fk_request_deployment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_request"),
    )
    op.create_index("ix_request_asked_at", "request", ["account_id", "asked_at"], unique=False)
    op.create_table(
        "override",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=False),
        *integers(
            "override",
            "account_id",
            "since",
            nullable=(
                "deployment_id",
                "until",
                "ended_at",
            ),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_override_account_id"),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name="fk_override_deployment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_override"),
    )
    op.create_index("ix_override_since", "override", ["account_id", "since"], unique=False)


def make_actions() -> None:
    """Who acts, and what was done."""
    op.create_table(
        "lease",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("described", sa.String(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        *integers("lease", "account_id", "epoch", "expires_at"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_lease_account_id"),
        sa.PrimaryKeyConstraint("account_id", name="pk_lease"),
    )
    op.create_table(
        "replica",
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("described", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        *integers("replica", "expires_at"),
        sa.PrimaryKeyConstraint("holder", name="pk_replica"),
    )
    op.create_table(
        "intent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=True),
        sa.Column("request_id", sa.Integer(), nullable=True),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("policy_hash", sa.String(), nullable=False),
        sa.Column("mode", sa.SmallInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("effect", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("put_back", sa.String(), nullable=False),
        sa.Column("provider_delete", sa.String(), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("released", sa.String(), nullable=True),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        *integers(
            "intent",
            "account_id",
            "deployment_id",
            "stage",
            "mode",
            "planned_at",
            "epoch",
            nullable=(
                "incident_id",
                "request_id",
                "finished_at",
                "released_at",
            ),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_intent_account_id"),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name="fk_intent_deployment_id"
        ),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name="fk_intent_incident_id"),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name="fk_intent_request_id"),
        sa.PrimaryKeyConstraint("id", name="pk_intent"),
    )
    op.create_index("ix_intent_planned_at", "intent", ["account_id", "planned_at"], unique=False)
    op.create_index(
        "uq_intent_open",
        "intent",
        ["deployment_id"],
        unique=True,
        sqlite_where=sa.text("outcome = 'planned'"),
        postgresql_where=sa.text("outcome = 'planned'"),
    )
    op.create_index(
        "uq_intent_request",
        "intent",
        ["request_id"],
        unique=True,
        sqlite_where=sa.text("request_id IS NOT NULL"),
        postgresql_where=sa.text("request_id IS NOT NULL"),
    )
    op.create_index(
        "uq_intent_stage",
        "intent",
        ["incident_id", "stage"],
        unique=True,
        sqlite_where=sa.text("incident_id IS NOT NULL AND outcome IN ('planned', 'applied')"),
        postgresql_where=sa.text("incident_id IS NOT NULL AND outcome IN ('planned', 'applied')"),
    )
    op.create_table(
        "whole",
        sa.Column("intent_id", sa.Integer(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        *integers("whole", "intent_id"),
        sa.ForeignKeyConstraint(["intent_id"], ["intent.id"], name="fk_whole_intent_id"),
        sa.PrimaryKeyConstraint("intent_id", name="pk_whole"),
    )


def make_outbox() -> None:
    """What has to reach people."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("story", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        *integers(
            "outbox",
            "account_id",
            "created_at",
            "next_at",
            "expires_at",
            "tries",
            nullable=(
                "alert_id",
                "claimed_until",
                "sent_at",
            ),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_outbox_account_id"),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_outbox_alert_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_outbox_story", "outbox", ["story", "destination"], unique=False)
    op.create_table(
        "channel",
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("resolved", sa.String(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("degraded_since", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        *integers("channel", "not_before", nullable=("degraded_since",)),
        sa.PrimaryKeyConstraint("destination", name="pk_channel"),
    )
