"""What a cycle knows of an account: from the memory of a running daemon, or from the database."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from firewarden.app.settings import Settings
from firewarden.decide.attribution import Attributions
from firewarden.decide.deeds import REMEMBERED, Deeds
from firewarden.decide.docket import DAY, Docket
from firewarden.decide.protections import REQUEST_WITHIN
from firewarden.decide.situation import Situation
from firewarden.metering.evidence import EvidenceBook
from firewarden.metering.fold import Ledger
from firewarden.metering.margins import Margin
from firewarden.metering.rates import RATE_CARD
from firewarden.model.commitment import Commitment
from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Fleet
from firewarden.model.ids import AccountId, Uid
from firewarden.model.usage import Poll, Remembered
from firewarden.model.verdict import IncidentState
from firewarden.observe.streak import Streak
from firewarden.policy.rules import PolicySet
from firewarden.policy.schema import When
from firewarden.store.descriptions import Described, read_descriptions
from firewarden.store.history import newest_poll, read_last_used, read_remembered
from firewarden.store.incidents import read_closed, read_last_done, read_open
from firewarden.store.intents import read_recent
from firewarden.store.prices import read_prices
from firewarden.store.session import Session

FAILED_WITHIN = timedelta(days=30)
"""How far back incidents that came to nothing are read: longer than any of them rests."""

EVIDENCE_AT_LEAST = timedelta(days=2)
"""How far back scrapes are read, unless a policy looks back further."""


NOTHING_REMEMBERED = Remembered(
    known=(), open_segments=(), runs=(), scrapes=(), last_poll=None, polls=()
)


def evidence_reach(policies: PolicySet) -> timedelta:
    """How far back *policies* look at evidence of use, twice over, so that holes show."""
    spans = (span for policy in policies.policies for span in _spans(policy.when))
    return max([EVIDENCE_AT_LEAST, *(2 * span for span in spans)])


def _spans(when: When) -> Iterator[timedelta]:
    yield from (span for span in (when.idle_for, when.quiet_for) if span is not None)
    for part in (*(when.any_ or ()), *([when.not_] if when.not_ else ())):
        yield from _spans(part)


def read_docket(session: Session, account: AccountId, *, now: datetime) -> Docket:
    """Read the incidents that a cycle at *now* has to know of."""
    last_done = read_last_done(session, account, since=now - DAY)
    closed = read_closed(session, account, since=now - FAILED_WITHIN)
    failed = (each for each in closed if each.state is IncidentState.FAILED)
    return Docket.of([*read_open(session, account), *last_done, *failed])


def read_deeds(session: Session, account: AccountId, *, now: datetime) -> Deeds:
    """Read what was done, as far as a cycle at *now* depends on it."""
    return Deeds.of(read_recent(session, account, since=now - REMEMBERED))


def load_situation(
    session: Session,
    account: AccountId,
    *,
    settings: Settings,
    policies: PolicySet,
    now: datetime,
    bare: bool = False,
) -> Situation:
    """Rebuild from the database what a daemon knew of *account* after its newest poll.

    The fleet holds the newest description of every deployment in that poll, dated as it.
    *bare*: evidence is read of those alone whose protection rests on it; it is no ground
    for anything else, and what is absent is not told apart.
    """
    described = read_descriptions(session, account)
    defaults = _defaults(described)
    if bare and not defaults:
        remembered = NOTHING_REMEMBERED
    else:
        since = now - evidence_reach(policies)
        remembered = read_remembered(session, account, since=since, uids=defaults if bare else None)
    ledger = Ledger(remembered, poll_every=settings.poll_every)
    out_of_sight = [each for each in remembered.open_segments if each.confirmed_at is not None]
    absent = frozenset(each.uid for each in out_of_sight if not each.is_deleted)
    deleted = {each.uid for each in remembered.open_segments if each.is_deleted}
    listed = {known.uid for known in remembered.known} - absent - deleted
    deployments = {uid: one for uid, one in described.deployments.items() if bare or uid in listed}
    fleet = _fleet(account, newest_poll(session, account, complete=False), deployments, now=now)
    return Situation(
        now=now,
        fleet=fleet,
        evidence=EvidenceBook(
            remembered.runs,
            remembered.scrapes,
            used_at=read_last_used(session, account, since=now - REQUEST_WITHIN, uids=defaults),
            absent_is_quiet=settings.metrics.absent_series == "quiet",
        ),
        ages=ledger,
        surroundings=described.surroundings,
        surroundings_at=described.surroundings_at,
        prices=(*settings.prices, *read_prices(session, account), *RATE_CARD),
        poll_every=settings.poll_every,
        metrics_every=settings.metrics_every,
        absent=absent,
        complete_cycles=Streak.of(remembered.polls, every=settings.poll_every).count,
        ceiling=settings.mode,
        deeds=read_deeds(session, account, now=now),
        attributions=Attributions(policies.attribution),
        margin=margin_of(fleet, policies.commitments, now=now),
    )


def _defaults(described: Described) -> frozenset[Uid]:
    """Name the defaults of their models: what protects them is when they were last in use."""
    around = described.surroundings or {}
    return frozenset(
        one.uid
        for one in described.deployments.values()
        if (its := around.get(one.name)) and its.default_models
    )


def margin_of(
    fleet: Fleet, commitments: Sequence[Commitment] | None, *, now: datetime
) -> Margin | None:
    """Say what of *fleet* is paid for used or not; None where nobody has said."""
    if commitments is None:
        return None
    return Margin.of(fleet.deployments.values(), commitments, at=now)


def _fleet(
    account: AccountId,
    newest: Poll | None,
    deployments: Mapping[Uid, Deployment],
    *,
    now: datetime,
) -> Fleet:
    """Date what is known by the newest poll; the judge finds it stale by itself."""
    if newest is None:
        return Fleet(
            account=account,
            asked_at=now,
            answered_at=now,
            complete=False,
            problem=f"{account} has not been polled yet",
            deployments=deployments,
        )
    return Fleet(
        account=account,
        asked_at=newest.asked_at,
        answered_at=newest.answered_at,
        complete=newest.complete,
        problem=newest.problem,
        deployments=deployments,
    )
