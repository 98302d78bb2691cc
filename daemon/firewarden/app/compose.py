"""Where the parts are put together: the one place that chooses real or simulated seams."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from firewarden.app.lease import Terms
from firewarden.app.policy_files import read_policy_files
from firewarden.app.secrets import Secret
from firewarden.app.settings import Settings, Watched
from firewarden.app.ticker import SchedulerTicker
from firewarden.clock.real import WallClock, clock_for
from firewarden.errors import UnknownAccount
from firewarden.model.ids import AccountId
from firewarden.notify.slack.answers import Door
from firewarden.policy.loading import load
from firewarden.policy.rules import PolicySet
from firewarden.ports import Clock, Controls, Crash, CrashPoint, Provider, RunDb, Ticker
from firewarden.providers.fireworks import FireworksDoor
from firewarden.store.engine import Database
from firewarden.store.runner import DbThread


def _carry_on(_point: CrashPoint) -> None:
    """Do nothing: in production nobody is killed at a crash point."""


def ignore(_secret: Secret) -> None:
    """Do nothing: where nothing is logged, nothing has to be kept out of it."""


def _open_thread() -> RunDb:
    return DbThread()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """Everything that is not deterministic, and nothing else.

    Attributes:
        wall: time that is never compressed, for limits on the world.
        ticker: what rings the bells of the roles.
        transport: None means the real network.
        run_db: makes the runner that database work goes through.
        crash: called at each named crash point.
        lease: how long an account stays ours unrenewed, and who we say we are.
        slack: another way to Slack than its own address; None: that, where there is a token.
        follow: told each secret that policy files lead to, so that no log shows it.
    """

    clock: Clock
    wall: Clock
    rng: random.Random
    ticker: Ticker
    transport: httpx.AsyncBaseTransport | None = None
    run_db: Callable[[], RunDb] = _open_thread
    crash: Crash = _carry_on
    lease: Terms = field(default_factory=Terms)
    slack: Door | None = None
    follow: Callable[[Secret], None] = ignore


def production_seams(settings: Settings) -> Seams:
    """Give the real world, its time compressed where the settings say so."""
    clock = clock_for(speed=settings.time_speed, origin=settings.time_origin)
    return Seams(
        clock=clock,
        wall=WallClock(),
        rng=random.SystemRandom(),
        ticker=SchedulerTicker(speed=settings.time_speed),
    )


def open_database(settings: Settings, *, upgrade: bool) -> Database:
    """Open the ledger that *settings* name; see `Database.open` for what is raised."""
    return Database.open(settings.database_url.reveal(), upgrade=upgrade)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account that is looked after, with the way to it."""

    account: AccountId
    provider: Provider
    controls: Controls
    timezone: str
    policies: Path


@asynccontextmanager
async def open_accounts(
    settings: Settings, seams: Seams, *, only: str | None = None
) -> AsyncIterator[tuple[Account, ...]]:
    """Open the way to every account of *settings*, or to *only* one of them.

    Raises:
        SettingsError: an account has no key.
        KeyRefused, AccountSuspended, ProviderError: the provider's answer at the door.
        UnknownAccount: a key sees no such account, or several where none was chosen.
    """
    async with AsyncExitStack() as stack:
        accounts = []
        for watched in settings.watched:
            door = FireworksDoor(
                base_url=settings.base_url,
                api_key=watched.api_key.reveal,
                clock=seams.clock,
                rng=seams.rng,
                transport=seams.transport,
            )
            stack.push_async_callback(door.aclose)
            wanted = watched.account_id or only
            account = AccountId(wanted) if wanted else await _find_account(door)
            accounts.append(_account(door, account, watched))
        if only is not None:
            accounts = [one for one in accounts if one.account == only]
            if not accounts:
                raise UnknownAccount(f"no account {only} in the settings", where="--account")
        yield tuple(accounts)


async def _find_account(door: FireworksDoor) -> AccountId:
    """Ask which account the key is for."""
    seen = sorted(facts.account for facts in await door.accounts())
    if not seen:
        raise UnknownAccount(
            "the key sees no account", where="FIREWORKS_API_KEY", mend="use another key"
        )
    if len(seen) > 1:
        raise UnknownAccount(
            f"the key sees {len(seen)} accounts: {', '.join(seen)}",
            where="FIREWORKS_ACCOUNT_ID",
            mend="set it to one of them, or list [[accounts]] in firewarden.toml",
        )
    return seen[0]


def _account(door: FireworksDoor, account: AccountId, watched: Watched) -> Account:
    return Account(
        account=account,
        provider=door.account(account),
        controls=door.controls(account, api_key=watched.write_api_key.reveal),
        timezone=watched.timezone,
        policies=watched.policies,
    )


def load_policies(path: Path) -> PolicySet:
    """Read the policy file or folder at *path*.

    Raises:
        FileUnusable: it is not there, cannot be read, or everybody may write to it.
        PolicyError: the files cannot be used as written; it holds every finding.
    """
    return load(read_policy_files([path]))
