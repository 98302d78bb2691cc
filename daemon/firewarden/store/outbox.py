"""The outbox: letters are put in with what they tell of, and settled one by one.

Next tries, claims and the pace of a channel are instants of the wall clock, which is never
compressed; when something was said, and when it was taken, are of the daemon's own.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import RowMapping, bindparam, select, update

from firewarden.model.delivery import Destination, Receipt, Way
from firewarden.model.notice import Notice
from firewarden.store.channels import close_until
from firewarden.store.instants import from_ms, to_ms
from firewarden.store.letters import (
    Letter,
    State,
    new_values,
    notice_of,
    story_of,
)
from firewarden.store.names import account_key, insert_new, run
from firewarden.store.rows import Values, storable
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, AlertRow, OutboxRow, table

ACCOUNT: Final = table(AccountRow)
ALERT: Final = table(AlertRow)
OUTBOX: Final = table(OutboxRow)

SPACING: Final = timedelta(milliseconds=1_120)
"""Between two messages in one channel: Slack hides more than one a second, and says "ok"."""

REST: Final = timedelta(seconds=30)
"""A destination that failed gets no other message for so long, lest each waits for its answer."""

MANY_TRIES: Final = 3
"""After so many, a destination counts as one that cannot be reached for now."""

SLACK: Final = frozenset({Way.SLACK, Way.SLACK_DM, Way.SLACK_WEBHOOK})
PENDING: Final = OUTBOX.c.state == State.PENDING.value
_SENT: Final = OUTBOX.c.state == State.SENT.value


def put(
    session: Session,
    notice: Notice,
    destinations: Collection[Destination],
    *,
    account: int,
    alert: int,
    first_at: datetime,
) -> None:
    """Add a letter to each of *destinations*; what is there already stays as it is.

    What waits in the same story for its next try is due at once: there is news.
    """
    new = [
        new_values(notice, destination, account=account, alert=alert, first_at=first_at)
        for destination in dict.fromkeys(destinations)
    ]
    insert_new(session, OUTBOX, new)
    there = {
        "account": account,
        "of_story": story_of(notice),
        "destinations": [values["destination"] for values in new],
    }
    run(session, _HURRY, there)


def put_again(session: Session, letter: Letter, destinations: Collection[Destination]) -> None:
    """Send what *letter* says to *destinations* too, unless they have got it already."""
    if letter.alert is None:
        return
    statement = select(ALERT.c.first_at).where(ALERT.c.id == letter.alert)
    first_at = from_ms(run(session, statement).scalar_one())
    account = account_key(session, letter.notice.account)
    put(
        session,
        letter.notice,
        destinations,
        account=account,
        alert=letter.alert,
        first_at=first_at,
    )


def mark_sent(session: Session, letter: Letter, receipt: Receipt, *, now: datetime) -> None:
    """Note that the destination took *letter*, and that its alert reached somebody."""
    settled = {
        "state": State.SENT.value,
        "channel": storable(receipt.channel),
        "message": storable(receipt.message),
        "sent_at": to_ms(receipt.at),
        "claimed_until": None,
        "problem": "",
    }
    _settle(session, letter, settled, now=now)
    if letter.destination.way.gives_receipts or not _gives_receipts(session, letter):
        mark_told(session, letter, at=receipt.at)


def postpone(
    session: Session,
    letter: Letter,
    problem: str,
    *,
    next_at: datetime,
    now: datetime,
    in_doubt: bool = False,
) -> None:
    """Try *letter* again at *next_at*; *in_doubt*: it may have been taken all the same."""
    settled = {
        "next_at": to_ms(next_at),
        "problem": storable(problem),
        "claimed_until": _doubt(letter, now, in_doubt=in_doubt),
    }
    close_until(session, letter.destination, min(next_at, now + REST))
    _settle(session, letter, settled, now=now)


def put_off(
    session: Session, letter: Letter, problem: str, *, until: datetime, now: datetime
) -> None:
    """Leave the destination of *letter* alone before *until*, as it asked; that was no try."""
    settled = {
        "next_at": to_ms(until),
        "problem": storable(problem),
        "claimed_until": _doubt(letter, now, in_doubt=False),
        "tries": letter.tries - 1,
    }
    close_until(session, letter.destination, until)
    _settle(session, letter, settled, now=now)


def set_aside(
    session: Session,
    letter: Letter,
    problem: str,
    *,
    next_at: datetime,
    now: datetime,
    in_doubt: bool = False,
) -> None:
    """Count the destination of *letter* as out of reach, and try it again at *next_at*."""
    settled = {
        "next_at": to_ms(next_at),
        "problem": storable(problem),
        "claimed_until": _doubt(letter, now, in_doubt=in_doubt),
        "tries": max(letter.tries, MANY_TRIES),
    }
    _settle(session, letter, settled, now=now)


def bury(session: Session, letter: Letter, problem: str, *, now: datetime) -> None:
    """Give *letter* up."""
    settled = {
        "state": State.DEAD.value,
        "problem": storable(problem),
        "claimed_until": None,
    }
    _settle(session, letter, settled, now=now)


def withdraw(session: Session, letter: Letter) -> None:
    """Say nothing: *letter* only takes back what nobody has heard."""
    among = update(OUTBOX).where(OUTBOX.c.id == letter.number)
    run(session, among.values(state=State.SUPERSEDED.value, claimed_until=None))
    mark_told(session, letter, at=letter.notice.at)


def root_of(session: Session, notice: Notice, destination: Destination) -> Receipt | None:
    """Find the message at *destination* that *notice* would edit."""
    statement = (
        select(OUTBOX)
        .join(ACCOUNT, ACCOUNT.c.id == OUTBOX.c.account_id)
        .where(
            ACCOUNT.c.name == notice.account,
            OUTBOX.c.story == story_of(notice),
            OUTBOX.c.destination == str(destination),
        )
    )
    newest = statement.where(_SENT).order_by(OUTBOX.c.id.desc()).limit(1)
    return root_in(run(session, newest).mappings().one_or_none(), notice)


def root_in(sent: RowMapping | None, notice: Notice) -> Receipt | None:
    """Give the message that *sent* left for *notice* to edit.

    What was told to be over is not made to fire again: that begins a message of its own.
    """
    if sent is None:
        return None
    fires = not notice.once and not notice.resolved
    if fires and notice_of(sent["notice"]).resolved:
        return None
    return Receipt(at=from_ms(sent["sent_at"]), channel=sent["channel"], message=sent["message"])


def supersede(session: Session, rows: Sequence[RowMapping]) -> None:
    """Note that news took the place of *rows*."""
    if rows:
        among = OUTBOX.c.id.in_([row["id"] for row in rows])
        run(session, update(OUTBOX).where(among).values(state=State.SUPERSEDED.value))


def mark_told(session: Session, letter: Letter, *, at: datetime) -> None:
    """Note that people heard of the present state of its alert; not where it has news since."""
    notice = letter.notice
    told = {
        "number": letter.alert,
        "as_severe": notice.severity.value,
        "as_over": notice.resolved or notice.once,
        "delivered_at": to_ms(at),
    }
    run(session, _TELL, told)


def _doubt(letter: Letter, now: datetime, *, in_doubt: bool) -> int | None:
    """Say by a claim that is over that the letter may be there; so it stays until it is sent."""
    return to_ms(now) if in_doubt or letter.key in letter.doubts else None


def _settle(session: Session, letter: Letter, values: Values, *, now: datetime) -> None:
    """Write what became of *letter*; a receipt that was stored is never taken back."""
    if letter.destination.way in SLACK:
        close_until(session, letter.destination, now + SPACING)
    run(session, _SETTLE, {"number": letter.number, **values})


def _gives_receipts(session: Session, letter: Letter) -> bool:
    """Does its alert go anywhere from where a receipt comes? Then a line in the log is not it."""
    its = {"alert": letter.alert, "of_story": story_of(letter.notice)}
    others = run(session, _DESTINATIONS, its).scalars()
    return any(Destination.parse(other).way.gives_receipts for other in others)


# Put together once: every letter asks for them.
_HURRY: Final = (
    update(OUTBOX)
    .where(
        PENDING,
        OUTBOX.c.account_id == bindparam("account"),
        OUTBOX.c.story == bindparam("of_story"),
        OUTBOX.c.destination.in_(bindparam("destinations", expanding=True)),
        OUTBOX.c.next_at > 0,
    )
    .values(next_at=0)
)
_SETTLE: Final = update(OUTBOX).where(OUTBOX.c.id == bindparam("number"), ~_SENT)
_TELL: Final = update(ALERT).where(
    ALERT.c.id == bindparam("number"),
    ALERT.c.severity == bindparam("as_severe"),
    ALERT.c.resolved_at.is_not(None) == bindparam("as_over"),
    ALERT.c.delivered_at.is_(None),
)
_DESTINATIONS: Final = select(OUTBOX.c.destination).where(
    OUTBOX.c.alert_id == bindparam("alert"), OUTBOX.c.story == bindparam("of_story")
)
