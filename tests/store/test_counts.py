"""What was done and told is counted by what became of it."""

from datetime import timedelta

from firewarden.model.action import Outcome
from firewarden.model.delivery import Destination, Receipt, Way
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity, Verb
from firewarden.store import intents, ledger, notices, outbox
from firewarden.store.claiming import claim_next
from firewarden.store.counts import count_actions, count_letters
from firewarden.store.engine import Database
from tests.store.test_intents import intent
from tests.store.values import ACCOUNT, HOUR, T0, met

COSTS = Destination(way=Way.SLACK, address="gpu-costs")
ADA = Destination(way=Way.SLACK_DM, address="ada@acme.example")
BOB = Destination(way=Way.SLACK_DM, address="bob@acme.example")
OTHER = AccountId("globex")


def test_actions_are_counted_by_verb_and_outcome_once_they_are_concluded(
    database: Database,
) -> None:
    outcomes = [Outcome.APPLIED, Outcome.APPLIED, Outcome.REFUSED, None]
    with database.writing() as session:
        names = [f"exp-{number}" for number in range(len(outcomes))]
        ledger.write_change(session, ACCOUNT, met(*names), at=T0)
        for name, outcome in zip(names, outcomes, strict=True):
            number = intents.claim(session, intent(name, opened_at=None))
            assert number is not None
            if outcome is not None:
                intents.finish(session, number, outcome, detail="", at=T0 + HOUR)

    with database.reading() as session:
        found = count_actions(session, ACCOUNT)
        assert count_actions(session, OTHER) == {}

    verb = Verb.SCALE_TO_ZERO.value
    assert found == {(verb, "applied"): 2, (verb, "refused"): 1}


def test_messages_are_counted_by_route_and_result_without_the_names_of_people(
    database: Database,
) -> None:
    told = Notice(
        account=ACCOUNT, kind="idle.warn", key="k", severity=Severity.WARN, at=T0, text="idle"
    )
    with database.writing() as session:
        notices.record(session, told, [COSTS, ADA, BOB])
    for _ in range(3):
        with database.writing() as session:
            letter = claim_next(session, ACCOUNT, now=T0)
            assert letter is not None
            if letter.destination == COSTS:
                outbox.bury(session, letter, "channel_not_found", now=T0)
            else:
                receipt = Receipt(at=T0 + timedelta(seconds=1))
                outbox.mark_sent(session, letter, receipt, now=T0)

    with database.reading() as session:
        found = count_letters(session, ACCOUNT)
        assert count_letters(session, OTHER) == {}

    assert found == {("slack:gpu-costs", "failed"): 1, ("slack_dm", "sent"): 2}
