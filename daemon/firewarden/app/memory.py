"""What a running daemon holds of one account; all of it can be read back from the database."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firewarden.app.alarms import Alarms
from firewarden.app.compose import Account
from firewarden.app.settings import Settings
from firewarden.app.situation import evidence_reach, read_docket
from firewarden.decide.docket import Docket
from firewarden.decide.situation import Situation
from firewarden.metering.rates import RATE_CARD
from firewarden.model.deployment import Surroundings
from firewarden.model.price import Price
from firewarden.observe.watch import AccountWatch, Seen
from firewarden.policy.rules import PolicySet
from firewarden.ports import Clock, Crash, RunDb
from firewarden.store.descriptions import read_descriptions
from firewarden.store.engine import Database
from firewarden.store.history import read_remembered
from firewarden.store.notices import read_firing
from firewarden.store.prices import read_prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every part of the daemon works with."""

    settings: Settings
    clock: Clock
    rng: random.Random
    database: Database
    run_db: RunDb
    crash: Crash


@dataclass(slots=True, kw_only=True)
class Memory:
    """What is in memory of an account and can be read back from the database."""

    watch: AccountWatch
    alarms: Alarms
    docket: Docket
    surroundings: Mapping[str, Surroundings] | None
    surroundings_at: datetime | None
    prices: tuple[Price, ...]

    def situation(self, seen: Seen, tools: Tools) -> Situation | None:
        """Say what is known after *seen*; None where nothing can be judged yet."""
        fleet = seen.fleet
        if fleet is None and self.watch.fleet is not None:
            problem = seen.poll.problem or "the listing failed"
            fleet = replace(self.watch.fleet, complete=False, problem=problem)
        if fleet is None:
            return None
        ledger = self.watch.ledger
        return Situation(
            now=tools.clock.now(),
            fleet=fleet,
            evidence=self.watch.book,
            ages=ledger,
            surroundings=_laid_over(self.surroundings, self.watch.around),
            surroundings_at=self.surroundings_at,
            prices=self.prices,
            poll_every=tools.settings.poll_every,
            metrics_every=tools.settings.metrics_every,
            complete_cycles=self.watch.streak.after(seen.poll).count,
            absent=frozenset(ledger.missing),
            gone=frozenset(uid for uid, _ in self.docket.opened if ledger.first_seen(uid) is None),
            ceiling=tools.settings.mode,
        )


def read_memory(account: Account, policies: PolicySet, tools: Tools) -> Memory:
    """Read all that is known of *account*; runs where the database may be used."""
    name, settings = account.account, tools.settings
    since = tools.clock.now() - evidence_reach(policies)
    with tools.database.reading() as session:
        remembered = read_remembered(session, name, since=since)
        described = read_descriptions(session, name)
        firing = read_firing(session, name)
        docket = read_docket(session, name, now=tools.clock.now())
        prices = read_prices(session, name)
    return Memory(
        watch=AccountWatch(
            account.provider,
            remembered,
            clock=tools.clock,
            crash=tools.crash,
            poll_every=settings.poll_every,
            absent_is_quiet=settings.metrics.absent_series == "quiet",
        ),
        alarms=Alarms(name, clock=tools.clock, firing=(alert.notice.key for alert in firing)),
        docket=docket,
        surroundings=described.surroundings,
        surroundings_at=described.surroundings_at,
        prices=all_prices(settings, prices),
    )


def all_prices(settings: Settings, of_account: Sequence[Price]) -> tuple[Price, ...]:
    """Join every source of prices; `price_at` picks among them."""
    return (*settings.prices, *of_account, *RATE_CARD)


def _laid_over(
    surroundings: Mapping[str, Surroundings] | None,
    newer: Mapping[str, Surroundings | None],
) -> Mapping[str, Surroundings] | None:
    """Put what single reads found over the last reading of all; one unknown makes all unknown."""
    if surroundings is None or not newer:
        return surroundings
    known = {name: one for name, one in newer.items() if one is not None}
    return None if len(known) < len(newer) else {**surroundings, **known}
