"""What a running daemon holds of one account; all of it can be read back from the database."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from firewarden.app.alarms import Alarms
from firewarden.app.compose import Account, ignore
from firewarden.app.lease import Terms
from firewarden.app.ownership import Ownership
from firewarden.app.secrets import Secret
from firewarden.app.settings import Settings
from firewarden.app.situation import evidence_reach, margin_of, read_deeds, read_docket
from firewarden.app.words import Words
from firewarden.decide.attribution import Attributions
from firewarden.decide.deeds import Deeds, Release
from firewarden.decide.docket import Docket
from firewarden.decide.incidents import Steps
from firewarden.decide.limits import is_real
from firewarden.decide.orders import Order
from firewarden.decide.protections import REQUEST_WITHIN
from firewarden.decide.situation import Situation
from firewarden.decide.standing import Tended
from firewarden.metering.rates import RATE_CARD
from firewarden.model.action import Released
from firewarden.model.attributes import Attributes
from firewarden.model.commitment import Commitment
from firewarden.model.deployment import Surroundings
from firewarden.model.ids import Uid
from firewarden.model.notice import Notice
from firewarden.model.price import Price
from firewarden.model.verdict import Incident, IncidentState
from firewarden.notify.slack.answers import Door
from firewarden.observe.watch import AccountWatch, Seen
from firewarden.policy.rules import EFFECTS, PolicySet
from firewarden.ports import Clock, Crash, RunDb
from firewarden.store.attributes import read_attributes
from firewarden.store.descriptions import read_descriptions
from firewarden.store.engine import Database
from firewarden.store.history import read_last_used, read_remembered
from firewarden.store.notices import read_firing
from firewarden.store.prices import read_prices
from firewarden.store.runner import Inline


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every part of the daemon works with.

    ``aside`` runs what takes long and needs no database.
    """

    settings: Settings
    clock: Clock
    wall: Clock
    rng: random.Random
    database: Database
    run_db: RunDb
    crash: Crash
    lease: Terms = field(default_factory=Terms)
    aside: RunDb = field(default_factory=Inline)
    slack: Door | None = None
    follow: Callable[[Secret], None] = ignore


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one cycle has made of what it saw; empty where nothing could be judged.

    ``owned``: whose deployments are, where the ledger does not say so yet.
    """

    situation: Situation | None = None
    steps: Steps | None = None
    tended: Tended = field(default_factory=Tended)
    owned: Mapping[Uid, Attributes] = field(default_factory=dict)

    @property
    def changed(self) -> tuple[Incident, ...]:
        """Incidents in their new state."""
        return self.steps.changed if self.steps else ()

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What to tell."""
        of_budgets = self.situation.caps.notices if self.situation else ()
        return (*of_budgets, *(self.steps.notices if self.steps else ()), *self.tended.notices)

    @property
    def releases(self) -> tuple[Release, ...]:
        """Changes of ours that stand no longer."""
        return self.tended.releases

    @property
    def rehearsed(self) -> Iterator[Uid]:
        """Deployments whose effect would take place now, if their policies went so far."""
        for incident in self.changed:
            is_over = incident.state is IncidentState.DONE and incident.verb in EFFECTS
            if is_over and not is_real(incident):
                yield incident.uid

    @property
    def said_to_be_changed(self) -> Iterator[Uid]:
        """Deployments whose bounds, the listing says, are not those that we set."""
        for each in self.releases:
            if self.situation is not None and each.why is not Released.GONE:
                yield self.situation.deeds.intents[each.action_id].uid


@dataclass(slots=True, kw_only=True)
class Memory:
    """What is in memory of an account and can be read back from the database.

    Attributes:
        words: what people have said, as of this cycle.
        judged: the situation that was judged last; None before the first.
        due: incidents whose effect is to be carried out, as of the last cycle.
        owed: what else is to be done: bounds to put back, what people asked for.
        scraped_at: when the newest whole scrape was asked for.
    """

    watch: AccountWatch
    alarms: Alarms
    docket: Docket
    deeds: Deeds
    surroundings: Mapping[str, Surroundings] | None
    surroundings_at: datetime | None
    prices: tuple[Price, ...]
    ownership: Ownership
    commitments: tuple[Commitment, ...] | None = None
    words: Words = field(default_factory=Words)
    judged: Situation | None = None
    due: tuple[Incident, ...] = ()
    owed: tuple[Order, ...] = ()
    scraped_at: datetime | None = None

    def take_in(self, found: Found) -> None:
        """Follow what was committed of *found*."""
        if found.steps is None or found.situation is None:
            return
        self.ownership.take_in(found.owned)
        self.docket, self.judged = found.steps.docket, found.situation
        self.due, self.owed = found.steps.due, found.tended.orders
        if found.releases:
            self.deeds = self.deeds.without(found.releases, at=found.situation.now)

    @property
    def has_work(self) -> bool:
        """Is anything to be carried out, or to be settled?"""
        return bool(self.due or self.owed or self.deeds.unsettled())

    def leave_only_what_is_asked(self) -> None:
        """Forget what policies call for; what people ask for is still to be done."""
        self.due = ()
        self.owed = tuple(order for order in self.owed if order.request_id is not None)

    def situation(self, seen: Seen, tools: Tools) -> Situation | None:
        """Say what is known after *seen*; None where nothing can be judged yet."""
        fleet = seen.fleet
        if fleet is None and self.watch.fleet is not None:
            problem = seen.poll.problem or "the listing failed"
            fleet = replace(self.watch.fleet, complete=False, problem=problem)
        if fleet is None:
            return None
        ledger, now = self.watch.ledger, tools.clock.now()
        situation = Situation(
            now=now,
            fleet=fleet,
            evidence=self.watch.book,
            ages=ledger,
            surroundings=_laid_over(self.surroundings, self.watch.around),
            surroundings_at=self.surroundings_at,
            prices=self.prices,
            poll_every=tools.settings.poll_every,
            metrics_every=tools.settings.metrics_every,
            complete_cycles=self.watch.streak.after(seen.poll).count,
            absent=frozenset(ledger.unexplained),
            gone=frozenset(uid for uid, _ in self.docket.opened if ledger.first_seen(uid) is None),
            ceiling=tools.settings.mode,
            deeds=self.deeds,
            attributions=self.ownership.attributions,
            margin=margin_of(fleet, self.commitments, now=now),
        )
        return self.words.over(situation)


def read_memory(account: Account, policies: PolicySet, tools: Tools) -> Memory:
    """Read all that is known of *account*; runs where the database may be used."""
    name, settings = account.account, tools.settings
    since = tools.clock.now() - evidence_reach(policies)
    with tools.database.reading() as session:
        remembered = replace(
            read_remembered(session, name, since=since),
            used_at=read_last_used(session, name, since=tools.clock.now() - REQUEST_WITHIN),
        )
        described = read_descriptions(session, name)
        firing = read_firing(session, name)
        docket = read_docket(session, name, now=tools.clock.now())
        deeds = read_deeds(session, name, now=tools.clock.now())
        prices = read_prices(session, name)
        attributes = read_attributes(session, name)
    return Memory(
        watch=AccountWatch(
            account.provider,
            remembered,
            clock=tools.clock,
            crash=tools.crash,
            poll_every=settings.poll_every,
            absent_is_quiet=settings.metrics.absent_series == "quiet",
        ),
        alarms=Alarms(name, clock=tools.clock, firing=(alert.notice for alert in firing)),
        docket=docket,
        deeds=deeds,
        surroundings=described.surroundings,
        surroundings_at=described.surroundings_at,
        prices=all_prices(settings, prices),
        ownership=Ownership(Attributions(policies.attribution), attributes),
        commitments=policies.commitments,
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
