"""What the scrapes prove about the use of each deployment, kept in memory and rebuilt from rows."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import isfinite

from firewarden.metering.silence import awakenings
from firewarden.metering.trail import NEIGHBOURS_WITHIN, Trail
from firewarden.model.activity import QuietEvidence, Sample, Scrape, Use
from firewarden.model.fleet import Fleet
from firewarden.model.ids import Uid
from firewarden.model.usage import ActivityRun, RunChange, ScrapeRecord

FROZEN_AFTER = 5
"""The same values in as many scrapes in a row, and the endpoint is taken for frozen."""


def use_of(sample: Sample | None, *, absent_is_quiet: bool) -> Use:
    """Judge one deployment's gauges in one whole scrape.

    Any number above zero is use, errors included. Quiet needs all that is required (request
    rate, prompt-token rate, concurrency) present and zero; the error series may be absent.
    What is absent, not a number, negative or infinite proves nothing. *absent_is_quiet*:
    the operator has seen that this account leaves out the series of unused deployments.
    """
    if sample is None:
        return Use.QUIET if absent_is_quiet else Use.UNKNOWN
    required = (sample.request_rate, sample.prompt_token_rate, sample.concurrency)
    if required == (0.0, 0.0, 0.0) and not sample.error_rate:
        return Use.QUIET
    present = [value for value in (*required, sample.error_rate) if value is not None]
    if any(isfinite(value) and value > 0 for value in present):
        return Use.ACTIVE
    if not all(isfinite(value) and value == 0 for value in present):
        return Use.UNKNOWN
    return Use.UNKNOWN if None in required and not absent_is_quiet else Use.QUIET


class EvidenceBook:
    """The evidence of one account. The caller owns it, and stores what `fold` gives back.

    Known scrapes are those that were whole and not frozen. Time comes from the scrapes.
    """

    def __init__(
        self,
        runs: Iterable[ActivityRun],
        scrapes: Iterable[ScrapeRecord],
        *,
        used_at: Mapping[Uid, datetime] | None = None,
        absent_is_quiet: bool = False,
    ) -> None:
        """Rebuild from stored rows; what lies before the oldest of *scrapes* proves nothing.

        Of use that is all: *used_at* tells when each was last in use before that.
        """
        records = sorted(scrapes, key=lambda record: record.answered_at)
        self._absent_is_quiet = absent_is_quiet
        self._last = records[-1] if records else None
        self._known = [record.answered_at for record in records if record.whole]
        runs = sorted(runs, key=lambda run: run.since)
        holes = (
            later for earlier, later in pairwise(self._known) if later - earlier > NEIGHBOURS_WITHIN
        )
        self._restarts = sorted({*self._known[:1], *holes, *awakenings(runs)})
        self._trails = {uid: Trail(active_at=at) for uid, at in (used_at or {}).items()}
        self._open: dict[Uid, ActivityRun] = {}
        self._fingerprint, self._repeats = "", 0
        for run in runs:
            self._remember(run)

    @property
    def last_record(self) -> ScrapeRecord | None:
        """The newest scrape as it is to be stored: was it accepted as known, and why not."""
        return self._last

    def fold(self, scrape: Scrape, fleet: Fleet) -> RunChange:
        """Take in one scrape; *fleet* says which deployments have ready replicas.

        A scrape that is not whole, or frozen, changes `last_record` only. The same scrape
        twice changes nothing. One older than the last means that the clock went back: all
        evidence starts over.
        """
        at = scrape.answered_at
        if self._has(at):
            return RunChange()
        went_back = self._last is not None and at < self._last.answered_at
        problem = self._problem_of(scrape)
        self._last = ScrapeRecord(
            account=scrape.account, answered_at=at, whole=not problem, problem=problem
        )
        closed = self._void(at) if went_back else []
        if problem:
            return RunChange(closed=tuple(closed))
        if self._known and at - self._known[-1] > NEIGHBOURS_WITHIN:
            self._restarts.append(at)
        opened = self._compare(scrape, fleet, closed)
        if self._has_woken(at, opened):
            self._restarts.append(at)
        self._known.append(at)
        return RunChange(closed=tuple(closed), opened=tuple(opened))

    def look(self, uid: Uid, *, now: datetime) -> QuietEvidence:
        """Say what is proven of *uid*; the newest scrape older than 3 minutes proves no use."""
        trail = self._trails.get(uid)
        run = self._open.get(uid)
        if trail is None or run is None:
            active_at = trail.active_at if trail else None
            return QuietEvidence(
                use=Use.UNKNOWN,
                newest_at=trail.newest_at if trail else None,
                active_at=active_at,
                because=self._problem_at(now) or "no scrape since it has ready replicas",
            )
        newest = self._newest_of(run)
        quiet_until = newest if run.use is Use.QUIET else trail.quiet_until
        problem = self._problem_at(now)
        if not problem and run.use is Use.UNKNOWN:
            problem = "its series are absent or not numbers"
        return QuietEvidence(
            use=Use.UNKNOWN if problem else run.use,
            quiet_since=self._start_of(trail.quiet_since, quiet_until),
            quiet_until=quiet_until if trail.quiet_since is not None else None,
            newest_at=trail.newest_at if newest is None else newest,
            active_at=newest if run.use is Use.ACTIVE and newest else trail.active_at,
            because=problem,
        )

    def coverage(self, uid: Uid, *, since: datetime, until: datetime, every: timedelta) -> float:
        """Known scrapes of *uid* in ``(since, until]`` ÷ those expected, at most 1."""
        first = bisect_right(self._known, since)
        last = bisect_right(self._known, until)
        count = 0
        trail = self._trails.get(uid)
        for run in reversed(trail.runs if trail else []):
            if run.until is not None and run.until <= since:
                break
            if run.use is not Use.UNKNOWN:
                begin = max(first, bisect_left(self._known, run.since))
                end = last if run.until is None else min(last, bisect_left(self._known, run.until))
                count += max(0, end - begin)
        return min(1.0, count / max(1, (until - since) // every))

    def forget(self, before: datetime) -> None:
        """Let go of scrapes and of ended runs older than *before*; what they proved stays."""
        del self._known[: bisect_left(self._known, before)]
        del self._restarts[: max(0, bisect_left(self._restarts, before) - 1)]
        for uid, trail in list(self._trails.items()):
            trail.runs = [run for run in trail.runs if run.until is None or run.until > before]
            if not trail.runs:
                del self._trails[uid]

    def _compare(
        self, scrape: Scrape, fleet: Fleet, closed: list[ActivityRun]
    ) -> list[ActivityRun]:
        """Begin and end runs where this scrape says otherwise than the one before."""
        at, samples, runs = scrape.answered_at, scrape.samples, self._open
        opened: list[ActivityRun] = []
        live = set()
        for uid, deployment in fleet.deployments.items():
            if deployment.ready_replica_count <= 0 or deployment.is_gone:
                continue
            live.add(uid)
            use = use_of(samples.get(deployment.name), absent_is_quiet=self._absent_is_quiet)
            run = runs.get(uid)
            if run is None or run.use is not use:
                self._turn(uid, use, at, opened=opened, closed=closed)
        if len(live) == len(runs):
            return opened
        for uid in [uid for uid in runs if uid not in live]:
            if uid in fleet.deployments or fleet.complete:
                closed.append(self._end(uid, at))
                self._trails[uid].start_over()
            elif runs[uid].use is not Use.UNKNOWN:
                self._turn(uid, Use.UNKNOWN, at, opened=opened, closed=closed)
        return opened

    def _has_woken(self, at: datetime, opened: Iterable[ActivityRun]) -> bool:
        """Did use come back at *at* to an account that had fallen silent as a whole?"""
        if not any(run.use is Use.ACTIVE for run in opened):
            return False
        if any(run.use is Use.ACTIVE and run.since < at for run in self._open.values()):
            return False
        runs = (run for trail in self._trails.values() for run in trail.runs)
        return at in awakenings(runs)

    def _turn(
        self,
        uid: Uid,
        use: Use,
        at: datetime,
        *,
        opened: list[ActivityRun],
        closed: list[ActivityRun],
    ) -> None:
        if uid in self._open:
            closed.append(self._end(uid, at))
        run = ActivityRun(uid=uid, use=use, since=at)
        self._trails.setdefault(uid, Trail()).begin(run)
        self._open[uid] = run
        opened.append(run)

    def _end(self, uid: Uid, until: datetime) -> ActivityRun:
        newest = self._newest_of(self._open.pop(uid))
        return self._trails[uid].end(until=until, newest_known=newest)

    def _remember(self, run: ActivityRun) -> None:
        """Take in a stored run as if it had just been folded."""
        trail = self._trails.setdefault(run.uid, Trail())
        if trail.runs and trail.runs[-1].until != run.since:
            trail.start_over()
        trail.begin(replace(run, until=None))
        if run.until is None:
            self._open[run.uid] = run
            return
        self._open.pop(run.uid, None)
        before = bisect_left(self._known, run.until)
        trail.end(until=run.until, newest_known=self._known[before - 1] if before else None)

    def _void(self, at: datetime) -> list[ActivityRun]:
        """End every run: the wall clock went back to *at*, so no stretch can be trusted."""
        closed = []
        for uid, run in list(self._open.items()):
            closed.append(self._end(uid, max(run.since, at)))
            self._trails[uid] = Trail()
        self._known = self._known[: bisect_left(self._known, at)]
        self._restarts = [*self._restarts[: bisect_left(self._restarts, at)], at]
        return closed

    def _has(self, at: datetime) -> bool:
        """Was there a scrape answered at this very instant?"""
        index = bisect_left(self._known, at)
        known = index < len(self._known) and self._known[index] == at
        return known or (self._last is not None and self._last.answered_at == at)

    def _problem_of(self, scrape: Scrape) -> str:
        """Say why *scrape* proves nothing; "" where it does."""
        if not scrape.whole:
            return scrape.problem or "not whole"
        same = scrape.fingerprint != "" and scrape.fingerprint == self._fingerprint
        self._repeats = self._repeats + 1 if same else 1
        self._fingerprint = scrape.fingerprint
        if self._repeats < FROZEN_AFTER:
            return ""
        return f"frozen: the same values in {self._repeats} scrapes in a row"

    def _problem_at(self, now: datetime) -> str:
        """Say why the newest scrape proves nothing as of *now*; "" where it does."""
        if self._last is None:
            return "there has been no scrape yet"
        if not self._last.whole:
            return self._last.problem
        age = now - self._last.answered_at
        if age > NEIGHBOURS_WITHIN:
            return f"the newest scrape is {int(age.total_seconds())} s old"
        return ""

    def _newest_of(self, run: ActivityRun) -> datetime | None:
        """Find the newest known scrape of a run that goes on; None where it was unknown."""
        if run.use is Use.UNKNOWN or not self._known or self._known[-1] < run.since:
            return None
        return self._known[-1]

    def _start_of(self, since: datetime | None, until: datetime | None) -> datetime | None:
        """Move the start of a quiet stretch behind the newest hole inside it."""
        if since is None or until is None:
            return None
        index = bisect_right(self._restarts, until)
        return max(since, self._restarts[index - 1]) if index else since
