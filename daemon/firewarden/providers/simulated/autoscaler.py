"""The provider's own autoscaler: up and down with the load, to zero, awake again, deleted unused.

It wants enough replicas for the rate of requests. It goes up to what was wanted throughout
``scaleUpWindow``, down to the most that was wanted within ``scaleDownWindow``; with a floor
of 0 it goes to zero ``scaleToZeroWindow`` after the last request, and the next request wakes
it. A ceiling of 0 parks it: nothing wakes it. A floor of 0 and seven days without a request
delete it. ``scalingSchedules`` are kept and shown, not carried out.
"""

from collections.abc import Callable
from functools import partial
from math import ceil

from firewarden.model.vocabulary import State
from firewarden.providers.simulated.account import Account
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from firewarden.providers.simulated.replicas import aim
from firewarden.providers.simulated.traffic import LOOK_AHEAD_DAYS

DELETED_AFTER_MS = 7 * DAY_MS
_LONGEST_WINDOW_MS = HOUR_MS
_NOTICED_AFTER_MS = 30 * SECOND_MS

Deed = Callable[[Account, Incarnation], None]


def steer(account: Account, inc: Incarnation, *, delete: Deed) -> None:
    """Obey new bounds now and watch the load from here on; *delete* it after 7 unused days."""
    if inc.is_gone or inc.state is State.FAILED:
        return
    if inc.floor > 0:
        inc.zero_since = None
    elif inc.zero_since is None:
        inc.zero_since = account.now
    inc.wants = [(account.now, _wanted(account, inc))]
    if inc.ceiling == 0:
        aim(account, inc, 0)
        return
    if inc.desired > 0 or inc.floor > 0:
        aim(account, inc, _within(inc, inc.desired))
    _plan_review(account, inc)
    _plan_sleep(account, inc)
    plan_wake(account, inc)
    plan_sweep(account, inc, delete=delete)


def begin(account: Account, inc: Incarnation, *, delete: Deed) -> None:
    """Start a new deployment: at its floor, or with one replica where that is 0."""
    aim(account, inc, _within(inc, 1) if inc.ceiling else 0)
    steer(account, inc, delete=delete)


def scale(account: Account, inc: Incarnation, count: int) -> None:
    """Go to *count* replicas at once, as a person asked; the floor is restored a window later."""
    aim(account, inc, count)
    account.agenda.plan(account.now + inc.window("scaleUpWindow"), partial(_restore, account, inc))
    _plan_sleep(account, inc)
    plan_wake(account, inc)


def plan_wake(account: Account, inc: Incarnation) -> None:
    """Wake *inc* at its next request, where it is at zero and not parked."""
    if inc.desired > 0 or inc.ceiling == 0 or inc.is_gone:
        return
    following = inc.traffic.next(account.now)
    if following is not None:
        _at(account, inc, "wake", following, partial(_wake, account, inc))
    elif not inc.traffic.is_silent:
        later = account.now + LOOK_AHEAD_DAYS * DAY_MS
        _at(account, inc, "wake", later, partial(plan_wake, account, inc))


def wake_now(account: Account, inc: Incarnation) -> None:
    """Wake *inc* by a request that arrives now, unless it is parked or not ready to be woken."""
    _wake(account, inc)


def plan_sweep(account: Account, inc: Incarnation, *, delete: Deed) -> None:
    """Delete *inc* once it has been without a request, and its floor at 0, for seven days."""
    if inc.zero_since is None or inc.ceiling == 0:
        inc.dues.pop("sweep", None)
        return
    last = inc.last_request(account.now)
    due = max(inc.created, inc.zero_since, last or 0) + DELETED_AFTER_MS
    if due <= account.now:
        delete(account, inc)
    else:
        _at(account, inc, "sweep", due, partial(plan_sweep, account, inc, delete=delete))


def _plan_review(account: Account, inc: Incarnation) -> None:
    """Look again when the rate of requests changes, where there is anything to choose."""
    if inc.ceiling > max(inc.floor, 1):
        at = inc.traffic.next_change(account.now)
        _at(account, inc, "review", at, partial(_review, account, inc))


def _review(account: Account, inc: Incarnation) -> None:
    """Note what is wanted now, and settle when it has been wanted for long enough."""
    want = _wanted(account, inc)
    if want != inc.wants[-1][1]:
        inc.wants.append((account.now, want))
        for window in ("scaleUpWindow", "scaleDownWindow"):
            account.agenda.plan(account.now + inc.window(window), partial(_settle, account, inc))
    _plan_review(account, inc)


def _settle(account: Account, inc: Incarnation) -> None:
    if inc.is_gone or inc.state is State.FAILED or inc.desired == 0:
        return
    lowest = min(_wanted_within(inc, account.now - inc.window("scaleUpWindow")))
    highest = max(_wanted_within(inc, account.now - inc.window("scaleDownWindow")))
    if lowest > inc.desired:
        aim(account, inc, _within(inc, lowest))
    elif highest < inc.desired:
        aim(account, inc, _within(inc, highest))
    _forget_old_wants(inc, account.now - _LONGEST_WINDOW_MS)


def _plan_sleep(account: Account, inc: Incarnation) -> None:
    if inc.floor > 0 or inc.ceiling == 0 or inc.desired == 0:
        inc.dues.pop("sleep", None)
        return
    due = max(_quiet_from(account, inc) + inc.window("scaleToZeroWindow"), account.now)
    at = max(due, account.now + _NOTICED_AFTER_MS)
    _at(account, inc, "sleep", at, partial(_sleep, account, inc))


def _sleep(account: Account, inc: Incarnation) -> None:
    if inc.desired == 0 or inc.floor > 0:
        return
    if inc.ready_count == 0:
        _at(account, inc, "sleep", account.now + MINUTE_MS, partial(_sleep, account, inc))
    elif account.now < (due := _quiet_from(account, inc) + inc.window("scaleToZeroWindow")):
        _at(account, inc, "sleep", due, partial(_sleep, account, inc))
    else:
        aim(account, inc, 0)
        plan_wake(account, inc)


def _wake(account: Account, inc: Incarnation) -> None:
    if inc.desired > 0 or inc.ceiling == 0 or inc.state is not State.READY:
        return
    aim(account, inc, _within(inc, 1))
    inc.wants = [(account.now, _wanted(account, inc))]
    _plan_review(account, inc)
    _plan_sleep(account, inc)


def _restore(account: Account, inc: Incarnation) -> None:
    if not inc.is_gone and inc.state is not State.FAILED and inc.desired < inc.floor:
        aim(account, inc, inc.floor)


def _quiet_from(account: Account, inc: Incarnation) -> int:
    return max(inc.ready_since, inc.last_request(account.now) or inc.created)


def _wanted(account: Account, inc: Incarnation) -> int:
    load = inc.traffic.rate(account.now) * 60 / inc.plan.requests_per_replica
    return _within(inc, ceil(load - 1e-9))


def _within(inc: Incarnation, count: int) -> int:
    return min(max(count, inc.floor, 1), inc.ceiling)


def _wanted_within(inc: Incarnation, since: int) -> list[int]:
    """Give every number that was wanted at some instant later than *since*."""
    found: list[int] = []
    for at, want in reversed(inc.wants):
        found.append(want)
        if at <= since:
            break
    return found


def _forget_old_wants(inc: Incarnation, before: int) -> None:
    while len(inc.wants) > 1 and inc.wants[1][0] <= before:
        inc.wants.pop(0)


def _at(account: Account, inc: Incarnation, what: str, at: int, deed: Callable[[], None]) -> None:
    """Plan *deed* and forget what was planned under that name before."""
    inc.dues[what] = at

    def when_due() -> None:
        if inc.dues.get(what) == at and not inc.is_gone:
            deed()

    account.agenda.plan(at, when_due)
