"""The books against the bill: answers, days judged, adjustments, who accepted what."""

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from firewarden.store.tables.base import CLUSTERED, Row, integers


class BillAnswerRow(Row, table=True):
    """Something the provider has said of a local day: since when, and when it last said so.

    What it said is in ``bill_day``; here each other answer is a row, and only the newest one's
    ``last_at`` moves.
    """

    __tablename__ = "bill_answer"
    __table_args__ = (
        integers("account_id", "day", "revision", "first_at", "last_at"),
        CLUSTERED,
    )

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    day: int = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    timezone: str
    first_at: int = Field(sa_type=BigInteger)
    last_at: int = Field(sa_type=BigInteger)


class TrueupDayRow(Row, table=True):
    """How a local day stands, by which answer; ``stale``: an hour of it was metered again since."""

    __tablename__ = "trueup_day"
    __table_args__ = (integers("account_id", "day", "revision", "judged_at"), CLUSTERED)

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    day: int = Field(primary_key=True)
    timezone: str
    revision: int
    state: str
    stale: bool
    judged_at: int = Field(sa_type=BigInteger)


class AdjustmentRow(Row, table=True):
    """What is added to one deployment's day on one accelerator; the newest row is in force.

    Append-only: a later row takes the place of an earlier one, if only to say 0. The three
    ``micro_usd`` are NULL where no price is known.
    """

    __tablename__ = "adjustment"
    __table_args__ = (
        integers(
            "account_id",
            "day",
            "revision",
            "gpu_ms",
            "low_ms",
            "high_ms",
            "recorded_at",
            nullable=("micro_usd", "low_micro_usd", "high_micro_usd"),
        ),
        Index("ix_adjustment_day", "account_id", "day"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    day: int
    timezone: str
    deployment_id: str
    accelerator_type: str
    base_model: str
    revision: int
    state: str
    cause: str
    gpu_ms: int = Field(sa_type=BigInteger)
    low_ms: int = Field(sa_type=BigInteger)
    high_ms: int = Field(sa_type=BigInteger)
    micro_usd: int | None = Field(default=None, sa_type=BigInteger)
    low_micro_usd: int | None = Field(default=None, sa_type=BigInteger)
    high_micro_usd: int | None = Field(default=None, sa_type=BigInteger)
    accepted_by: str
    recorded_at: int = Field(sa_type=BigInteger)


class AcceptanceRow(Row, table=True):
    """A person took one answer for one day as it is; append-only."""

    __tablename__ = "acceptance"
    __table_args__ = (
        integers("account_id", "day", "revision", "accepted_at"),
        Index("ix_acceptance_day", "account_id", "day"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    day: int
    revision: int
    actor: str
    reason: str
    accepted_at: int = Field(sa_type=BigInteger)


class BilledMoneyRow(Row, table=True):
    """Dollars of one accelerator on a day UTC, asked for by the answer that settled that day.

    ``own_micro_usd``: what a GPU-hour of it cost by our prices that day, NULL where unknown.
    """

    __tablename__ = "billed_money"
    __table_args__ = (
        integers(
            "account_id",
            "day",
            "revision",
            "gpu_ms",
            "micro_usd",
            nullable=("own_micro_usd",),
        ),
        CLUSTERED,
    )

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    day: int = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    accelerator_type: str = Field(primary_key=True)
    gpu_ms: int = Field(sa_type=BigInteger)
    micro_usd: int = Field(sa_type=BigInteger)
    own_micro_usd: int | None = Field(default=None, sa_type=BigInteger)
