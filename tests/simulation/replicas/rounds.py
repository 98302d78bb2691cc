"""Blows to the processes of a household, and what must hold after any of them."""

import signal
from collections import defaultdict
from contextlib import ExitStack

from firewarden.model.action import Outcome
from firewarden.store.intents import read_actions
from tests.simulation.replicas.household import (
    ACCOUNTS,
    PATIENCE_S,
    Household,
    held,
    takeover_s,
)
from tests.simulation.stages import MINUTE
from tests.support.effects import demand_no_forbidden
from tests.support.oracles import (
    demand_consistent_sums,
    demand_no_row_twice,
    demand_truth_inside,
    truth_of,
    watched_span,
    written,
)
from tests.support.talking import CLOCK, Daemon


class Rounds:
    """Processes that are stopped, killed and ended, and what that cost each time.

    Attributes:
        blows: how often one was stopped or killed, each in the midst of an act.
        takeovers_s: from each blow until the heir had everything.
        stale: calls of one that was stopped, from then until it looked after anything again.
    """

    def __init__(self, house: Household, stack: ExitStack) -> None:
        self.blows = 0
        self.takeovers_s: list[float] = []
        self.stale: list[int] = []
        self._house = house
        self._stack = stack
        self._names = iter(house.names)
        self._keys: dict[Daemon, str] = {}

    def start(self, *more: str) -> Daemon:
        """Start one more process."""
        name = next(self._names)
        daemon = self._stack.enter_context(self._house.started(name, *more))
        self._keys[daemon] = name
        return daemon

    def stop(self, victim: Daemon, heir: Daemon) -> None:
        """Stop *victim* in the midst of an act until *heir* has what it held; let it go on."""
        self._catch_in_an_act(victim)
        theirs, since, began_s = held(victim), len(heir.log), CLOCK.mono()
        victim.send(signal.SIGSTOP)
        self.outlive(victim, heir, theirs, since=since, began_s=began_s)

    def outlive(
        self, victim: Daemon, heir: Daemon, theirs: set[str], *, since: int, began_s: float
    ) -> None:
        """Wait until *heir* has what the stopped *victim* held, and see what it does awake."""
        self.blows += 1
        self.takeovers_s.append(takeover_s(heir, theirs, since=since, from_s=began_s))
        woken = len(victim.log)
        victim.send(signal.SIGCONT)
        again = victim.hear("lease.taken", since=woken, within_s=PATIENCE_S)
        key, until_s = self._keys[victim], again["heard_s"]
        calls = self._house.gate.calls
        late = [call for call in calls if call.key == key and began_s < call.at_s < until_s]
        self.stale.append(len(late))
        self._house.kept_by_each(victim, heir)

    def kill(self, victim: Daemon, heir: Daemon) -> Daemon:
        """Kill *victim* in the midst of an act; then *heir* has its accounts, and another comes."""
        self._catch_in_an_act(victim)
        theirs, since, began_s = held(victim), len(heir.log), CLOCK.mono()
        self.blows += 1
        victim.end(signal.SIGKILL)
        self.takeovers_s.append(takeover_s(heir, theirs, since=since, from_s=began_s))
        fresh = self.start()
        self._house.kept_by_each(fresh, heir)
        return fresh

    def end(self, victim: Daemon, heir: Daemon) -> float:
        """End *victim* in the midst of an act, as operators do; tells how long *heir* then took."""
        self._catch_in_an_act(victim)
        theirs, since = held(victim), len(heir.log)
        assert victim.end() == 0
        return takeover_s(heir, theirs, since=since, from_s=CLOCK.mono())

    def _catch_in_an_act(self, victim: Daemon) -> None:
        """Wait until *victim* has claimed an act, where any is left to be done."""
        theirs = held(victim)
        done = set(self._house.told("idle.acted", accounts=theirs))
        if len(done) < self._house.count * len(theirs) - 2:
            victim.hear("action.planned", since=len(victim.log), within_s=PATIENCE_S)


def demand_all_done(house: Household, daemon: Daemon, *, blows: int) -> None:
    """Wait until everything has been stopped; then demand that nothing went wrong on the way."""
    wanted = house.count * len(ACCOUNTS)
    daemon.until(
        lambda: len(set(house.told("idle.acted"))) == wanted,
        within_s=PATIENCE_S + house.last_of_age_s,
    )
    demand_each_written_once(house, blows=blows)
    demand_intents(house)
    demand_no_lost_interval(house)
    demand_no_forbidden(house.ask("/_log")["requests"])


def demand_each_written_once(house: Household, *, blows: int) -> None:
    """Demand of each account that what came of age was stopped, by two calls, and nothing else.

    The second call is not made good where a blow came between the two: with min 0 the provider
    stops it by itself, and what takes it too long is told as failed.
    """
    calls: defaultdict[str, list[str]] = defaultdict(list)
    for call in house.gate.calls:
        calls[call.path.partition(":")[0]].append(f"{call.method} {call.path.rpartition('/')[2]}")
    old = [f"old-{number:02d}" for number in range(1, house.count + 1)]
    expected = {
        f"/v1/accounts/{account}/deployments/{name}": [f"PATCH {name}", f"PATCH {name}:scale"]
        for account in ACCOUNTS
        for name in old
    }
    assert calls.keys() == expected.keys()
    odd = {path: told for path, told in calls.items() if told != expected[path]}
    assert len(odd) <= blows, odd
    assert all(told == expected[path][:1] for path, told in odd.items()), odd
    for account in ACCOUNTS:
        left = truth_of(house.ask(f"/_truth?account={account}")).values()
        assert {each.deployment_id for each in left if not each.gpu_count} == set(old)


def demand_intents(house: Household) -> None:
    """Demand that each act was claimed before its call, carried out once, and its outcome known."""
    sent = {
        (each["path"].split("/")[3], each["path"].rpartition("/")[2]): each["at"]
        for each in house.ask("/_log")["requests"]
        if each["method"] == "PATCH" and ":" not in each["path"]
    }
    for account in ACCOUNTS:
        with house.ledger(account) as ledger:
            intents = read_actions(ledger.session, ledger.account, since=house.clock.origin)
        assert Outcome.PLANNED not in {each.outcome for each in intents}
        named = [(each.uid.partition("@")[0].rpartition("/")[2], each) for each in intents]
        first = {name: each.planned_at for name, each in named}  # the newest comes first
        assert len(first) == house.count
        assert all(written(at) <= sent[account, name] for name, at in first.items())
        applied = [name for name, each in named if each.outcome is Outcome.APPLIED]
        assert len(applied) == len(set(applied))


def demand_no_lost_interval(house: Household) -> None:
    """Demand of each account that the truth lies inside the bounds, holes and all."""
    for account in ACCOUNTS:
        with house.ledger(account) as ledger:
            since, until = watched_span(ledger)
            truth = house.ask(
                f"/_truth?account={account}&from={written(since)}&to={written(until)}"
            )
            demand_truth_inside(ledger, truth_of(truth))
            demand_consistent_sums(ledger)
            demand_no_row_twice(ledger)
            assert until >= house.clock.now() - 10 * MINUTE, "it is looked after to the end"
