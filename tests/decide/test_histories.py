"""Whatever happens, in whatever order: what holds at the end of every story."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.decide.docket import Docket
from firewarden.decide.incidents import step
from firewarden.decide.judge import Judge
from firewarden.decide.plan import plan
from firewarden.model.activity import QuietEvidence, Use
from firewarden.model.verdict import Incident, IncidentState
from tests.support.deciding import (
    IDLE,
    NOW,
    Looks,
    a_deployment,
    a_fleet,
    a_situation,
    minutes,
    policies,
)

NAMES = ("exp-1", "exp-2", "exp-3", "exp-4")
POLICIES = policies(
    IDLE.replace("idle_for: 45m", "idle_for: 10m")
    + "    limits: {per_cycle: 1, per_hour: 3, share_per_hour: 50%}\n"
)
GRACE, HOUR, TICK = minutes(15), timedelta(hours=1), minutes(2)
CLOUDS: dict[str, dict[str, Any]] = {
    "clear": {},
    "blind": {},
    "paused": {"paused": True},
    "incomplete": {"complete_cycles": 0},
    "unread": {"surroundings": None},
}
weather = st.lists(
    st.tuples(st.sampled_from(sorted(CLOUDS)), st.frozensets(st.sampled_from(NAMES))),
    min_size=10,
    max_size=20,
)


class History:
    """Ticks of two minutes; some deployments are in use, and sometimes nothing can be seen."""

    def __init__(self) -> None:
        self.now = NOW
        self.judge, self.docket = Judge(POLICIES), Docket()
        self.quiet_since: dict[str, datetime] = dict.fromkeys(NAMES, NOW)
        self.used_at: dict[str, datetime] = {}
        self.seen_at = NOW
        self.foggy: list[datetime] = []
        self.done: list[Incident] = []

    def tick(self, cloud: str, in_use: frozenset[str]) -> None:
        self.now += TICK
        for name in in_use:
            self.used_at[name] = self.quiet_since[name] = self.now
        if cloud != "blind":
            self.seen_at = self.now
        if cloud not in {"clear", "blind"}:  # what was seen minutes ago is still fresh
            self.foggy.append(self.now)
        looks = Looks({name: self._look(name, in_use, cloud) for name in NAMES})
        fleet = a_fleet([a_deployment(name) for name in NAMES], answered_at=self.now)
        plain = a_situation(looks=looks, now=self.now, fleet=fleet, surroundings_at=self.now)
        situation = replace(plain, **CLOUDS[cloud])
        verdicts = self.judge.judge(situation)
        made = plan(situation, verdicts, self.docket, POLICIES)
        told = {uid for uid, _ in self.docket.done}
        steps = step(situation, verdicts, self.docket, POLICIES)
        self.docket = steps.docket
        done = [each for each in steps.changed if each.state is IncidentState.DONE]
        self.done += done
        assert {each.uid for each in done} <= {each.uid for each in made.actions}
        assert {each.uid for each in made.actions} <= {each.uid for each in done} | told

    def _look(self, name: str, in_use: frozenset[str], cloud: str) -> QuietEvidence:
        is_used = name in in_use and cloud != "blind"
        use = Use.UNKNOWN if cloud == "blind" else Use.ACTIVE if is_used else Use.QUIET
        return QuietEvidence(
            use=use,
            quiet_since=None if is_used else min(self.quiet_since[name], self.seen_at),
            quiet_until=None if is_used else self.seen_at,
            newest_at=self.seen_at,
            active_at=self.used_at.get(name) if cloud != "blind" else None,
        )


@settings(max_examples=15, deadline=None)
@given(weather=weather)
def test_every_end_was_warned_of_waited_for_and_within_the_limits(
    weather: list[tuple[str, frozenset[str]]],
) -> None:
    history = History()
    for cloud, in_use in weather:
        history.tick(cloud, in_use)
        for _ in range(3):
            history.tick("clear", in_use)
    for incident in history.done:
        warned, closed = incident.warned_at, incident.closed_at
        assert warned is not None
        assert closed is not None
        assert closed - warned >= GRACE
        assert closed not in history.foggy
        name = incident.uid.rpartition("@")[0].rpartition("/")[2]
        assert not warned < history.used_at.get(name, NOW) <= closed
    ends = [each.closed_at for each in history.done if each.closed_at is not None]
    for end in ends:
        assert sum(end - HOUR < other <= end for other in ends) <= 2
        assert ends.count(end) == 1


def test_such_histories_do_come_to_an_end() -> None:
    history = History()
    for _ in range(40):
        history.tick("clear", frozenset({"exp-4"}))

    assert len(history.done) == 2
