"""The true-up on both databases: judged once, anew where something changed, by whose word."""

from datetime import UTC, date, datetime, timedelta

import pytest

from firewarden.app.accepting import accept_day
from firewarden.app.people import Desk
from firewarden.app.queries import Ledger
from firewarden.app.settings import Settings, load_settings
from firewarden.app.spent import read_trued_up
from firewarden.app.trueup import due_days, open_books, true_up
from firewarden.errors import UserError
from firewarden.model.trueup import DayState
from firewarden.model.usage import (
    BilledDay,
    Poll,
)
from firewarden.store.bill import record_bill
from firewarden.store.engine import Database
from firewarden.store.ledger import write_change, write_poll
from firewarden.store.session import Session
from firewarden.store.trueup import ADJUSTMENT, mark_stale, read_verdicts, record_answers
from tests.support.clock import FakeClock
from tests.support.holding import ACME, CHAT, H100, held_since

HOUR = timedelta(hours=1)
BEGAN = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = date(2026, 11, 3)
NOW = datetime(2026, 11, 7, 12, tzinfo=UTC)
WHOLE = 2 * 86_400


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    file = tmp_path_factory.mktemp("settings") / "firewarden.toml"
    file.touch()
    return load_settings(file, {"FIREWORKS_API_KEY": "fw"}, dotenv=None).settings


def ledger_in(session: Session, settings: Settings, now: datetime = NOW) -> Ledger:
    return Ledger(settings=settings, session=session, account=ACME, timezone="UTC", now=now)


def begin(database: Database) -> None:
    """Let two GPUs be held from the first poll on, without a change."""
    with database.writing() as session:
        for at in (BEGAN, NOW + 72 * HOUR):
            poll = Poll(account=ACME, asked_at=at, answered_at=at, ok=True, complete=True, count=1)
            write_poll(session, poll)
        write_change(session, ACME, held_since(BEGAN), at=BEGAN)


def answer(database: Database, seconds: int, *at: datetime) -> None:
    row = BilledDay(
        account=ACME,
        day=DAY,
        timezone="UTC",
        deployment_id=CHAT,
        accelerator_type=H100,
        gpu_seconds=seconds,
    )
    for each in at:
        with database.writing() as session:
            revised = record_bill(session, ACME, [row], first=DAY, last=DAY, at=each)
            record_answers(session, ACME, [DAY], changed=revised.days, timezone="UTC", at=each)


def judge_due(database: Database, settings: Settings, now: datetime = NOW) -> list[DayState]:
    """Judge what is due; gives the states."""
    with database.writing() as session:
        ledger = ledger_in(session, settings, now)
        return [true_up(open_books(ledger), day)[0].state for day in due_days(ledger)]


def count_rows(database: Database) -> int:
    with database.reading() as session:
        return len(session.execute(ADJUSTMENT.select()).all())


def added(database: Database, settings: Settings) -> int:
    with database.reading() as session:
        trued_up = read_trued_up(ledger_in(session, settings), BEGAN, NOW)
        return sum(each.adjustment.gpu_ms for each in trued_up.between(BEGAN, NOW))


def accept(database: Database, settings: Settings) -> str:
    clock = FakeClock(NOW)
    desk = Desk(
        database=database,
        settings=settings,
        account=ACME,
        timezone="UTC",
        actor="cli:ada@here",
        clock=clock,
        wall=clock,
    )
    return accept_day(desk, DAY.isoformat(), reason="it is so on the invoice")


def test_a_day_is_judged_once_and_the_same_again_changes_nothing(
    database: Database, settings: Settings
) -> None:
    begin(database)
    answer(database, WHOLE - 3_600, NOW - 30 * HOUR)
    assert judge_due(database, settings) == [], "one answer settles nothing"
    answer(database, WHOLE - 3_600, NOW - 5 * HOUR)
    assert judge_due(database, settings) == [DayState.ADJUSTED]
    assert (added(database, settings), count_rows(database)) == (-3_600_000, 1)
    answer(database, WHOLE - 3_600, NOW)
    assert judge_due(database, settings) == []

    with database.writing() as session:
        mark_stale(session, ACME, [datetime(2026, 11, 3, 7, tzinfo=UTC)])
    assert judge_due(database, settings) == [DayState.ADJUSTED], "an hour was metered again"
    assert (added(database, settings), count_rows(database)) == (-3_600_000, 1)


def test_an_acceptance_holds_for_one_answer_and_the_next_is_judged_anew(
    database: Database, settings: Settings
) -> None:
    begin(database)
    answer(database, WHOLE // 2, NOW - 30 * HOUR, NOW)
    assert judge_due(database, settings) == [DayState.DISPUTED]
    assert added(database, settings) == 0

    assert "-24.00 GPU-h" in accept(database, settings)
    assert added(database, settings) == -WHOLE // 2 * 1_000
    assert judge_due(database, settings) == [DayState.ADJUSTED], "so that the alert ends"
    with pytest.raises(UserError, match="adjusted, not disputed"):
        accept(database, settings)

    answer(database, WHOLE // 4, NOW + HOUR)
    assert judge_due(database, settings, NOW + HOUR) == []
    assert added(database, settings) == -WHOLE // 2 * 1_000, "until the next answer has settled"
    answer(database, WHOLE // 4, NOW + 26 * HOUR)
    assert judge_due(database, settings, NOW + 26 * HOUR) == [DayState.DISPUTED]
    assert added(database, settings) == 0


def test_a_bill_that_moved_on_cannot_be_accepted(database: Database, settings: Settings) -> None:
    begin(database)
    answer(database, WHOLE // 2, NOW - 30 * HOUR, NOW)
    judge_due(database, settings)
    answer(database, WHOLE // 4, NOW + HOUR)

    with pytest.raises(UserError, match="otherwise since it was disputed"):
        accept(database, settings)
    with database.reading() as session:
        (verdict,) = read_verdicts(session, ACME, first=DAY, last=DAY).values()
    assert verdict.state is DayState.DISPUTED
