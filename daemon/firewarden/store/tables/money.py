"""What it amounts to: prices, usage by hour and day, and the bill."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from firewarden.store.tables.base import CLUSTERED, Row, integers


class PriceRow(Row, table=True):
    """A dated price, as it was known from ``recorded_at`` until ``superseded_at``."""

    __tablename__ = "price"
    __table_args__ = (
        integers(
            "account_id",
            "micro_usd",
            "recorded_at",
            nullable=("valid_from", "valid_to", "superseded_at"),
        ),
        Index("ix_price_account_id", "account_id", "superseded_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    source: str
    accelerator_type: str
    plan: str
    placement: str
    micro_usd: int = Field(sa_type=BigInteger)
    valid_from: int | None = Field(default=None, sa_type=BigInteger)
    valid_to: int | None = Field(default=None, sa_type=BigInteger)
    recorded_at: int = Field(sa_type=BigInteger)
    superseded_at: int | None = Field(default=None, sa_type=BigInteger)


class UsageLineRow(Row, table=True):
    """What usage is counted by: deployment, accelerator, price (-1: unpriced)."""

    __tablename__ = "usage_line"
    __table_args__ = (
        UniqueConstraint("deployment_id", "accelerator_type", "micro_usd", name="uq_usage_line"),
        CheckConstraint("micro_usd >= -1", name="price"),
        integers("deployment_id", "micro_usd"),
    )

    id: int | None = Field(default=None, primary_key=True)
    deployment_id: int = Field(foreign_key="deployment.id")
    accelerator_type: str
    micro_usd: int = Field(sa_type=BigInteger)


class UsageColumns(Row):
    """The sums of an hour or a day. Bounds are kept as distances, which are mostly 0.

    The variance takes two columns, for it may not fit into 64 bits: high × 2³² + low.
    """

    gpu_ms: int = Field(sa_type=BigInteger)
    below_ms: int = Field(sa_type=BigInteger)
    above_ms: int = Field(sa_type=BigInteger)
    variance_high: int = Field(sa_type=BigInteger)
    variance_low: int = Field(sa_type=BigInteger)
    idle_ms: int = Field(sa_type=BigInteger)
    unknown_ms: int = Field(sa_type=BigInteger)
    gap_ms: int = Field(sa_type=BigInteger)
    starting_ms: int = Field(sa_type=BigInteger)


SUMS: Final = tuple(UsageColumns.model_fields)


class UsageHourRow(UsageColumns, table=True):
    """Usage of one hour UTC; replaced as a whole, never incremented."""

    __tablename__ = "usage_hour"
    __table_args__ = (integers("hour", "line_id", *SUMS), CLUSTERED)

    hour: int = Field(primary_key=True)
    line_id: int = Field(primary_key=True, foreign_key="usage_line.id")


class UsageDayRow(UsageColumns, table=True):
    """Usage of one day UTC: the sum of its hours, made again when one of them is."""

    __tablename__ = "usage_day"
    __table_args__ = (integers("day", "line_id", *SUMS), CLUSTERED)

    day: int = Field(primary_key=True)
    line_id: int = Field(primary_key=True, foreign_key="usage_line.id")


class DirtyRow(Row, table=True):
    """An hour of a deployment whose usage has to be made again."""

    __tablename__ = "dirty"
    __table_args__ = (integers("hour", "deployment_id"), CLUSTERED)

    hour: int = Field(primary_key=True)
    deployment_id: int = Field(primary_key=True, foreign_key="deployment.id")


class BillLineRow(Row, table=True):
    """What the provider's bill is counted by; it names deployments, not incarnations."""

    __tablename__ = "bill_line"
    __table_args__ = (
        UniqueConstraint(
            "account_id",
            "deployment_id",
            "accelerator_type",
            "base_model",
            "placement",
            "timezone",
            name="uq_bill_line",
        ),
        integers("account_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    deployment_id: str
    accelerator_type: str
    base_model: str
    placement: str
    timezone: str


class BillDayRow(Row, table=True):
    """What the provider said of one local day; a changed answer is another revision."""

    __tablename__ = "bill_day"
    __table_args__ = (
        integers("day", "line_id", "revision", "gpu_seconds", "answered_at"),
        CLUSTERED,
    )

    day: int = Field(primary_key=True)
    line_id: int = Field(primary_key=True, foreign_key="bill_line.id")
    revision: int = Field(primary_key=True)
    gpu_seconds: int = Field(sa_type=BigInteger)
    answered_at: int = Field(sa_type=BigInteger)


class BackfillDayRow(Row, table=True):
    """A local day from before the first poll, priced when it was stored (-1: unpriced)."""

    __tablename__ = "backfill_day"
    __table_args__ = (
        integers("day", "line_id", "gpu_seconds", "micro_usd"),
        CheckConstraint("micro_usd >= -1", name="price"),
        CLUSTERED,
    )

    day: int = Field(primary_key=True)
    line_id: int = Field(primary_key=True, foreign_key="bill_line.id")
    gpu_seconds: int = Field(sa_type=BigInteger)
    micro_usd: int = Field(sa_type=BigInteger)


class BudgetVersionRow(Row, table=True):
    """One budget as it is written from an instant on."""

    __tablename__ = "budget_version"
    __table_args__ = (integers("account_id", "since"), CLUSTERED)

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    name: str = Field(primary_key=True)
    since: int = Field(primary_key=True, sa_type=BigInteger)
    budget_hash: str
