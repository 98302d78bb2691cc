"""What has to reach people, and what became of it."""

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field

from firewarden.store.tables.base import CLUSTERED, Row, integers


class OutboxRow(Row, table=True):
    """One notice on its way to one destination; the key makes it unique."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_pending",
            "next_at",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_outbox_story", "story", "destination"),
        integers(
            "account_id",
            "created_at",
            "next_at",
            "expires_at",
            "tries",
            nullable=("alert_id", "claimed_until", "sent_at"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    alert_id: int | None = Field(default=None, foreign_key="alert.id")
    key: str = Field(unique=True)
    story: str
    destination: str
    severity: str
    notice: str
    created_at: int = Field(sa_type=BigInteger)
    next_at: int = Field(sa_type=BigInteger)
    expires_at: int = Field(sa_type=BigInteger)
    tries: int
    claimed_until: int | None = Field(default=None, sa_type=BigInteger)
    state: str
    problem: str
    channel: str
    message: str
    sent_at: int | None = Field(default=None, sa_type=BigInteger)


class RemovedLettersRow(Row, table=True):
    """How many letters of a state there were that are kept no longer."""

    __tablename__ = "removed_letters"
    __table_args__ = (integers("account_id", "count"), CLUSTERED)

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    destination: str = Field(primary_key=True)
    state: str = Field(primary_key=True)
    count: int = Field(sa_type=BigInteger)


class ChannelRow(Row, table=True):
    """What is known of a destination: its id at the receiver, and when it may be written to."""

    __tablename__ = "channel"
    __table_args__ = (integers("not_before", nullable=("degraded_since",)),)

    destination: str = Field(primary_key=True)
    resolved: str
    not_before: int = Field(sa_type=BigInteger)
    degraded_since: int | None = Field(default=None, sa_type=BigInteger)
    problem: str
