"""The daemon prunes an account once a day, in short transactions, and says what went."""

from datetime import timedelta
from pathlib import Path

from structlog.testing import capture_logs

from firewarden.app.retention import Retention
from firewarden.model.usage import LedgerChange, RunChange
from firewarden.store import ledger
from firewarden.store.engine import Database
from firewarden.store.history import read_scrapes
from tests.app.means import tools_of
from tests.store.values import ACCOUNT, SECOND, T0, met, poll, scrape, segment
from tests.support.clock import FakeClock

DAY = timedelta(days=1)


def observe(database: Database, *days: int) -> None:
    for day in days:
        change = met("search", opened=(segment(),)) if day == 0 else LedgerChange()
        with database.writing() as session:
            ledger.write_change(session, ACCOUNT, change, at=T0)
            ledger.write_poll(session, poll(T0 + day * DAY))
            ledger.write_scrape(session, scrape(T0 + day * DAY), RunChange())


def scraped_days(database: Database) -> list[int]:
    with database.reading() as session:
        found = read_scrapes(session, ACCOUNT, since=T0)
    return [(each.answered_at - T0) // DAY for each in found]


async def test_what_is_older_than_a_hundred_days_goes_once_a_day(
    database: Database, tmp_path: Path
) -> None:
    clock = FakeClock(T0 + 120 * DAY)
    observe(database, 0, 10, 19, 21, 120)
    retention = Retention(ACCOUNT, tools_of(database, tmp_path, clock))

    with capture_logs() as told:
        await retention.run()
        assert scraped_days(database) == [21, 120]

        observe(database, 5)
        await clock.advance(DAY - SECOND)
        await retention.run()
        assert scraped_days(database) == [5, 21, 120]

        await clock.advance(SECOND)
        await retention.run()

    assert scraped_days(database) == [21, 120]
    assert [(each["polls"], each["scrapes"]) for each in told] == [(2, 3), (1, 1)]
    assert {each["event"] for each in told} == {"ledger.pruned"}


async def test_an_account_that_has_nothing_old_is_left_in_silence(
    database: Database, tmp_path: Path
) -> None:
    observe(database, 0)
    with capture_logs() as told:
        await Retention(ACCOUNT, tools_of(database, tmp_path, FakeClock(T0 + DAY))).run()

    assert told == []
    assert scraped_days(database) == [0]
