"""What people hear of: incidents and alerts."""

from sqlalchemy import BigInteger, Index, SmallInteger, UniqueConstraint, text
from sqlmodel import Field

from firewarden.store.tables.base import Row, integers, unique_while


class IncidentRow(Row, table=True):
    """One deployment in the grip of one policy."""

    __tablename__ = "incident"
    __table_args__ = (
        UniqueConstraint("deployment_id", "policy", "opened_at", name="uq_incident"),
        unique_while("uq_incident_open", "deployment_id", "policy", where="closed_at IS NULL"),
        Index("ix_incident_closed_at", "closed_at"),
        integers(
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
    )

    id: int | None = Field(default=None, primary_key=True)
    deployment_id: int = Field(foreign_key="deployment.id")
    policy: str
    policy_hash: str
    mode: int = Field(sa_type=SmallInteger)
    verb: str
    state: str
    stage: int
    opened_at: int = Field(sa_type=BigInteger)
    entered_at: int = Field(sa_type=BigInteger)
    warned_at: int | None = Field(default=None, sa_type=BigInteger)
    acts_at: int | None = Field(default=None, sa_type=BigInteger)
    closed_at: int | None = Field(default=None, sa_type=BigInteger)
    reason: str
    closed_because: str
    held_by: str | None = None
    held_since: int | None = Field(default=None, sa_type=BigInteger)
    held_told_at: int | None = Field(default=None, sa_type=BigInteger)
    gpu_count: int
    saves_micro_usd: int | None = Field(default=None, sa_type=BigInteger)


class AlertRow(Row, table=True):
    """A condition people should know of, from its first notice to its resolution."""

    __tablename__ = "alert"
    __table_args__ = (
        unique_while("uq_alert_firing", "account_id", "key", where="resolved_at IS NULL"),
        Index(
            "ix_alert_pending",
            "account_id",
            sqlite_where=text("delivered_at IS NULL"),
            postgresql_where=text("delivered_at IS NULL"),
        ),
        integers(
            "account_id",
            "first_at",
            "last_at",
            nullable=("resolved_at", "delivered_at"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    kind: str
    key: str
    severity: str
    uid: str | None = None
    first_at: int = Field(sa_type=BigInteger)
    last_at: int = Field(sa_type=BigInteger)
    resolved_at: int | None = Field(default=None, sa_type=BigInteger)
    delivered_at: int | None = Field(default=None, sa_type=BigInteger)
    text: str
    facts: str
