"""Two processes on one PostgreSQL: stopped, killed and ended, none does what another has done."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from firewarden.ports import CrashPoint
from tests.simulation.kills.conftest import new_url
from tests.simulation.replicas.household import PATIENCE_S, held, keeping_house
from tests.simulation.replicas.rounds import Rounds, demand_all_done
from tests.simulation.stages import MINUTE
from tests.support.databases import Url, fill_postgresql

__all__ = ["new_url"]

TTL_S = 16.0
"""Of a lease, where no more than the order of things is looked at: the real ones last 30 s.

Longer, as the real ones are, than the 15 s after which the database ends what a stopped
process has begun.
"""

AT_ONCE = timedelta(0)

TRANSACTION_GONE = "health:database"
"""What one says that was stopped in the midst of a transaction, and finds it ended."""


@pytest.fixture
def ledger_url(new_url: Callable[[str], Url]) -> Url:
    url = new_url("postgresql")
    fill_postgresql(url)
    return url


def test_two_processes_share_the_accounts_and_outlive_each_other(
    *, folder: Path, ledger_url: Url, whole_day: bool
) -> None:
    rounds, count, every = (5, 40, 40 * MINUTE) if whole_day else (1, 12, AT_ONCE)
    with ExitStack() as stack:
        house = stack.enter_context(
            keeping_house(folder, ledger_url, count=count, every=every, keys=rounds + 2)
        )
        if not whole_day:
            house.have_shorter_leases(TTL_S)
        life = Rounds(house, stack)
        one, two = life.start(), life.start()
        house.kept_by_each(one, two)
        for number in range(rounds):
            victim, heir = (one, two) if number % 2 else (two, one)
            life.stop(victim, heir)
        for _ in range(rounds):
            one, two = two, life.kill(one, two)
        handed_over_s = life.end(one, two)
        demand_all_done(house, two, blows=life.blows)
        assert two.end() == 0
        told = Counter(house.told("idle.acted"))
        log = [event for each in house.running for event in each.log]
    print(f"takeovers {life.takeovers_s}, stale calls {life.stale}, handed over {handed_over_s}")  # noqa: T201 - shown by pytest -rP
    ttl_s = 30 if whole_day else TTL_S
    assert max(life.takeovers_s) <= 2 * ttl_s
    assert handed_over_s <= ttl_s / 3 + 2
    assert max(life.stale) <= 1, "at most the one call that was in flight"
    assert sum(told.values()) - len(told) <= 2 * rounds, "a line may be repeated by the next one"
    wrong = [event for event in log if event["level"] in {"error", "critical"}]
    wrong = [event for event in wrong if event.get("key") != TRANSACTION_GONE]
    assert not wrong, wrong


def test_one_that_was_stopped_in_the_midst_of_an_act_leaves_it_to_the_other(
    folder: Path, ledger_url: Url, stopped_at: CrashPoint
) -> None:
    count = 2
    with ExitStack() as stack:
        house = stack.enter_context(
            keeping_house(folder, ledger_url, count=count, every=AT_ONCE, keys=2)
        )
        house.have_shorter_leases(TTL_S)
        life = Rounds(house, stack)
        victim = life.start(stopped_at.value)
        stopped = victim.hear("replica.stopping", within_s=PATIENCE_S)
        heir = life.start()
        life.outlive(victim, heir, held(victim), since=0, began_s=stopped["heard_s"])
        demand_all_done(house, heir, blows=life.blows)
        assert (heir.end(), victim.end()) == (0, 0)
    assert life.stale == [0]
