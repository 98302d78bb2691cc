"""Keeps the ledger from growing for ever: what is too old to be needed goes, a little at a time."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial

import structlog

from firewarden.app.compose import open_database
from firewarden.app.memory import Tools
from firewarden.app.queries import choose_account
from firewarden.app.settings import RetentionSettings, Settings
from firewarden.clock.real import clock_for
from firewarden.model.ids import AccountId
from firewarden.report.pruning import Pruning
from firewarden.store.accounts import read_accounts
from firewarden.store.engine import Database
from firewarden.store.retention import Horizon, Pruned, count_prunable, find_horizon, prune
from firewarden.store.session import Session

log = structlog.get_logger()

Advance = Callable[[str, float], None]
"""Hears what is being removed, and which part of all is done."""

EVERY = timedelta(days=1)


class Retention:
    """Prunes one account once a day; begun anew at each start."""

    def __init__(self, account: AccountId, tools: Tools) -> None:
        """Prune *account* by the settings of *tools*."""
        self._account = account
        self._tools = tools
        self._due_at: datetime | None = None

    async def run(self) -> None:
        """Prune where it is due: each transaction is a short one, and polls go between them."""
        tools, now = self._tools, self._tools.clock.now()
        if self._due_at is not None and now < self._due_at:
            return
        step = partial(prune_once, tools.database, self._account, tools.settings.retention, now)
        pruned = Pruned()
        while (gone := await tools.run_db(step)).total:
            pruned += gone
        self._due_at = now + EVERY
        if pruned.total:
            log.info("ledger.pruned", account=self._account, **pruned.by_kind)


def prune_ledger(
    settings: Settings, account: str | None, advance: Advance, *, dry_run: bool
) -> tuple[Pruning, ...]:
    """Remove what is too old of *account*, or of all; *dry_run*: only count it.

    Raises:
        UnknownAccount: the ledger holds no such account.
        FileUnusable, StoreUnavailable, SchemaTooOld, SchemaTooNew: see `Database.open`.
    """
    now = clock_for(speed=settings.time_speed, origin=settings.time_origin).now()
    with closing(open_database(settings, upgrade=False)) as database:
        with database.reading() as session:
            known = read_accounts(session)
        chosen = known if account is None else (choose_account(known, account),)
        found = tuple(_would_prune(database, each, settings.retention, now) for each in chosen)
        if not dry_run:
            _prune_all(database, found, settings.retention, now, advance)
    return found


def _prune_all(
    database: Database,
    found: Sequence[Pruning],
    keep: RetentionSettings,
    now: datetime,
    advance: Advance,
) -> None:
    total, done = sum(each.total for each in found), 0
    for each in found:
        while gone := prune_once(database, each.account, keep, now).total:
            done += gone
            advance(f"pruning {each.account}", done / max(total, done))


def prune_once(
    database: Database, account: AccountId, keep: RetentionSettings, now: datetime
) -> Pruned:
    """Remove a bounded number of rows that are too old; none are left where none went."""
    with database.writing() as session:
        horizon = _horizon(session, account, keep, now)
        return prune(session, account, horizon) if horizon else Pruned()


def _would_prune(
    database: Database, account: AccountId, keep: RetentionSettings, now: datetime
) -> Pruning:
    with database.reading() as session:
        horizon = _horizon(session, account, keep, now)
        pruned = count_prunable(session, account, horizon) if horizon else Pruned()
    return Pruning(
        account=account,
        evidence_since=horizon.evidence if horizon else None,
        messages_since=horizon.letters if horizon else None,
        counts=pruned.by_kind,
    )


def _horizon(
    session: Session, account: AccountId, keep: RetentionSettings, now: datetime
) -> Horizon | None:
    return find_horizon(session, account, evidence=now - keep.evidence, letters=now - keep.messages)
