"""P13: how long accounts are looked after by nobody when their holder is killed.

Two real processes on one PostgreSQL share four accounts, and act on them all the time; the
one is killed with SIGKILL in the midst of an act, again and again. That nothing was done twice
and no interval was lost is demanded, not measured. There is no peer; the floor is the lease
itself, which its holder has renewed up to ten seconds before and which lasts for thirty.
"""

from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure
from firewarden.app.lease import RENEW_EVERY, TTL
from tests.simulation.replicas.household import keeping_house
from tests.simulation.replicas.rounds import Rounds, demand_all_done
from tests.support.databases import drop_postgresql, fill_postgresql, fresh_postgresql

TARGET_S = 60.0
KILLS = 10
KILLS_QUICK = 1
EVERY = timedelta(minutes=40)
"""Of compressed time, 20 s of ours: so often one more has to be stopped in each account."""


def figures(*, quick: bool) -> list[Figure]:
    """Kill whoever has held its accounts for longest; another comes in its place."""
    kills = KILLS_QUICK if quick else KILLS
    with ExitStack() as stack:
        url = fresh_postgresql()
        stack.callback(drop_postgresql, url)
        fill_postgresql(url)
        folder = Path(stack.enter_context(TemporaryDirectory()))
        house = stack.enter_context(
            keeping_house(folder, url, count=4 * (kills + 1), every=EVERY, keys=kills + 2)
        )
        life = Rounds(house, stack)
        one, two = life.start(), life.start()
        house.kept_by_each(one, two)
        for _ in range(kills):
            one, two = two, life.kill(one, two)
        demand_all_done(house, two, blows=life.blows)
    shown = ", ".join(f"{each:.1f}" for each in life.takeovers_s)
    least, most = (each.total_seconds() for each in (TTL - RENEW_EVERY, TTL + RENEW_EVERY))
    return [
        Figure(
            name="P13",
            what="longest takeover of accounts after kill -9 of their holder, PostgreSQL, nothing"
            " done twice and no interval lost",
            value=max(life.takeovers_s),
            target=TARGET_S,
            unit="s",
            details=f"{kills} kills: {shown} s; the lease alone takes {least:.0f} to {most:.0f} s",
        )
    ]
