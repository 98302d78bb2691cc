"""Replicas coming up phase by phase, being taken away, restarting."""

from functools import partial

from firewarden.model.vocabulary import State
from firewarden.providers.simulated.account import Account
from firewarden.providers.simulated.incarnation import Incarnation, Replica
from firewarden.providers.simulated.instants import SECOND_MS
from firewarden.providers.simulated.plan import Phase

_ORDER = (Phase.PENDING, Phase.DOWNLOADING, Phase.INITIALIZING, Phase.READY)


def aim(account: Account, inc: Incarnation, count: int) -> None:
    """Want *count* replicas of *inc* from now on: start what is missing, take away the rest.

    What does not serve yet goes first, then the newest; taking away takes no time.
    """
    if count == inc.desired and count == len(inc.replicas):
        return
    inc.desired = count
    while len(inc.replicas) > count:
        _take_away(inc)
    while len(inc.replicas) < count:
        _start(account, inc)
    account.changed(inc)


def restart(account: Account, inc: Incarnation, *, count: int | None = None) -> int:
    """Let *count* ready replicas (None: all) initialize again; give the instant all serve."""
    ready = [replica for replica in inc.replicas if replica.phase is Phase.READY]
    latest = account.now
    for replica in ready if count is None else ready[:count]:
        replica.phase = Phase.INITIALIZING
        rng = account.random(inc.deployment_id, inc.number, "restart", replica.number, account.now)
        latest = max(latest, account.now + _draw_ms(rng.uniform(*inc.plan.cold_start.initializing)))
        account.agenda.plan(latest, partial(_enter, account, inc, replica, Phase.READY))
    account.changed(inc)
    return latest


def _start(account: Account, inc: Incarnation) -> None:
    replica = Replica(number=inc.next_replica)
    inc.next_replica += 1
    inc.replicas.append(replica)
    rng = account.random(inc.deployment_id, inc.number, "replica", replica.number)
    cold = inc.plan.cold_start
    at = account.now
    waits = (cold.pending, cold.downloading, cold.initializing)
    for here, following, wait in zip(_ORDER, _ORDER[1:], waits, strict=False):
        if cold.stuck_in is here:
            return
        at += _draw_ms(rng.uniform(*wait))
        account.agenda.plan(at, partial(_enter, account, inc, replica, following))


def _enter(account: Account, inc: Incarnation, replica: Replica, phase: Phase) -> None:
    if replica.is_gone:
        return
    replica.phase = phase
    if phase is Phase.READY:
        if inc.ready_count == 1:
            inc.ready_since = account.now
        if inc.state is State.CREATING:
            account.set_state(inc, State.READY)
    account.changed(inc)


def _take_away(inc: Incarnation) -> None:
    waiting = [replica for replica in inc.replicas if replica.phase is not Phase.READY]
    replica = (waiting or inc.replicas)[-1]
    replica.is_gone = True
    inc.replicas.remove(replica)


def _draw_ms(seconds: float) -> int:
    return max(1, round(seconds * SECOND_MS))
