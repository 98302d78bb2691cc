"""How things looked when they were last seen: what a command needs that asks nobody."""

from sqlalchemy import BigInteger
from sqlmodel import Field

from firewarden.store.tables.base import Row, integers


class DescriptionRow(Row, table=True):
    """The newest full description of a deployment, without anything secret, as JSON."""

    __tablename__ = "description"
    __table_args__ = (integers("deployment_id", "seen_at"),)

    deployment_id: int = Field(primary_key=True, foreign_key="deployment.id")
    seen_at: int = Field(sa_type=BigInteger)
    facts: str


class SurroundingsRow(Row, table=True):
    """What leaned on an account's deployments when it was last asked, as one JSON object."""

    __tablename__ = "surroundings"
    __table_args__ = (integers("account_id", "asked_at"),)

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    asked_at: int = Field(sa_type=BigInteger)
    facts: str
