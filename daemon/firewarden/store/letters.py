"""A letter: one notice on its way to one destination; as a row of the outbox, and back."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import RowMapping

from firewarden.model.delivery import Destination, Receipt
from firewarden.model.ids import AccountId, Uid
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity, Verb
from firewarden.store.instants import from_ms, to_ms
from firewarden.store.rows import Values, storable

KEPT_FOR: Final = timedelta(days=1)
INFO_KEPT_FOR: Final = timedelta(hours=2)
_BEFORE_ACTS: Final = frozenset({"idle.warn", "action.pending", "budget.action_pending"})
_DEEDS: Final = frozenset(
    {"idle.acted", "budget.action_done", "budget.action_failed", "budget.restored"}
)


class State(StrEnum):
    """What became of a letter so far."""

    PENDING = "pending"
    SENT = "sent"
    SUPERSEDED = "superseded"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What one claim of the outbox hands over to be sent.

    Attributes:
        key: the same for the same turn of the same alert and destination, whoever writes it;
            no other ledger has it.
        tries: how often it was tried, this time included.
        first_tried_at, expires_at: by the wall clock; from the latter on it is given up.
        root: the message of the same story that is there to be edited; None: none is.
        doubts: keys under which the destination may hold it, or an earlier turn of its
            story, although no receipt came; the first of those tries was at `doubted_since`.
        resolved: the receiver's own name of the destination, once found out.
    """

    number: int
    alert: int | None
    key: str
    destination: Destination
    notice: Notice
    tries: int
    first_tried_at: datetime
    expires_at: datetime
    root: Receipt | None = None
    doubts: tuple[str, ...] = ()
    doubted_since: datetime | None = None
    resolved: str = ""


def kept_for(notice: Notice) -> timedelta:
    """How long *notice* is tried to be delivered, from the first try."""
    is_minor = notice.severity is Severity.INFO and notice.kind not in _BEFORE_ACTS
    return INFO_KEPT_FOR if is_minor else KEPT_FOR


def story_of(notice: Notice) -> str:
    """Name the story that *notice* is a part of, as it is stored."""
    return storable(notice.story or notice.key)


def stands_alone(notice: Notice) -> bool:
    """Does it tell of something that happened, and not of a state that later news replace?"""
    return notice.once or notice.kind in _DEEDS


def is_waited_for(notice: Notice) -> bool:
    """Does something wait until a destination has taken it, however long that lasts?"""
    return notice.kind in _BEFORE_ACTS and not notice.resolved


def warns_of_delete(notice: Notice) -> bool:
    """Does it announce what a later request cannot wake again?"""
    return is_waited_for(notice) and notice.facts.get("verb") == Verb.DELETE.value


def takes_back(notice: Notice) -> bool:
    """Does it only say that something is over: no news for whoever never heard of it?"""
    return notice.resolved and not stands_alone(notice)


def letter_key(notice: Notice, destination: Destination, *, first_at: datetime) -> str:
    """Name the turn that *notice* is of an alert that began at *first_at*.

    A receiver is asked for it after a time-out, and may know letters of other ledgers too.
    """
    parts = [
        notice.account,
        notice.key,
        to_ms(first_at),
        to_ms(notice.at),
        notice.kind,
        notice.severity.value,
        notice.resolved,
        str(destination),
    ]
    written = json.dumps(parts, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()[:32]


def new_values(
    notice: Notice, destination: Destination, *, account: int, alert: int, first_at: datetime
) -> Values:
    """Row of a letter that nobody has tried to send; its time to live begins at the first try."""
    return {
        "account_id": account,
        "alert_id": alert,
        "key": letter_key(notice, destination, first_at=first_at),
        "story": story_of(notice),
        "destination": str(destination),
        "severity": notice.severity.value,
        "notice": notice_json(notice),
        "created_at": to_ms(notice.at),
        "next_at": 0,
        "expires_at": 0,
        "tries": 0,
        "claimed_until": None,
        "state": State.PENDING.value,
        "problem": "",
        "channel": "",
        "message": "",
        "sent_at": None,
    }


def first_tried(row: RowMapping, *, now: datetime) -> datetime:
    """When the letter of *row* was tried first: *now*, where it never was."""
    if not row["expires_at"]:
        return now
    return from_ms(row["expires_at"]) - kept_for(notice_of(row["notice"]))


def notice_json(notice: Notice) -> str:
    """Write *notice* so that equal ones are equal text."""
    fields = {
        "account": notice.account,
        "kind": notice.kind,
        "key": notice.key,
        "severity": notice.severity.value,
        "at": to_ms(notice.at),
        "text": notice.text,
        "uid": notice.uid,
        "facts": dict(notice.facts),
        "resolved": notice.resolved,
        "routes": list(notice.routes),
        "quietly": notice.quietly,
        "once": notice.once,
        "story": notice.story,
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def notice_of(text: str) -> Notice:
    """Read what `notice_json` wrote."""
    fields = json.loads(text)
    return Notice(
        account=AccountId(fields["account"]),
        kind=fields["kind"],
        key=fields["key"],
        severity=Severity(fields["severity"]),
        at=from_ms(fields["at"]),
        text=fields["text"],
        uid=None if fields["uid"] is None else Uid(fields["uid"]),
        facts=fields["facts"],
        resolved=fields["resolved"],
        routes=tuple(fields["routes"]),
        quietly=fields["quietly"],
        once=fields["once"],
        story=fields["story"],
    )
