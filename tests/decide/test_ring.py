"""Stopped, woken, undone, killed in between: at the end the bounds are people's own."""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from firewarden.act.calls import settled
from firewarden.decide.orders import Order
from firewarden.model.action import Effect, Outcome
from firewarden.model.activity import QuietEvidence
from firewarden.model.fleet import Examined
from firewarden.model.verdict import IncidentState
from firewarden.model.vocabulary import Verb
from tests.support.acting import Ring, a_ring, after, in_mode
from tests.support.deciding import NOW, a_deployment, active, minutes, quiet

NAMES = ("exp-1", "exp-2")
TICK = minutes(10)


class History:
    """Two deployments that are stopped when idle; ``theirs`` are the bounds people want."""

    def __init__(self) -> None:
        fleet = [a_deployment(name, min_replica_count=2, max_replica_count=4) for name in NAMES]
        self.ring: Ring = a_ring(in_mode("enforce"), *fleet)
        self.theirs = dict.fromkeys(NAMES, (2, 4))
        self.used_at: dict[str, datetime] = dict.fromkeys(NAMES, NOW)
        self.fates: Counter[tuple[Verb, str]] = Counter()

    def tick(self, fate: str = "taken", **changes: Any) -> None:
        ring = self.ring
        ring.now += TICK
        ring.ages.ready = max(self.used_at.values())
        ring.looks = {name: self._look(name) for name in NAMES}
        self._settle()
        steps = ring.cycle(**changes)
        ring.deliver()
        begun = {each.uid for each in ring.deeds.unsettled()}
        for order in ring.orders(steps):
            if order.uid not in begun:
                begun.add(order.uid)
                self._carry_out(order, fate)

    def wake(self, name: str) -> None:
        """A request comes, and the autoscaler answers it."""
        self.used_at[name] = self.ring.now + TICK
        self.ring.wake(name)

    def edit(self, name: str, least: int, most: int) -> None:
        """A person sets both bounds."""
        bounds = Effect(min_replica_count=least, max_replica_count=most)
        self.ring.fleet[name] = after(bounds, self.ring.fleet[name])
        self.theirs[name] = (least, most)

    def bounds(self, name: str) -> tuple[int, int]:
        found = self.ring.fleet[name]
        return found.min_replica_count, found.max_replica_count

    def _look(self, name: str) -> QuietEvidence:
        now, used = self.ring.now, self.used_at[name]
        if used >= now:
            return active(now=now)
        return replace(quiet(now - used, now=now), active_at=used)

    def _carry_out(self, order: Order, fate: str) -> None:
        """Send *order*; *fate*: how much of it is taken, and whether we come to know."""
        name = order.deployment.deployment_id
        if order.verb is Verb.RESTORE:
            back = after(order.effect, self.ring.fleet[name])
            assert (back.min_replica_count, back.max_replica_count) == self.theirs[name]
        if fate in {"half", "killed half-way"}:
            bounds = replace(order.effect, replica_count=None)
            self.ring.fleet[name] = after(bounds, self.ring.fleet[name])
        if fate == "killed after it":
            self.ring.fleet[name] = after(order.effect, self.ring.fleet[name])
        outcome = {"taken": Outcome.APPLIED, "half": Outcome.FAILED, "refused": Outcome.FAILED}
        intent = self.ring.carry_out(order, outcome.get(fate, Outcome.PLANNED))
        if outcome.get(fate) is Outcome.FAILED and order.incident is not None:
            closed = replace(
                order.incident,
                state=IncidentState.FAILED,
                closed_at=self.ring.now,
                closed_because="failed",
            )
            self.ring.docket = self.ring.docket.after([closed], braked=False)
        self.fates[intent.verb, fate] += 1

    def _settle(self) -> None:
        """Find out by reading what became of calls that nobody concluded."""
        for intent in self.ring.deeds.unsettled():
            found = self.ring.fleet[intent.uid.rpartition("@")[0].rpartition("/")[2]]
            examined = Examined(asked_at=self.ring.now, answered_at=self.ring.now, deployment=found)
            outcome = settled(intent.effect, examined).outcome
            done = replace(intent, outcome=outcome, finished_at=self.ring.now - minutes(1))
            self.ring.deeds = self.ring.deeds.with_one(done)


FATES = ["taken", "half", "refused", "killed before it", "killed half-way", "killed after it"]
happenings = st.one_of(
    st.tuples(st.just("tick"), st.sampled_from(FATES), st.integers(1, 9)),
    st.tuples(st.just("wake"), st.sampled_from(NAMES), st.integers(0, len(FATES) - 1)),
    st.tuples(st.just("edit"), st.sampled_from(NAMES), st.integers(1, 3)),
    st.tuples(st.just("fog"), st.sampled_from(["paused", "incomplete"]), st.integers(1, 3)),
    st.tuples(st.just("restart"), st.just(""), st.just(0)),
)
FOGS: dict[str, dict[str, Any]] = {"paused": {"paused": True}, "incomplete": {"complete_cycles": 0}}


def live(history: History, happening: tuple[str, str, int]) -> None:
    what, which, count = happening
    match what:
        case "tick":
            for _ in range(count):
                history.tick(which)
        case "wake":
            history.wake(which)
            history.tick(FATES[count])
        case "edit":
            history.edit(which, count, count + 2)
            history.tick()
        case "fog":
            for _ in range(count):
                history.tick(**FOGS[which])
        case _:
            history.ring.restart()


@settings(max_examples=150)
@given(happenings=st.lists(happenings, min_size=4, max_size=25))
def test_whatever_happened_in_the_end_the_bounds_are_those_that_people_set(
    happenings: list[tuple[str, str, int]],
) -> None:
    history = History()
    for happening in happenings:
        live(history, happening)
    for _ in range(20):  # everybody is in use, and nothing goes wrong any more
        for name in NAMES:
            history.wake(name)
        history.tick()

    for verb, fate in history.fates:
        event(f"{verb}: {fate}")
    for name in NAMES:
        assert history.bounds(name) == history.theirs[name]
    assert history.ring.deeds.standing() == ()
    restores = [one for one in history.ring.deeds.intents.values() if one.verb is Verb.RESTORE]
    taken = [one for one in restores if one.outcome is Outcome.APPLIED]
    stops = [
        one for one in history.ring.deeds.intents.values() if one.effect.min_replica_count == 0
    ]
    assert len(taken) <= len(stops)


def test_such_histories_stop_and_put_back() -> None:
    history = History()
    for _ in range(12):
        history.tick()
    assert history.bounds("exp-1") == (0, 4)
    history.wake("exp-1")
    history.tick()
    history.tick()

    assert history.bounds("exp-1") == (2, 4)
    assert history.bounds("exp-2") == (0, 4)
