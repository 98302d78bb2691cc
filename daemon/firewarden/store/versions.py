"""Since when each budget is written as it is: an edit begins a new version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select

from firewarden.model.ids import AccountId
from firewarden.store.instants import from_ms, to_ms
from firewarden.store.names import account_key, insert_new, run
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, BudgetVersionRow, table

ACCOUNT: Final = table(AccountRow)
VERSION: Final = table(BudgetVersionRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One budget as it was first seen *since*."""

    budget_hash: str
    since: datetime


def read_versions(session: Session, account: AccountId) -> dict[str, Version]:
    """Read the newest version of every budget that acts, by its name."""
    newest = (
        select(VERSION.c.name, func.max(VERSION.c.since).label("since"))
        .join(ACCOUNT, ACCOUNT.c.id == VERSION.c.account_id)
        .where(ACCOUNT.c.name == account)
        .group_by(VERSION.c.name)
        .subquery()
    )
    statement = (
        select(VERSION.c.name, VERSION.c.budget_hash, VERSION.c.since)
        .join(ACCOUNT, ACCOUNT.c.id == VERSION.c.account_id)
        .join(newest, (newest.c.name == VERSION.c.name) & (newest.c.since == VERSION.c.since))
        .where(ACCOUNT.c.name == account)
    )
    return {
        row["name"]: Version(budget_hash=row["budget_hash"], since=from_ms(row["since"]))
        for row in run(session, statement).mappings()
    }


def write_versions(
    session: Session, account: AccountId, hashes: Mapping[str, str], *, at: datetime
) -> None:
    """Note that the budgets named in *hashes* are written so, if that is any news."""
    known = read_versions(session, account)
    news = {
        name: budget_hash
        for name, budget_hash in hashes.items()
        if name not in known or known[name].budget_hash != budget_hash
    }
    if not news:
        return
    number, since = account_key(session, account), to_ms(at)
    rows = [
        {"account_id": number, "name": name, "since": since, "budget_hash": budget_hash}
        for name, budget_hash in news.items()
    ]
    insert_new(session, VERSION, rows)
