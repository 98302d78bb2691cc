"""Opens the ledger for the commands that only read it: no key, no call, daemon or not."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from firewarden.app.compose import open_database
from firewarden.app.settings import Settings
from firewarden.clock.real import clock_for
from firewarden.errors import UnknownAccount
from firewarden.metering.rates import RATE_CARD
from firewarden.model.ids import AccountId
from firewarden.model.price import Price
from firewarden.store.accounts import read_accounts
from firewarden.store.engine import Database
from firewarden.store.prices import read_prices
from firewarden.store.session import Session

COMPLETE_WITHIN = 3
"""Poll intervals after which the newest complete poll is too old to speak of now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """One account's ledger, one unchanging state of it, as of *now*."""

    settings: Settings
    session: Session
    account: AccountId
    timezone: str
    now: datetime

    @property
    def prices(self) -> tuple[Price, ...]:
        """Every price there is for the account; `price_at` picks among them."""
        stored = read_prices(self.session, self.account)
        return (*self.settings.prices, *stored, *RATE_CARD)

    @property
    def fresh_for(self) -> timedelta:
        """How old the newest complete poll may be for a figure to be complete."""
        return COMPLETE_WITHIN * self.settings.poll_every


@contextmanager
def open_ledger(settings: Settings, account: str | None) -> Iterator[Ledger]:
    """Open the ledger of *account*, or of the only one there is; reads only.

    Raises:
        UnknownAccount: it holds no such account, or several and none was chosen.
        FileUnusable, StoreUnavailable, SchemaTooOld, SchemaTooNew: see `Database.open`.
    """
    now = clock_for(speed=settings.time_speed, origin=settings.time_origin).now()
    with (
        closing(open_database(settings, upgrade=False)) as database,
        read_ledger(database, settings, account, now=now) as ledger,
    ):
        yield ledger


def known_accounts(settings: Settings) -> tuple[AccountId, ...]:
    """List the accounts that the ledger of *settings* holds; raises as `open_ledger` does."""
    with closing(open_database(settings, upgrade=False)) as database, database.reading() as session:
        return read_accounts(session)


@contextmanager
def read_ledger(
    database: Database, settings: Settings, account: str | None, *, now: datetime
) -> Iterator[Ledger]:
    """Read one state of an open *database*, as `open_ledger` does."""
    with database.reading() as session:
        chosen = choose_account(read_accounts(session), account or settings.account_id)
        yield Ledger(
            settings=settings,
            session=session,
            account=chosen,
            timezone=_timezone(settings, chosen),
            now=now,
        )


def choose_account(known: tuple[AccountId, ...], wanted: str | None) -> AccountId:
    """Find *wanted* among the *known*, or the only one.

    Raises:
        UnknownAccount: there is none, or several and none was wanted.
    """
    match known:
        case ():
            raise UnknownAccount(
                "the ledger holds no account yet", mend="let `firewarden run` observe one first"
            )
        case (only,) if wanted is None:
            return only
    for account in known:
        if account == wanted:
            return account
    if wanted is None:
        raise UnknownAccount(
            f"the ledger holds {len(known)} accounts: {', '.join(known)}",
            where="--account",
            mend="choose one",
        )
    raise UnknownAccount(
        f"the ledger holds no account {wanted!r}",
        where="--account",
        mend=f"choose from: {', '.join(known)}",
    )


def _timezone(settings: Settings, account: AccountId) -> str:
    own = (each.timezone for each in settings.accounts if each.id == account)
    return next(own, None) or settings.timezone
