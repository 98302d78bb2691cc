"""What was seen: deployments, segments, gaps, polls, scrapes and runs of use."""

from sqlalchemy import BigInteger, CheckConstraint, SmallInteger, UniqueConstraint
from sqlmodel import Field

from firewarden.store.tables.base import CLUSTERED, Row, integers, unique_while


class AccountRow(Row, table=True):
    """An account of the provider."""

    __tablename__ = "account"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)


class DeploymentRow(Row, table=True):
    """One incarnation of a deployment."""

    __tablename__ = "deployment"
    __table_args__ = (
        integers("account_id", "created_us", "first_seen_us", nullable=("deleted_us", "purge_us")),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    uid: str = Field(unique=True)
    deployment_id: str
    display_name: str
    base_model: str
    created_us: int = Field(sa_type=BigInteger)
    first_seen_us: int = Field(sa_type=BigInteger)
    deleted_us: int | None = Field(default=None, sa_type=BigInteger)
    purge_us: int | None = Field(default=None, sa_type=BigInteger)


class DatedColumns(Row):
    """A text about a deployment over ``[valid_from, valid_to)``: JSON with sorted keys."""

    deployment_id: int = Field(primary_key=True, foreign_key="deployment.id")
    valid_from: int = Field(primary_key=True, sa_type=BigInteger)
    valid_to: int | None = Field(default=None, sa_type=BigInteger)
    text: str


class DeploymentTagsRow(DatedColumns, table=True):
    """Its tags, as one object."""

    __tablename__ = "deployment_tags"
    __table_args__ = (
        integers("deployment_id", "valid_from", nullable=("valid_to",)),
        CLUSTERED,
    )


class DeploymentAttributesRow(DatedColumns, table=True):
    """Whose it is, as one object; whole hours have one owner."""

    __tablename__ = "deployment_attributes"
    __table_args__ = (
        integers("deployment_id", "valid_from", nullable=("valid_to",)),
        CLUSTERED,
    )


class ReplicaFactsRow(Row, table=True):
    """Everything a segment says except whose it is and when; few, and shared by all."""

    __tablename__ = "replica_facts"
    __table_args__ = (
        UniqueConstraint(
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
        integers("accelerator_count", "ready", "starting", "floor", "ceiling", "desired"),
    )

    id: int | None = Field(default=None, primary_key=True)
    accelerator_type: str
    accelerator_count: int
    placement: str
    plan: str
    cluster: bool
    preemptible: bool
    ready: int
    starting: int
    floor: int
    ceiling: int
    desired: int
    state: str


class SegmentRow(Row, table=True):
    """A stretch in which nothing that matters changed; closed ones are final."""

    __tablename__ = "segment"
    __table_args__ = (
        integers(
            "deployment_id",
            "start_lo",
            "start_width",
            "facts_id",
            "start_evidence",
            nullable=("end_lo", "end_width", "end_evidence", "confirmed_at"),
        ),
        CheckConstraint(
            "(end_lo IS NULL) = (end_width IS NULL) AND (end_lo IS NULL) = (end_evidence IS NULL)",
            name="end_is_whole",
        ),
        unique_while("uq_segment_open", "deployment_id", where="end_lo IS NULL"),
        CLUSTERED,
    )

    deployment_id: int = Field(primary_key=True, foreign_key="deployment.id")
    start_lo: int = Field(primary_key=True, sa_type=BigInteger)
    start_width: int = Field(primary_key=True, sa_type=BigInteger)
    end_lo: int | None = Field(default=None, sa_type=BigInteger)
    end_width: int | None = Field(default=None, sa_type=BigInteger)
    facts_id: int = Field(foreign_key="replica_facts.id")
    start_evidence: int = Field(sa_type=SmallInteger)
    end_evidence: int | None = Field(default=None, sa_type=SmallInteger)
    confirmed_at: int | None = Field(default=None, sa_type=BigInteger)


class GapRow(Row, table=True):
    """A stretch in which nobody watched one deployment."""

    __tablename__ = "gap"
    __table_args__ = (integers("deployment_id", "since", "until", "low", "high"), CLUSTERED)

    deployment_id: int = Field(primary_key=True, foreign_key="deployment.id")
    since: int = Field(primary_key=True, sa_type=BigInteger)
    until: int = Field(sa_type=BigInteger)
    low: int
    high: int
    cause: str


class PollRow(Row, table=True):
    """One listing of an account, whatever came of it."""

    __tablename__ = "poll"
    __table_args__ = (
        integers("account_id", "asked_at", "answered_at", "count", nullable=("skew_ms",)),
        CLUSTERED,
    )

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    asked_at: int = Field(primary_key=True, sa_type=BigInteger)
    answered_at: int = Field(sa_type=BigInteger)
    skew_ms: int | None = Field(default=None, sa_type=BigInteger)
    count: int
    ok: bool
    complete: bool
    problem: str


class ScrapeRow(Row, table=True):
    """One scrape of an account's metrics."""

    __tablename__ = "scrape"
    __table_args__ = (integers("account_id", "answered_at"), CLUSTERED)

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    answered_at: int = Field(primary_key=True, sa_type=BigInteger)
    whole: bool
    problem: str


class ActivityRunRow(Row, table=True):
    """Neighbouring scrapes that said the same of one deployment."""

    __tablename__ = "activity_run"
    __table_args__ = (
        integers("deployment_id", "since", "use", nullable=("until",)),
        unique_while("uq_activity_run_open", "deployment_id", where="until IS NULL"),
        CLUSTERED,
    )

    deployment_id: int = Field(primary_key=True, foreign_key="deployment.id")
    since: int = Field(primary_key=True, sa_type=BigInteger)
    until: int | None = Field(default=None, sa_type=BigInteger)
    use: int = Field(sa_type=SmallInteger)
