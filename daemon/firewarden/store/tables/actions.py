"""What is done and by whom: leases, intents with their outcomes, requests, overrides."""

from sqlalchemy import BigInteger, Index, SmallInteger
from sqlmodel import Field

from firewarden.store.tables.base import Row, integers, unique_while


class LeaseRow(Row, table=True):
    """Who looks after an account; ``epoch`` grows with each holder and accompanies each write."""

    __tablename__ = "lease"
    __table_args__ = (integers("account_id", "epoch", "expires_at"),)

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    holder: str
    described: str
    epoch: int = Field(sa_type=BigInteger)
    expires_at: int = Field(sa_type=BigInteger)


class ReplicaRow(Row, table=True):
    """A process that would look after accounts, as long as it says so; several share them."""

    __tablename__ = "replica"
    __table_args__ = (integers("expires_at"),)

    holder: str = Field(primary_key=True)
    described: str
    expires_at: int = Field(sa_type=BigInteger)


class IntentRow(Row, table=True):
    """One effect on one deployment: written before its call, finished after it."""

    __tablename__ = "intent"
    __table_args__ = (
        unique_while("uq_intent_open", "deployment_id", where="outcome = 'planned'"),
        unique_while(
            "uq_intent_stage",
            "incident_id",
            "stage",
            where="incident_id IS NOT NULL AND outcome IN ('planned', 'applied')",
        ),
        unique_while("uq_intent_request", "request_id", where="request_id IS NOT NULL"),
        Index("ix_intent_planned_at", "account_id", "planned_at"),
        integers(
            "account_id",
            "deployment_id",
            "stage",
            "mode",
            "planned_at",
            "epoch",
            nullable=("incident_id", "request_id", "finished_at", "released_at"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    deployment_id: int = Field(foreign_key="deployment.id")
    incident_id: int | None = Field(default=None, foreign_key="incident.id")
    request_id: int | None = Field(default=None, foreign_key="request.id")
    stage: int
    verb: str
    policy: str
    policy_hash: str
    mode: int = Field(sa_type=SmallInteger)
    actor: str
    reason: str
    evidence: str
    effect: str
    before: str
    put_back: str
    provider_delete: str
    planned_at: int = Field(sa_type=BigInteger)
    epoch: int = Field(sa_type=BigInteger)
    outcome: str
    detail: str
    finished_at: int | None = Field(default=None, sa_type=BigInteger)
    released: str | None = None
    released_at: int | None = Field(default=None, sa_type=BigInteger)


class WholeRow(Row, table=True):
    """Everything the provider said of a deployment before an intent changed it; no secrets."""

    __tablename__ = "whole"
    __table_args__ = (integers("intent_id"),)

    intent_id: int = Field(primary_key=True, foreign_key="intent.id")
    facts: str


class RequestRow(Row, table=True):
    """What a person asks the lease's holder to do; open while it has no outcome."""

    __tablename__ = "request"
    __table_args__ = (
        Index("ix_request_asked_at", "account_id", "asked_at"),
        integers("account_id", "asked_at", "expires_at", nullable=("deployment_id", "finished_at")),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    deployment_id: int | None = Field(default=None, foreign_key="deployment.id")
    verb: str
    arguments: str
    actor: str
    reason: str
    asked_at: int = Field(sa_type=BigInteger)
    expires_at: int = Field(sa_type=BigInteger)
    outcome: str | None = None
    detail: str
    finished_at: int | None = Field(default=None, sa_type=BigInteger)


class OverrideRow(Row, table=True):
    """A person's word over policies: a pause of everything, a snooze, a protection, a release."""

    __tablename__ = "override"
    __table_args__ = (
        Index("ix_override_since", "account_id", "since"),
        integers("account_id", "since", nullable=("deployment_id", "until", "ended_at")),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    deployment_id: int | None = Field(default=None, foreign_key="deployment.id")
    kind: str
    since: int = Field(sa_type=BigInteger)
    until: int | None = Field(default=None, sa_type=BigInteger)
    actor: str
    reason: str
    ended_at: int | None = Field(default=None, sa_type=BigInteger)
    ended_by: str
