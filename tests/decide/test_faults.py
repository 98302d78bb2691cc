"""Each metric fault and each listing fault, alone and together: nothing is planned.

Five deployments are in use and one is idle; ten minutes before it would be due the faults
begin, and last. The stored evidence is the real one.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest

from firewarden.decide.docket import Docket
from firewarden.decide.explain import explain
from firewarden.decide.incidents import step
from firewarden.decide.judge import Judge
from firewarden.decide.plan import Plan, plan
from firewarden.decide.situation import Situation
from firewarden.metering.evidence import EvidenceBook
from firewarden.model.activity import Sample, Scrape
from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Fleet
from firewarden.model.ids import Uid
from firewarden.model.verdict import Truth, Verdict
from firewarden.model.vocabulary import Blocker
from tests.support.deciding import (
    ACCOUNT,
    EVERY,
    IDLE,
    NOW,
    Since,
    a_deployment,
    a_fleet,
    a_situation,
    minutes,
    policies,
)

DUE = NOW + minutes(60)
FAULT_FROM = DUE - minutes(10)
POLICIES = policies(IDLE)
JUDGE = Judge(POLICIES)
STILL = a_deployment("exp-idle")
BUSY = tuple(a_deployment(f"web-{number}") for number in range(5))
ZERO = Sample(request_rate=0.0, prompt_token_rate=0.0, concurrency=0.0)

ScrapeFault = Callable[[Scrape], Scrape]
ListingFault = Callable[[Fleet], tuple[Fleet, dict[str, Any]]]


def a_scrape(now: datetime) -> Scrape:
    """The metrics of an ordinary minute; the rates of what is in use differ each time."""
    rate = 1 + math.sin(now.timestamp()) / 2
    used = Sample(request_rate=rate, prompt_token_rate=9 * rate, concurrency=rate)
    return Scrape(
        account=ACCOUNT,
        asked_at=now,
        answered_at=now,
        whole=True,
        samples={STILL.name: ZERO} | {one.name: used for one in BUSY},
        fingerprint=f"{rate:.9f}",
    )


def sampled(fault: Callable[[Sample], Sample | None]) -> ScrapeFault:
    def change(scrape: Scrape) -> Scrape:
        samples = {name: fault(sample) for name, sample in scrape.samples.items()}
        kept = {name: sample for name, sample in samples.items() if sample is not None}
        return replace(scrape, samples=kept)

    return change


METRICS: dict[str, ScrapeFault] = {
    "none": lambda scrape: scrape,
    "failed": lambda scrape: replace(scrape, whole=False, samples={}, problem="HTTP 429"),
    "empty": lambda scrape: replace(scrape, whole=False, samples={}, problem="no series"),
    "truncated": lambda scrape: replace(scrape, whole=False, problem="it breaks off"),
    "partial": sampled(lambda sample: None if sample is ZERO else sample),
    "a series absent": sampled(lambda sample: replace(sample, concurrency=None)),
    "not a number": sampled(lambda sample: replace(sample, request_rate=math.nan)),
    "frozen": lambda scrape: replace(scrape, fingerprint="the same"),
    "all zero": lambda scrape: replace(sampled(lambda _: ZERO)(scrape), fingerprint=""),
}


def without(*gone: Deployment) -> ListingFault:
    def change(fleet: Fleet) -> tuple[Fleet, dict[str, Any]]:
        left = [one for one in fleet.deployments.values() if one not in gone]
        absent: frozenset[Uid] = frozenset(one.uid for one in gone)
        return replace(fleet, deployments={one.uid: one for one in left}), {"absent": absent}

    return change


def incomplete(problem: str) -> ListingFault:
    return lambda fleet: (replace(fleet, complete=False, problem=problem), {})


def created_again(fleet: Fleet) -> tuple[Fleet, dict[str, Any]]:
    new = a_deployment("exp-idle", created_at=FAULT_FROM)
    others = {uid: one for uid, one in fleet.deployments.items() if uid != STILL.uid}
    return replace(fleet, deployments={**others, new.uid: new}), {"gone": frozenset({STILL.uid})}


LISTINGS: dict[str, ListingFault] = {
    "none": lambda fleet: (fleet, {}),
    "a page failed": incomplete("page 2 of the listing failed"),
    "a token loop": incomplete("a page token came back twice"),
    "repeated items": incomplete("exp-idle came twice"),
    "a total that does not match": incomplete("6 announced, 5 came"),
    "it is missing": without(STILL),
    "others are missing": without(BUSY[0]),
    "most are missing": without(*BUSY),
    "it stands still": lambda fleet: (replace(fleet, answered_at=FAULT_FROM), {}),
    "a read disagrees": lambda fleet: (fleet, {"listing_problem": "a read of it disagrees"}),
    "created again": created_again,
    "after a hole": lambda fleet: (fleet, {"complete_cycles": 1}),
}


@dataclass(slots=True)
class World:
    """Scrapes and cycles every 30 seconds, on the real book of evidence."""

    book: EvidenceBook = field(default_factory=lambda: EvidenceBook((), ()))
    docket: Docket = field(default_factory=Docket)
    judge: Judge = JUDGE
    now: datetime = NOW

    def run(self, until: datetime, *, metrics: str = "none", listing: str = "none") -> None:
        while self.now < until:
            self.now += EVERY
            situation = self.situation(listing)
            self.book.fold(METRICS[metrics](a_scrape(self.now)), situation.fleet)
            if self.now.second == 0:  # every other look, to be quick
                verdicts = self.judge.judge(situation)
                self.docket = step(situation, verdicts, self.docket, POLICIES).docket

    def situation(self, listing: str) -> Situation:
        whole = a_fleet([STILL, *BUSY], answered_at=self.now)
        fleet, changes = LISTINGS[listing](whole)
        plain: dict[str, Any] = {
            "now": self.now,
            "fleet": fleet,
            "evidence": self.book,
            "ages": Since(),
            "surroundings_at": self.now,
        }
        return replace(a_situation(), **(plain | changes))

    def plan(self, listing: str) -> Plan:
        situation = self.situation(listing)
        return plan(situation, self.judge.judge(situation), self.docket, POLICIES)

    def explain(self, listing: str) -> Verdict:
        (verdict,) = explain(self.judge, self.situation(listing), STILL, self.docket)
        return verdict


@cache
def before_the_fault() -> World:
    world = World()
    world.run(FAULT_FROM)
    return world


def a_world() -> World:
    before = before_the_fault()
    return replace(before, book=copy.deepcopy(before.book))


def test_without_a_fault_exactly_the_idle_one_is_planned() -> None:
    world = a_world()
    world.run(DUE)
    early = world.plan("none").actions
    world.run(DUE + minutes(5))

    assert early == ()
    assert [action.deployment_id for action in world.plan("none").actions] == ["exp-idle"]


CASES = [
    pytest.param(metrics, listing, id=f"metrics {metrics}, listing {listing}")
    for metrics in METRICS
    for listing in LISTINGS
    if (metrics, listing) != ("none", "none")
]


@pytest.mark.parametrize(("metrics", "listing"), CASES)
def test_with_a_fault_nothing_is_planned_and_the_reason_is_told(metrics: str, listing: str) -> None:
    world = a_world()
    for end in (DUE, DUE + minutes(3)):
        world.run(end, metrics=metrics, listing=listing)
        assert world.plan(listing).actions == ()

    verdict = world.explain(listing)
    told = {(incident.held_by) for incident in world.docket.opened.values()}
    if listing == "created again":
        assert not world.docket.opened
    else:
        assert told <= {
            Blocker.DATA_MISSING,
            Blocker.LISTING_INCOMPLETE,
            Blocker.TOO_FEW_CYCLES,
            Blocker.EVIDENCE_BRAKE,
        }
        assert verdict.truth is not Truth.FALSE or world.docket.opened == {}
        assert verdict.blocked_by is not None
        assert verdict.blocked_because
        assert verdict.acts_at is None or world.docket.opened


def test_when_the_fault_is_over_it_is_planned_after_all() -> None:
    world = a_world()
    world.run(DUE + minutes(15), metrics="failed")
    world.run(DUE + minutes(15) + timedelta(minutes=65))

    assert [action.deployment_id for action in world.plan("none").actions] == ["exp-idle"]
