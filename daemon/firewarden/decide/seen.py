"""One deployment in one situation; what is costly to know of it is asked for once."""

from datetime import datetime, timedelta

from firewarden.decide.situation import Situation
from firewarden.decide.worth import burn_micro_usd
from firewarden.metering.margins import pool_of
from firewarden.model.activity import QuietEvidence
from firewarden.model.attributes import Attributes
from firewarden.model.deployment import Deployment
from firewarden.model.ids import Uid

Stretch = tuple[timedelta | None, str, datetime | None]


class Seen:
    """A deployment with its evidence. Two looks in one situation are the same look."""

    __slots__ = ("_burn", "_quiet", "_stretches", "deployment", "now", "situation", "uid")

    def __init__(self, deployment: Deployment, situation: Situation) -> None:
        """Look at *deployment* as of the situation's instant."""
        self.deployment = deployment
        self.situation = situation
        self.now: datetime = situation.now
        self.uid: Uid = deployment.uid
        self._quiet: QuietEvidence | None = None
        self._burn: tuple[int | None] | None = None
        self._stretches: dict[timedelta, Stretch] | None = None

    @property
    def quiet(self) -> QuietEvidence:
        """What the scrapes prove of its use."""
        if self._quiet is None:
            self._quiet = self.situation.evidence.look(self.uid, now=self.now)
        return self._quiet

    @property
    def attributes(self) -> Attributes:
        """Whose it is, and what it is for."""
        return self.situation.attributions.of(self.deployment)

    @property
    def burn_micro_usd(self) -> int | None:
        """Micro-USD an hour it costs now; None: unpriced."""
        if self._burn is None:
            self._burn = (burn_micro_usd(self.deployment, self.situation.prices, now=self.now),)
        return self._burn[0]

    def saved_micro_usd(self, gpus: int) -> int | None:
        """Tell the micro-USD an hour saved once *gpus* of it are gone, at the margin.

        None: unpriced. Where nothing is declared it is the price, the most that can be saved.
        """
        burn, held = self.burn_micro_usd, self.deployment.gpu_count
        if not gpus or not held:
            return 0
        if burn is None:
            return None
        margin = self.situation.margin
        saved = gpus if margin is None else margin.saved(pool_of(self.deployment), gpus)
        return burn * saved // held

    def stretch(self, fresh_within: timedelta) -> Stretch:
        """Tell for how long it is proven quiet, why if not, and how new the evidence is.

        Zero while it is in use. None while unknown: never scraped, or the newest evidence
        is older than *fresh_within* (equal is fresh), or lies in the future.
        """
        if self._stretches is None:
            self._stretches = {}
        found = self._stretches.get(fresh_within)
        if found is None:
            found = self._stretches[fresh_within] = self._measure(fresh_within)
        return found

    def _measure(self, fresh_within: timedelta) -> Stretch:
        quiet, newest = self.quiet, self.quiet.newest_at
        if newest is None:
            return None, quiet.because or "no scrape has told of its use yet", None
        if doubt := self._doubt(newest, fresh_within):
            return None, doubt, newest
        if quiet.active_at is not None and quiet.active_at >= (quiet.quiet_until or newest):
            return timedelta(0), "it is in use", newest
        if quiet.quiet_since is None or quiet.quiet_until is None:
            return None, quiet.because or "its evidence has a hole", newest
        if doubt := self._doubt(quiet.quiet_until, fresh_within):
            return None, doubt, quiet.quiet_until
        return quiet.quiet_until - quiet.quiet_since, "", quiet.quiet_until

    def _doubt(self, at: datetime, fresh_within: timedelta) -> str:
        """Say why evidence of the instant *at* proves nothing now; "" where it does."""
        if self.now - at > fresh_within:
            return self.quiet.because or "its newest evidence is too old"
        if at - self.now > self.situation.metrics_every:
            return "its newest evidence lies in the future: the clock has moved"
        return ""
