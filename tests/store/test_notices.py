"""One key is one alert with a life, and people hear of each turn of it at least once."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.store import notices
from firewarden.store.engine import Database
from firewarden.store.notices import Alert
from tests.store.values import ACCOUNT, HOUR, MINUTE, T0, TEXTS, WHOLE_MS, uid_of, undone

GAP = Notice(
    account=ACCOUNT,
    kind="meter.gap",
    key="meter.gap/acme",
    severity=Severity.WARN,
    at=T0,
    text="Nobody watched for 4 min",
    facts={"gap_seconds": "240"},
)
OVER = replace(GAP, at=T0 + HOUR, text="Watching again", resolved=True)


def record(database: Database, notice: Notice) -> bool:
    with database.writing() as session:
        return notices.record(session, notice)


def pending(database: Database) -> tuple[Alert, ...]:
    with database.reading() as session:
        return notices.pending(session, ACCOUNT)


def deliver(database: Database, alert: Alert) -> bool:
    with database.writing() as session:
        return notices.mark_delivered(session, alert, at=T0 + HOUR)


def firing(database: Database) -> tuple[Notice, ...]:
    with database.reading() as session:
        return tuple(alert.notice for alert in notices.read_firing(session, ACCOUNT))


def test_a_notice_waits_until_it_is_delivered(database: Database) -> None:
    assert record(database, GAP)
    (alert,) = pending(database)
    assert (alert.notice, alert.first_at, alert.delivered_at) == (GAP, T0, None)
    assert deliver(database, alert)
    assert pending(database) == ()
    assert firing(database) == (GAP,)


def test_said_again_it_is_told_once_and_keeps_its_first_instant(database: Database) -> None:
    record(database, GAP)
    deliver(database, *pending(database))
    again = replace(GAP, at=T0 + MINUTE, text="Nobody watched for 5 min")
    assert not record(database, again)
    assert not record(database, again)
    assert pending(database) == ()
    with database.reading() as session:
        (alert,) = notices.read_firing(session, ACCOUNT)
    assert (alert.notice, alert.first_at) == (again, T0)


def test_an_event_is_told_once_however_severe_it_is_said_to_be_later(database: Database) -> None:
    event = replace(GAP, once=True)
    assert record(database, event)
    deliver(database, *pending(database))

    assert not record(database, replace(event, at=T0 + MINUTE, severity=Severity.PAGE))
    assert (pending(database), firing(database)) == ((), ())


@pytest.mark.parametrize(
    ("severity", "told"),
    [
        pytest.param(Severity.INFO, False, id="milder"),
        pytest.param(Severity.WARN, False, id="as severe"),
        pytest.param(Severity.PAGE, True, id="more severe"),
    ],
)
def test_said_again_it_is_told_again_when_it_is_worse(
    database: Database, severity: Severity, *, told: bool
) -> None:
    record(database, GAP)
    deliver(database, *pending(database))
    assert record(database, replace(GAP, at=T0 + MINUTE, severity=severity)) is told
    assert len(pending(database)) == told


def test_resolved_it_is_told_and_may_fire_anew(database: Database) -> None:
    record(database, GAP)
    deliver(database, *pending(database))
    assert record(database, OVER)
    assert firing(database) == ()
    (alert,) = pending(database)
    assert (alert.notice, alert.first_at, alert.is_firing) == (OVER, T0, False)
    deliver(database, alert)
    anew = replace(GAP, at=T0 + 2 * HOUR)
    assert record(database, anew)
    assert firing(database) == (anew,)
    with database.reading() as session:
        lives = notices.read_alerts(session, ACCOUNT, since=T0)
        kinds = notices.read_alerts(session, ACCOUNT, since=T0, kinds=["idle.warn"])
    assert [alert.first_at for alert in lives] == [T0, T0 + 2 * HOUR]
    assert kinds == ()


def test_resolved_twice_or_never_fired_it_is_no_news(database: Database) -> None:
    assert not record(database, OVER)
    record(database, GAP)
    record(database, OVER)
    assert not record(database, OVER)
    assert len(pending(database)) == 1


def test_delivery_of_what_has_news_since_does_not_count(database: Database) -> None:
    record(database, GAP)
    (before,) = pending(database)
    record(database, OVER)
    assert not deliver(database, before)
    (after,) = pending(database)
    assert after.notice == OVER
    assert deliver(database, after)


def test_older_news_of_what_fires_is_dropped(database: Database) -> None:
    record(database, replace(GAP, at=T0 + HOUR))
    assert not record(database, GAP)
    assert firing(database) == (replace(GAP, at=T0 + HOUR),)


def test_accounts_and_keys_stand_apart(database: Database) -> None:
    other = AccountId("other")
    assert record(database, GAP)
    assert record(database, replace(GAP, key="meter.gap/2"))
    assert record(database, replace(GAP, account=other))
    assert len(pending(database)) == 2
    with database.reading() as session:
        assert len(notices.read_firing(session, other)) == 1


@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_notices_are_read_back_as_they_were_written(
    database: Database, data: st.DataObject
) -> None:
    drawn = data.draw(
        st.builds(
            Notice,
            account=st.just(ACCOUNT),
            kind=TEXTS,
            key=TEXTS,
            severity=st.sampled_from(Severity),
            at=WHOLE_MS,
            text=TEXTS,
            uid=st.none() | st.just(uid_of("search")),
            facts=st.dictionaries(TEXTS, TEXTS, max_size=3),
        )
    )
    with undone(database) as session:
        notices.record(session, drawn)
        read = notices.pending(session, ACCOUNT)
    assert tuple(alert.notice for alert in read) == (drawn,)
