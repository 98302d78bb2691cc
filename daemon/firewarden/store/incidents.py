"""Incidents: opened, carried from state to state, closed, kept."""

from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import RowMapping, Select, func, select

from firewarden.errors import StoreError
from firewarden.model.ids import AccountId, PolicyName, Uid
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Blocker, Mode, Verb
from firewarden.store.faults import SECOND
from firewarden.store.instants import from_ms, maybe_from_ms, maybe_ms, to_ms
from firewarden.store.names import Insert, deployment_keys, insert_in, run
from firewarden.store.rows import Values, storable
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, DeploymentRow, IncidentRow, table

ACCOUNT: Final = table(AccountRow)
DEPLOYMENT: Final = table(DeploymentRow)
INCIDENT: Final = table(IncidentRow)
KEY: Final = ("deployment_id", "policy", "opened_at")


def write(session: Session, *incidents: Incident) -> None:
    """Record the present state of *incidents*, each known by uid, policy and `opened_at`.

    The same again changes nothing.

    Raises:
        StoreError: it is closed already, and otherwise; or another one of the same uid and
            policy is open.
    """
    keys = deployment_keys(session, (incident.uid for incident in incidents))
    values = [_values(keys[incident.uid], incident) for incident in incidents]
    # What closes goes first, to make room for another of the same uid and policy.
    for row in sorted(values, key=lambda row: row["closed_at"] is None):
        _write_one(session, row)


def _write_one(session: Session, row: Values) -> None:
    if run(session, _writing(session.dialect.name, tuple(row)), row).rowcount == 1:
        return
    same = (INCIDENT.c[name] == row[name] for name in KEY)
    stored = run(session, select(INCIDENT).where(*same)).mappings().one()
    if any(stored[name] != value for name, value in row.items()):
        raise StoreError(
            f"an incident of {row['policy']} is closed already, and otherwise",
            mend=SECOND,
        )


@cache
def _writing(dialect: str, names: tuple[str, ...]) -> Insert:
    statement = insert_in(dialect, INCIDENT)
    return statement.on_conflict_do_update(
        index_elements=KEY,
        set_={name: statement.excluded[name] for name in names if name not in KEY},
        where=INCIDENT.c.closed_at.is_(None),
    ).execution_options(preserve_rowcount=True)


def read_open(session: Session, account: AccountId) -> tuple[Incident, ...]:
    """Read the incidents that are not closed, the oldest first."""
    return _read(session, _incidents(account).where(INCIDENT.c.closed_at.is_(None)))


def read_closed(
    session: Session, account: AccountId, *, since: datetime, uid: Uid | None = None
) -> tuple[Incident, ...]:
    """Read the incidents closed at *since* or later, the oldest first."""
    statement = _incidents(account).where(INCIDENT.c.closed_at >= to_ms(since))
    return _read(session, statement if uid is None else statement.where(DEPLOYMENT.c.uid == uid))


def read_last_done(
    session: Session, account: AccountId, *, since: datetime
) -> tuple[Incident, ...]:
    """Read what ran to its end: the newest of each uid and policy, and all at *since* or later."""
    done = INCIDENT.c.state == IncidentState.DONE.value
    newest = (
        select(func.max(INCIDENT.c.id))
        .where(done)
        .group_by(INCIDENT.c.deployment_id, INCIDENT.c.policy)
    )
    late = INCIDENT.c.closed_at >= to_ms(since)
    return _read(session, _incidents(account).where(done, late | INCIDENT.c.id.in_(newest)))


def _incidents(account: AccountId) -> Select[Any]:
    return (
        select(DEPLOYMENT.c.uid, INCIDENT)
        .join(INCIDENT, INCIDENT.c.deployment_id == DEPLOYMENT.c.id)
        .join(ACCOUNT, ACCOUNT.c.id == DEPLOYMENT.c.account_id)
        .where(ACCOUNT.c.name == account)
        .order_by(INCIDENT.c.opened_at, INCIDENT.c.id)
    )


def _read(session: Session, statement: Select[Any]) -> tuple[Incident, ...]:
    return tuple(map(_incident_of, run(session, statement).mappings()))


def _values(deployment_id: int, incident: Incident) -> Values:
    if (incident.closed_at is not None) != incident.state.is_closed:
        raise ValueError(f"{incident.state} and closed_at {incident.closed_at} disagree")
    return {
        "deployment_id": deployment_id,
        "policy": incident.policy,
        "policy_hash": incident.policy_hash,
        "mode": incident.mode.value,
        "verb": incident.verb.value,
        "state": incident.state.value,
        "stage": incident.stage,
        "opened_at": to_ms(incident.opened_at),
        "entered_at": to_ms(incident.entered_at),
        "warned_at": maybe_ms(incident.warned_at),
        "acts_at": maybe_ms(incident.acts_at),
        "closed_at": maybe_ms(incident.closed_at),
        "reason": storable(incident.reason),
        "closed_because": storable(incident.closed_because),
        "held_by": None if incident.held_by is None else incident.held_by.value,
        "held_since": maybe_ms(incident.held_since),
        "held_told_at": maybe_ms(incident.held_told_at),
        "gpu_count": incident.gpu_count,
        "saves_micro_usd": incident.saves_micro_usd_per_hour,
    }


def _incident_of(row: RowMapping) -> Incident:
    return Incident(
        uid=Uid(row["uid"]),
        policy=PolicyName(row["policy"]),
        policy_hash=row["policy_hash"],
        mode=Mode(row["mode"]),
        verb=Verb(row["verb"]),
        state=IncidentState(row["state"]),
        stage=row["stage"],
        opened_at=from_ms(row["opened_at"]),
        entered_at=from_ms(row["entered_at"]),
        reason=row["reason"],
        warned_at=maybe_from_ms(row["warned_at"]),
        acts_at=maybe_from_ms(row["acts_at"]),
        closed_at=maybe_from_ms(row["closed_at"]),
        closed_because=row["closed_because"],
        held_by=None if row["held_by"] is None else Blocker(row["held_by"]),
        held_since=maybe_from_ms(row["held_since"]),
        held_told_at=maybe_from_ms(row["held_told_at"]),
        gpu_count=row["gpu_count"],
        saves_micro_usd_per_hour=row["saves_micro_usd"],
    )
