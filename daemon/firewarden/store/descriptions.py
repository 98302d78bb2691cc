"""The newest full description of each deployment, so that a command can judge and ask nobody."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select

from firewarden.model.deployment import Deployment, Surroundings, Trait
from firewarden.model.ids import AccountId, DeploymentId, Uid
from firewarden.store.instants import from_ms, to_ms
from firewarden.store.names import account_key, deployment_keys, insert, run
from firewarden.store.session import Session
from firewarden.store.tables import (
    AccountRow,
    DeploymentRow,
    DescriptionRow,
    SurroundingsRow,
    table,
)

ACCOUNT: Final = table(AccountRow)
DEPLOYMENT: Final = table(DeploymentRow)
DESCRIPTION: Final = table(DescriptionRow)
SURROUNDINGS: Final = table(SurroundingsRow)
INSTANTS: Final = ("created_at", "updated_at", "deleted_at", "purge_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """How an account looked when it was last seen.

    Attributes:
        deployments: those that are not known to be gone, as they were described last.
        surroundings: by full deployment name, as of `surroundings_at`; None: never read.
    """

    deployments: Mapping[Uid, Deployment]
    surroundings: Mapping[str, Surroundings] | None
    surroundings_at: datetime | None


def write_descriptions(
    session: Session, deployments: Iterable[Deployment], *, seen_at: datetime
) -> None:
    """Keep *deployments*, which the ledger has met, as they were described at *seen_at*."""
    described = {deployment.uid: deployment for deployment in deployments}
    if not described:
        return
    keys = deployment_keys(session, described)
    statement = insert(session, DESCRIPTION)
    run(
        session,
        statement.on_conflict_do_update(
            index_elements=["deployment_id"],
            set_={name: statement.excluded[name] for name in ("seen_at", "facts")},
        ),
        [
            {"deployment_id": keys[uid], "seen_at": to_ms(seen_at), "facts": _write(deployment)}
            for uid, deployment in described.items()
        ],
    )


def write_surroundings(
    session: Session,
    account: AccountId,
    surroundings: Mapping[str, Surroundings],
    *,
    asked_at: datetime,
) -> None:
    """Keep what leans on the deployments of *account*, as it was at *asked_at*."""
    facts = {name: asdict(one) for name, one in sorted(surroundings.items())}
    statement = insert(session, SURROUNDINGS)
    run(
        session,
        statement.on_conflict_do_update(
            index_elements=["account_id"],
            set_={name: statement.excluded[name] for name in ("asked_at", "facts")},
        ),
        [
            {
                "account_id": account_key(session, account),
                "asked_at": to_ms(asked_at),
                "facts": json.dumps(facts),
            }
        ],
    )


def read_descriptions(session: Session, account: AccountId) -> Described:
    """Read how *account* looked last, without deployments that are gone."""
    number = select(ACCOUNT.c.id).where(ACCOUNT.c.name == account).scalar_subquery()
    rows = run(
        session,
        select(DESCRIPTION.c.facts)
        .join(DEPLOYMENT, DEPLOYMENT.c.id == DESCRIPTION.c.deployment_id)
        .where(
            DEPLOYMENT.c.account_id == number,
            DEPLOYMENT.c.deleted_us.is_(None),
        )
        .order_by(DEPLOYMENT.c.id),
    )
    deployments = [_read(row.facts) for row in rows]
    around = run(
        session,
        select(SURROUNDINGS).where(SURROUNDINGS.c.account_id == number),
    ).one_or_none()
    return Described(
        deployments={one.uid: one for one in deployments},
        surroundings=None if around is None else _read_surroundings(around.facts),
        surroundings_at=None if around is None else from_ms(around.asked_at),
    )


def _write(deployment: Deployment) -> str:
    facts = asdict(deployment)
    for name in INSTANTS:
        facts[name] = None if facts[name] is None else facts[name].isoformat()
    window = deployment.scale_to_zero_window
    facts["scale_to_zero_window"] = None if window is None else window.total_seconds()
    facts["traits"] = sorted(deployment.traits)
    return json.dumps(facts)


def _read(text: str) -> Deployment:
    facts: dict[str, Any] = json.loads(text)
    for name in INSTANTS:
        facts[name] = None if facts[name] is None else datetime.fromisoformat(facts[name])
    window = facts["scale_to_zero_window"]
    facts["scale_to_zero_window"] = None if window is None else timedelta(seconds=window)
    facts["traits"] = frozenset(Trait(name) for name in facts["traits"])
    facts["uid"] = Uid(facts["uid"])
    facts["account"] = AccountId(facts["account"])
    facts["deployment_id"] = DeploymentId(facts["deployment_id"])
    return Deployment(**facts)


def _read_surroundings(text: str) -> dict[str, Surroundings]:
    found = {}
    for name, facts in json.loads(text).items():
        for listed in ("default_models", "routers"):
            facts[listed] = tuple(facts[listed])
        found[name] = Surroundings(**facts)
    return found
