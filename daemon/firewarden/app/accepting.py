"""A person takes the bill's word for a day: what `trueup accept` writes, and when it refuses."""

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from firewarden.app.people import Desk
from firewarden.app.trueup import WINDOW, open_books, true_up, window
from firewarden.errors import UserError
from firewarden.model.trueup import DayState
from firewarden.report.text import gpu_hours
from firewarden.store.accepted import Acceptance, record_acceptance
from firewarden.store.session import Session
from firewarden.store.trueup import (
    Verdict,
    lock_books,
    read_answers,
    read_verdicts,
    write_verdict,
)

_WHERE = "trueup accept"


def accept_day(desk: Desk, text: str, *, reason: str) -> str:
    """Adjust a disputed day to its bill, by the word of whoever types; gives a line that says so.

    It holds for this answer of the provider's: after another one the day is judged anew.

    Raises:
        UserError: *text* is no day, the day is not disputed, or it has been answered anew.
    """
    day = _read_day(text)
    first, _ = window(desk.clock.now(), ZoneInfo(desk.timezone))
    if day < first:
        raise UserError(
            f"{day} is more than {WINDOW.days} days ago: its bill is read no more",
            where=_WHERE,
            mend="our figures stand; correct it by a row of your own where you keep the accounts",
        )
    with desk.database.writing() as session:
        lock_books(session, desk.account)
        verdict = _disputed(session, desk, day)
        now = desk.clock.now()
        record_acceptance(
            session,
            desk.account,
            Acceptance(
                day=day,
                revision=verdict.revision,
                actor=desk.actor,
                reason=reason,
                accepted_at=now,
            ),
        )
        judged, _ = true_up(open_books(desk.ledger(session)), day)
        # The daemon judges it once more, and says by its routes that it is over.
        newest = read_verdicts(session, desk.account, first=day, last=day)[day]
        write_verdict(session, desk.account, replace(newest, stale=True))
    added = sum(row.adjustment.gpu_ms for row in judged.rows if row.accepted)
    return f"{day}: taken as billed, {gpu_hours(added)} GPU-h beside what was metered"


def _disputed(session: Session, desk: Desk, day: date) -> Verdict:
    verdict = read_verdicts(session, desk.account, first=day, last=day).get(day)
    if verdict is None or verdict.state is not DayState.DISPUTED:
        state = verdict.state.value if verdict else DayState.OPEN.value
        raise UserError(
            f"{day} is {state}, not disputed",
            where=_WHERE,
            mend="`firewarden trueup` lists the days and their states",
        )
    answer = read_answers(session, desk.account, first=day, last=day).get(day)
    if answer is None or answer.standing.revision != verdict.revision:
        raise UserError(
            f"the provider has billed {day} otherwise since it was disputed",
            where=_WHERE,
            mend="wait until it has answered alike for a day; then it is judged anew",
        )
    return verdict


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UserError(
            f"{text!r} is no day", where=_WHERE, mend="give one like 2026-11-03"
        ) from error
