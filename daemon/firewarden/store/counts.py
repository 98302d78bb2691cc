"""How much was done and told since the ledger began: for counters, which must never fall."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from sqlalchemy import func, select

from firewarden.model.action import Outcome
from firewarden.model.delivery import Destination, Way
from firewarden.model.ids import AccountId
from firewarden.store.letters import State
from firewarden.store.names import run
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, IntentRow, OutboxRow, RemovedLettersRow, table

ACCOUNT: Final = table(AccountRow)
INTENT: Final = table(IntentRow)
OUTBOX: Final = table(OutboxRow)
REMOVED: Final = table(RemovedLettersRow)

RESULTS: Final[Mapping[str, str]] = {State.SENT.value: "sent", State.DEAD.value: "failed"}
"""What a letter comes to for whoever waits for it, by the state that does not change any more."""


def count_actions(session: Session, account: AccountId) -> Mapping[tuple[str, str], int]:
    """Count what was called for and is concluded, by verb and outcome."""
    statement = (
        select(INTENT.c.verb, INTENT.c.outcome, func.count().label("count"))
        .join(ACCOUNT, ACCOUNT.c.id == INTENT.c.account_id)
        .where(ACCOUNT.c.name == account, INTENT.c.outcome != Outcome.PLANNED.value)
        .group_by(INTENT.c.verb, INTENT.c.outcome)
    )
    rows = run(session, statement).mappings()
    return {(row["verb"], row["outcome"]): row["count"] for row in rows}


def count_letters(session: Session, account: AccountId) -> Mapping[tuple[str, str], int]:
    """Count what was told or given up, by route and result; of people no names are told.

    Letters that are kept no longer count too.
    """
    kept = (
        select(OUTBOX.c.destination, OUTBOX.c.state, func.count().label("count"))
        .join(ACCOUNT, ACCOUNT.c.id == OUTBOX.c.account_id)
        .where(ACCOUNT.c.name == account, OUTBOX.c.state.in_(RESULTS))
        .group_by(OUTBOX.c.destination, OUTBOX.c.state)
    )
    removed = (
        select(REMOVED.c.destination, REMOVED.c.state, REMOVED.c["count"])
        .join(ACCOUNT, ACCOUNT.c.id == REMOVED.c.account_id)
        .where(ACCOUNT.c.name == account, REMOVED.c.state.in_(RESULTS))
    )
    counts: Counter[tuple[str, str]] = Counter()
    for row in run(session, kept.union_all(removed)).mappings():
        destination = Destination.parse(row["destination"])
        is_person = destination.way is Way.SLACK_DM
        route = destination.way.value if is_person else str(destination)
        counts[route, RESULTS[row["state"]]] += row["count"]
    return counts
