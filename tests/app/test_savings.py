"""What was saved is measured first, settled by its bill, and never more than the bill leaves."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from firewarden.app.queries import Ledger
from firewarden.app.savings import read_savings
from firewarden.app.settings import Settings, load_settings
from firewarden.app.trueup import due_days, open_books, true_up
from firewarden.errors import UserError
from firewarden.metering.ours import Ending
from firewarden.model.action import Bounds, Effect, Intent, Outcome
from firewarden.model.ids import PolicyName, make_uid
from firewarden.model.usage import BilledDay, Bracket, Evidence, LedgerChange, Poll, Segment
from firewarden.model.vocabulary import Mode, Verb
from firewarden.report.encode import to_json
from firewarden.report.savings import SavingsReport, SavingState, savings_json, savings_view
from firewarden.store import intents
from firewarden.store.bill import record_bill
from firewarden.store.engine import Database
from firewarden.store.ledger import write_change, write_poll
from firewarden.store.session import Session
from firewarden.store.trueup import record_answers
from tests.support.holding import ACME, CHAT, H100, held_since

HOUR = timedelta(hours=1)
BEGAN = datetime(2026, 11, 1, 12, tzinfo=UTC)
STOPPED = datetime(2026, 11, 3, 12, tzinfo=UTC)
BACK = datetime(2026, 11, 4, 6, tzinfo=UTC)
NOW = datetime(2026, 11, 9, 12, tzinfo=UTC)
UID = make_uid(f"accounts/{ACME}/deployments/{CHAT}", BEGAN - HOUR)
EIGHTEEN_HOURS = 18 * 2
"""GPU-hours of two GPUs."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "firewarden.toml"
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "all.yaml").write_text("version: 1\ncommitments: none\n", encoding="utf-8")
    file.write_text(f'policies = "{policies}"\n', encoding="utf-8")
    return load_settings(file, {"FIREWORKS_API_KEY": "fw"}, dotenv=None).settings


def ledger_in(session: Session, settings: Settings, now: datetime = NOW) -> Ledger:
    return Ledger(settings=settings, session=session, account=ACME, timezone="UTC", now=now)


def live(database: Database) -> None:
    """Hold two GPUs, stop them on the third, and let a request bring them back on the fourth."""
    held = held_since(BEGAN).opened[0]
    seen = [Bracket(lo=at, hi=at) for at in (STOPPED, BACK)]
    away: Segment = replace(
        held, ready=0, floor=0, started=seen[0], start_evidence=Evidence.READ,
        ended=seen[1], end_evidence=Evidence.POLL,
    )  # fmt: skip
    back = replace(held, started=seen[1], start_evidence=Evidence.POLL)
    ended = replace(held, ended=seen[0], end_evidence=Evidence.READ)
    with database.writing() as session:
        for at in (BEGAN, NOW):
            poll = Poll(account=ACME, asked_at=at, answered_at=at, ok=True, complete=True, count=1)
            write_poll(session, poll)
        write_change(session, ACME, held_since(BEGAN), at=BEGAN)
        write_change(session, ACME, LedgerChange(closed=(ended, away)), at=BACK)
        write_change(session, ACME, LedgerChange(opened=(back,)), at=BACK)
        number = intents.claim(session, stop())
        assert number is not None
        intents.finish(session, number, Outcome.APPLIED, detail="", at=STOPPED)


def stop() -> Intent:
    return Intent(
        account=ACME, uid=UID, verb=Verb.SCALE_TO_ZERO, policy=PolicyName("idle-to-zero"),
        policy_hash="", mode=Mode.ENFORCE, actor="policy", reason="idle",
        effect=Effect(min_replica_count=0, replica_count=0),
        before=Bounds(min_replica_count=1, max_replica_count=1, desired_replica_count=1),
        planned_at=STOPPED - timedelta(seconds=2), epoch=1,
    )  # fmt: skip


def bill(database: Database, settings: Settings, *, more_seconds: int = 0) -> None:
    """Settle the third and the fourth; of the third *more_seconds* than were metered are billed."""
    used = {date(2026, 11, 3): 2 * 12 * 3600 + more_seconds, date(2026, 11, 4): 2 * 18 * 3600}
    for at in (NOW - 26 * HOUR, NOW - HOUR):
        for day, seconds in used.items():
            row = BilledDay(
                account=ACME, day=day, timezone="UTC", deployment_id=CHAT, accelerator_type=H100,
                gpu_seconds=seconds,
            )  # fmt: skip
            with database.writing() as session:
                revised = record_bill(session, ACME, [row], first=day, last=day, at=at)
                record_answers(session, ACME, [day], changed=revised.days, timezone="UTC", at=at)
    with database.writing() as session:
        ledger = ledger_in(session, settings)
        for day in due_days(ledger):
            true_up(open_books(ledger), day)


def read(
    database: Database, settings: Settings, since: str | None = None, until: str | None = None
) -> SavingsReport:
    with database.reading() as session:
        ledger = ledger_in(session, settings)
        return read_savings(ledger, since=since, until=until, timezone=None)


def totals(report: SavingsReport) -> list[Decimal]:
    return [report.total(state) for state in SavingState]


def shown(view: RenderableType) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(view)
    return captured.get()


def test_a_stop_saves_until_it_comes_back_and_is_measured_first(
    database: Database, settings: Settings
) -> None:
    live(database)

    (saving,) = (report := read(database, settings)).savings

    assert (saving.at, saving.until, saving.ending) == (STOPPED, BACK, Ending.WOKEN)
    assert saving.gpu_ms == saving.low_ms == saving.high_ms == EIGHTEEN_HOURS * 3_600_000
    assert saving.usd_low == saving.usd == saving.usd_high == 288
    assert saving.state is SavingState.MEASURED
    assert totals(report) == [288, 0]
    assert saving.has_returned
    assert not saving.is_regretted


def test_it_is_settled_once_the_bill_of_its_days_is_in(
    database: Database, settings: Settings
) -> None:
    live(database)
    bill(database, settings)

    report = read(database, settings)

    assert totals(report) == [0, 288]


def test_what_the_bill_says_was_used_after_all_is_not_saved(
    database: Database, settings: Settings
) -> None:
    live(database)
    bill(database, settings, more_seconds=3600)

    report = read(database, settings)

    assert report.total(SavingState.SETTLED) == 288 - 8
    assert report.savings[0].gpu_ms == (EIGHTEEN_HOURS - 1) * 3_600_000


def test_a_stretch_counts_what_was_saved_within_it(database: Database, settings: Settings) -> None:
    live(database)

    first = read(database, settings, until="2026-11-04")
    second = read(database, settings, since="2026-11-04", until="2026-11-05")
    later = read(database, settings, since="2026-11-05")

    assert [each.usd for each in first.savings] == [12 * 2 * 8]
    assert [each.usd for each in second.savings] == [6 * 2 * 8]
    assert later.savings == ()


def test_without_a_word_on_commitments_no_amount_is_more_than_up_to(
    database: Database, settings: Settings
) -> None:
    live(database)
    (settings.policies / "all.yaml").write_text("version: 1\n", encoding="utf-8")

    report = read(database, settings)

    assert report.is_up_to
    assert savings_json(report)["basis"] == "up_to"


@pytest.mark.parametrize(
    ("until", "is_up_to"),
    [
        pytest.param("2026-12-01", True, id="it holds"),
        pytest.param("2026-11-01", False, id="it ended before"),
    ],
)
def test_under_a_minimum_spend_no_amount_is_more_than_up_to(
    database: Database, settings: Settings, until: str, *, is_up_to: bool
) -> None:
    live(database)
    minimum = f'{{kind: spend, usd: 500, from: "2026-01-01", to: "{until}"}}'
    file = settings.policies / "all.yaml"
    file.write_text(f"version: 1\ncommitments: [{minimum}]\n", encoding="utf-8")

    assert read(database, settings).is_up_to is is_up_to


def test_programs_get_stable_keys_with_decimal_strings(
    database: Database, settings: Settings
) -> None:
    live(database)

    told = json.loads(to_json(savings_json(read(database, settings))))

    assert list(told) == [
        "account", "from", "to", "complete", "basis", "settled_usd", "measured_usd",
        "projected_usd_per_hour", "policies", "savings",
    ]  # fmt: skip
    assert told["measured_usd"] == "288.00"
    assert told["policies"] == [
        {
            "policy": "idle-to-zero", "stop_count": 1, "returned_count": 1, "regret_count": 0,
            "gpu_seconds": 129600, "settled_usd": "0.00", "measured_usd": "288.00",
        }
    ]  # fmt: skip
    (saving,) = told["savings"]
    assert saving["ended_because"] == "woken"
    assert Decimal(saving["usd_low"]) <= Decimal(saving["usd"]) <= Decimal(saving["usd_high"])


def test_people_see_settled_and_measured_apart(database: Database, settings: Settings) -> None:
    live(database)

    told = shown(savings_view(read(database, settings), each=True))

    assert "0.00 USD settled by the bill, and 288.00 USD measured" in told
    assert "woken" in told
    assert "2×H100" in told


def test_a_month_without_a_stop_says_so(database: Database, settings: Settings) -> None:
    live(database)

    told = shown(savings_view(read(database, settings, since="2026-11-05"), each=True))

    assert "nothing was stopped, so nothing was saved" in told


def test_a_stretch_that_ends_before_it_begins_is_refused(
    database: Database, settings: Settings
) -> None:
    live(database)

    with pytest.raises(UserError, match="ends before it begins"):
        read(database, settings, since="2026-11-05", until="2026-11-04")
