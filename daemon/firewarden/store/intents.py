"""Intents: written before a call, finished after it, released when their change is undone."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Select, select, update

from firewarden.errors import StoreError
from firewarden.model.action import Bounds, Effect, Intent, Outcome, Released
from firewarden.model.ids import AccountId, PolicyName, Uid
from firewarden.model.vocabulary import Mode, ProviderDelete, PutBack, Verb
from firewarden.store.faults import SECOND
from firewarden.store.instants import from_ms, maybe_from_ms, maybe_ms, to_ms
from firewarden.store.names import account_key, deployment_keys, insert, run
from firewarden.store.rows import Values, from_json, storable, to_json
from firewarden.store.session import Session
from firewarden.store.tables import (
    AccountRow,
    DeploymentRow,
    IncidentRow,
    IntentRow,
    WholeRow,
    table,
)

ACCOUNT: Final = table(AccountRow)
DEPLOYMENT: Final = table(DeploymentRow)
INCIDENT: Final = table(IncidentRow)
INTENT: Final = table(IntentRow)
WHOLE: Final = table(WholeRow)


def claim(session: Session, intent: Intent) -> int | None:
    """Write *intent* before its call, and give its number.

    None where the same is open or done already: another intent of this deployment is open,
    or this stage of the incident, or the person's request, has had its own.
    """
    keys = deployment_keys(session, [intent.uid])
    values = {
        "account_id": account_key(session, intent.account),
        "deployment_id": keys[intent.uid],
        "incident_id": _incident_key(session, intent, keys[intent.uid]),
        **_values(intent),
    }
    statement = insert(session, INTENT).on_conflict_do_nothing().returning(INTENT.c.id)
    found = run(session, statement.values(values)).scalar_one_or_none()
    return None if found is None else int(found)


def finish(
    session: Session, action_id: int, outcome: Outcome, *, detail: str, at: datetime
) -> None:
    """Write what became of an open intent; the same again changes nothing.

    Raises:
        StoreError: it is finished already, and otherwise.
    """
    values = {"outcome": outcome.value, "detail": storable(detail), "finished_at": to_ms(at)}
    is_open = INTENT.c.outcome == Outcome.PLANNED.value
    statement = update(INTENT).where(INTENT.c.id == action_id, is_open)
    if run(session, statement.values(values)).rowcount == 1:
        return
    stored = run(session, select(INTENT.c.outcome).where(INTENT.c.id == action_id)).scalar()
    if stored != outcome.value:
        raise StoreError(f"action {action_id} is {stored} already", mend=SECOND)


def release(session: Session, action_id: int, why: Released, *, at: datetime) -> None:
    """Note that the change of an intent stands no longer; the first reason stays."""
    statement = update(INTENT).where(INTENT.c.id == action_id, INTENT.c.released_at.is_(None))
    run(session, statement.values(released=why.value, released_at=to_ms(at)))


def keep_whole(session: Session, action_id: int, facts: str) -> None:
    """Keep all that the provider said of the deployment before the intent changes it."""
    row = {"intent_id": action_id, "facts": storable(facts)}
    run(session, insert(session, WHOLE).on_conflict_do_nothing().values(row))


def read_whole(session: Session, action_id: int) -> str | None:
    """Read what was kept before an intent; None where nothing was."""
    return run(session, select(WHOLE.c.facts).where(WHOLE.c.intent_id == action_id)).scalar()


def read_recent(session: Session, account: AccountId, *, since: datetime) -> tuple[Intent, ...]:
    """Read the intents planned at *since* or later, and those still open or standing; in order."""
    kept = (
        (INTENT.c.planned_at >= to_ms(since))
        | (INTENT.c.outcome == Outcome.PLANNED.value)
        | (
            INTENT.c.released_at.is_(None)
            & INTENT.c.outcome.in_([Outcome.APPLIED.value, Outcome.FAILED.value])
            & INTENT.c.verb.not_in([Verb.RESTORE.value, Verb.DELETE.value, Verb.UNDELETE.value])
        )
    )
    return _read(session, _intents(account).where(kept))


def read_actions(
    session: Session,
    account: AccountId,
    *,
    since: datetime,
    uid: Uid | None = None,
    before: int | None = None,
    limit: int = 1_000,
) -> tuple[Intent, ...]:
    """Read the newest intents planned at *since* or later, the newest first.

    *before*: only those with a smaller number, to go on where the last reading stopped.
    """
    statement = _intents(account, newest_first=True).where(INTENT.c.planned_at >= to_ms(since))
    if uid is not None:
        statement = statement.where(DEPLOYMENT.c.uid == uid)
    if before is not None:
        statement = statement.where(INTENT.c.id < before)
    return _read(session, statement.limit(limit))


def read_one(session: Session, account: AccountId, action_id: int) -> Intent | None:
    """Read one intent by its number."""
    found = _read(session, _intents(account).where(INTENT.c.id == action_id))
    return found[0] if found else None


def _incident_key(session: Session, intent: Intent, deployment_id: int) -> int | None:
    if intent.opened_at is None:
        return None
    same: tuple[ColumnElement[bool], ...] = (
        INCIDENT.c.deployment_id == deployment_id,
        INCIDENT.c.policy == intent.policy,
        INCIDENT.c.opened_at == to_ms(intent.opened_at),
    )
    found = run(session, select(INCIDENT.c.id).where(*same)).scalar_one_or_none()
    if found is None:
        raise StoreError(
            f"the ledger has no incident of {intent.policy} opened at {intent.opened_at}",
            mend="store the incident before its intent",
        )
    return int(found)


def _intents(account: AccountId, *, newest_first: bool = False) -> Select[Any]:
    order = INTENT.c.id.desc() if newest_first else INTENT.c.id
    return (
        select(DEPLOYMENT.c.uid, ACCOUNT.c.name, INCIDENT.c.opened_at, INTENT)
        .join(DEPLOYMENT, INTENT.c.deployment_id == DEPLOYMENT.c.id)
        .join(ACCOUNT, INTENT.c.account_id == ACCOUNT.c.id)
        .outerjoin(INCIDENT, INTENT.c.incident_id == INCIDENT.c.id)
        .where(ACCOUNT.c.name == account)
        .order_by(order)
    )


def _read(session: Session, statement: Select[Any]) -> tuple[Intent, ...]:
    return tuple(map(_intent_of, run(session, statement).mappings()))


def _values(intent: Intent) -> Values:
    return {
        "request_id": intent.request_id,
        "stage": intent.stage,
        "verb": intent.verb.value,
        "policy": intent.policy,
        "policy_hash": intent.policy_hash,
        "mode": intent.mode.value,
        "actor": storable(intent.actor),
        "reason": storable(intent.reason),
        "evidence": to_json(dict(intent.evidence)),
        "effect": _numbers(_effect_values(intent.effect)),
        "before": _numbers(_bounds_values(intent.before)),
        "put_back": intent.put_back.value,
        "provider_delete": intent.provider_delete.value,
        "planned_at": to_ms(intent.planned_at),
        "epoch": intent.epoch,
        "outcome": intent.outcome.value,
        "detail": storable(intent.detail),
        "finished_at": maybe_ms(intent.finished_at),
        "released": None if intent.released is None else intent.released.value,
        "released_at": maybe_ms(intent.released_at),
    }


def _intent_of(row: RowMapping) -> Intent:
    return Intent(
        action_id=row[INTENT.c.id],
        account=AccountId(row["name"]),
        uid=Uid(row["uid"]),
        verb=Verb(row["verb"]),
        policy=PolicyName(row["policy"]),
        policy_hash=row["policy_hash"],
        mode=Mode(row["mode"]),
        actor=row["actor"],
        reason=row["reason"],
        evidence=from_json(row["evidence"]),
        effect=_effect_of(json.loads(row["effect"])),
        before=_bounds_of(json.loads(row["before"])),
        put_back=PutBack(row["put_back"]),
        provider_delete=ProviderDelete(row["provider_delete"]),
        planned_at=from_ms(row["planned_at"]),
        epoch=row["epoch"],
        opened_at=maybe_from_ms(row["opened_at"]),
        stage=row["stage"],
        request_id=row["request_id"],
        outcome=Outcome(row["outcome"]),
        finished_at=maybe_from_ms(row["finished_at"]),
        detail=row["detail"],
        released=None if row["released"] is None else Released(row["released"]),
        released_at=maybe_from_ms(row["released_at"]),
    )


def _effect_values(effect: Effect) -> Values:
    given = {
        "min_replica_count": effect.min_replica_count,
        "max_replica_count": effect.max_replica_count,
        "scale_to_zero_window_ms": _to_ms(effect.scale_to_zero_window),
        "replica_count": effect.replica_count,
        "delete": effect.delete or None,
        "undelete": effect.undelete or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _effect_of(stored: Mapping[str, Any]) -> Effect:
    return Effect(
        min_replica_count=stored.get("min_replica_count"),
        max_replica_count=stored.get("max_replica_count"),
        scale_to_zero_window=_from_ms(stored.get("scale_to_zero_window_ms")),
        replica_count=stored.get("replica_count"),
        delete=stored.get("delete", False),
        undelete=stored.get("undelete", False),
    )


def _bounds_values(bounds: Bounds) -> Values:
    return {
        "min_replica_count": bounds.min_replica_count,
        "max_replica_count": bounds.max_replica_count,
        "desired_replica_count": bounds.desired_replica_count,
        "scale_to_zero_window_ms": _to_ms(bounds.scale_to_zero_window),
    }


def _bounds_of(stored: Mapping[str, Any]) -> Bounds:
    return Bounds(
        min_replica_count=stored["min_replica_count"],
        max_replica_count=stored["max_replica_count"],
        desired_replica_count=stored["desired_replica_count"],
        scale_to_zero_window=_from_ms(stored["scale_to_zero_window_ms"]),
    )


def _numbers(values: Values) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def _to_ms(span: timedelta | None) -> int | None:
    return None if span is None else span // timedelta(milliseconds=1)


def _from_ms(stored: int | None) -> timedelta | None:
    return None if stored is None else timedelta(milliseconds=stored)
