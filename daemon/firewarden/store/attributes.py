"""Whose a deployment was when: money follows whoever owned it *then*."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select

from firewarden.model.attributes import Attributes
from firewarden.model.ids import AccountId, Uid
from firewarden.model.vocabulary import ATTRIBUTES
from firewarden.store.dated import read_dated, write_dated
from firewarden.store.instants import from_ms
from firewarden.store.names import deployment_keys, run
from firewarden.store.rows import from_json, storable, to_json
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, DeploymentAttributesRow, DeploymentRow, table

OWNED: Final = table(DeploymentAttributesRow)
_SHARE: Final = "share of "


def write_attributes(
    session: Session, attributes: Mapping[Uid, Attributes], *, hour: datetime
) -> None:
    """Let *attributes* hold from *hour* on, the start of one: whole hours have one owner.

    The same again changes nothing.

    Raises:
        StoreError: the ledger has not met one of the deployments.
    """
    keys = deployment_keys(session, attributes)
    texts = {keys[uid]: _written(each) for uid, each in attributes.items()}
    write_dated(session, OWNED, texts, at=hour)


def read_attributes(session: Session, account: AccountId) -> dict[Uid, Attributes]:
    """Read what holds now, by uid."""
    return {uid: _read(text) for uid, text in read_dated(session, OWNED, account).items()}


def read_owners(
    session: Session, account: AccountId
) -> dict[Uid, tuple[tuple[datetime, Attributes], ...]]:
    """Read all that ever held, by uid: each with the hour from which on it did, by hour."""
    deployment, owner = table(DeploymentRow), table(AccountRow)
    statement = (
        select(deployment.c.uid, OWNED.c.valid_from, OWNED.c.text)
        .join(OWNED, OWNED.c.deployment_id == deployment.c.id)
        .join(owner, owner.c.id == deployment.c.account_id)
        .where(owner.c.name == account)
        .order_by(deployment.c.uid, OWNED.c.valid_from)
    )
    found: dict[Uid, tuple[tuple[datetime, Attributes], ...]] = {}
    for row in run(session, statement).mappings():
        uid = Uid(row["uid"])
        one = (from_ms(row["valid_from"]), _read(row["text"]))
        found[uid] = (*found.get(uid, ()), one)
    return found


def _written(attributes: Attributes) -> str:
    values = {name: value for name in ATTRIBUTES if (value := getattr(attributes, name))}
    shares = {f"{_SHARE}{team}": str(share) for team, share in attributes.split.items()}
    return to_json({name: storable(text) for name, text in {**values, **shares}.items()})


def _read(text: str) -> Attributes:
    values: dict[str, Any] = dict(from_json(text))
    split = {
        name.removeprefix(_SHARE): Decimal(values.pop(name))
        for name in sorted(values)
        if name.startswith(_SHARE)
    }
    return Attributes(**values, split=split)
