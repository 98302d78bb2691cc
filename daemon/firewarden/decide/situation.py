"""Everything one cycle knows of one account, as one value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from firewarden.decide.attribution import Attributions
from firewarden.decide.caps import Caps
from firewarden.decide.deeds import Deeds
from firewarden.metering.margins import Margin
from firewarden.model.activity import QuietEvidence
from firewarden.model.deployment import Deployment, Surroundings
from firewarden.model.fleet import Fleet
from firewarden.model.ids import Uid
from firewarden.model.price import Price
from firewarden.model.vocabulary import Mode

COMPLETE_CYCLES = 2
"""Complete listings that must have been seen before anything is due."""

SURROUNDINGS_FRESH = timedelta(hours=2)
"""Older surroundings are unknown: they are read hourly."""


class Evidence(Protocol):
    """Signs of use, as the stored scrapes prove them."""

    def look(self, uid: Uid, *, now: datetime) -> QuietEvidence:
        """Tell what is proven about the use of *uid*; unknown where nothing is stored."""
        ...

    def coverage(self, uid: Uid, *, since: datetime, until: datetime, every: timedelta) -> float:
        """Tell which share (0 to 1) of the scrapes expected in the window said something."""
        ...


class Ages(Protocol):
    """Since when a deployment is what it is, as the ledger knows; None: it does not."""

    def first_seen(self, uid: Uid) -> datetime | None:
        """Tell when the ledger met it."""
        ...

    def ready_since(self, uid: Uid) -> datetime | None:
        """Tell since when at least one replica is ready; first sight where it was so then."""
        ...

    def at_zero_since(self, uid: Uid) -> datetime | None:
        """Tell since when no replica is ready or starting, the latest it can have been."""
        ...

    def starting_since(self, uid: Uid) -> datetime | None:
        """Tell since when a replica is starting without a pause, the latest it can be."""
        ...

    def state_since(self, uid: Uid) -> datetime | None:
        """Tell since when it has its present state, the latest it can be."""
        ...

    def changed_at(self, uid: Uid) -> datetime | None:
        """Tell when it was last found in another state, starting or at zero otherwise than before.

        None where it was not: that nobody looked for a while is no change.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known of an account at *now*; unknown things are unknown, not empty.

    Attributes:
        surroundings: by full deployment name, as of `surroundings_at`; None: not readable.
            A name that is not in it has nothing leaning on it.
        complete_cycles: complete listings in a row, stored ones included.
        absent: in the ledger, not in this listing, and no read of its own showed it deleted.
        gone: confirmed gone; their incidents close.
        listing_problem: why this listing cannot be believed although it is whole (a read
            of one deployment contradicts it, it is older than one seen before); "" if it can.
        ceiling: no policy goes further than this.
        paused: the kill switch.
        snoozed, kept: what a person asked to be left alone for a while, or protected, each
            with who and until when.
        deeds: what has been done so far.
        brake_released_at: a person has looked at the evidence up to this instant and let
            the evidence brake go.
        attributions: whose the deployments are.
        margin: what is paid for used or not; None: nothing is declared, so what is saved is
            *up to* the price.
        caps: what budgets call for.
    """

    now: datetime
    fleet: Fleet
    evidence: Evidence
    ages: Ages
    surroundings: Mapping[str, Surroundings] | None
    surroundings_at: datetime | None
    prices: Sequence[Price]
    poll_every: timedelta
    metrics_every: timedelta
    complete_cycles: int
    absent: frozenset[Uid] = frozenset()
    gone: frozenset[Uid] = frozenset()
    listing_problem: str = ""
    ceiling: Mode = Mode.OBSERVE
    paused: bool = False
    snoozed: Mapping[Uid, str] = field(default_factory=dict)
    kept: Mapping[Uid, str] = field(default_factory=dict)
    deeds: Deeds = field(default_factory=Deeds)
    brake_released_at: datetime | None = None
    attributions: Attributions = field(default_factory=Attributions)
    margin: Margin | None = None
    caps: Caps = field(default_factory=Caps)

    @property
    def knows_cash(self) -> bool:
        """Is what would be saved cash: declared, and no minimum spend that is paid anyway?"""
        return self.margin is not None and self.margin.is_cash

    def surroundings_of(self, deployment: Deployment) -> Surroundings | None:
        """Find what leans on *deployment*; None: unknown, too old, or read before it was made."""
        if self.surroundings is None or self.surroundings_at is None:
            return None
        if self.now - self.surroundings_at > SURROUNDINGS_FRESH:
            return None
        if deployment.created_at > self.surroundings_at:
            return None
        return self.surroundings.get(deployment.name, _NOTHING)


_NOTHING = Surroundings()
