"""The conditions of ``when``: each true, false or unknown, with what it rests on."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from firewarden.decide import facts
from firewarden.decide.condition import Condition, Finding, all_of, settle_all
from firewarden.decide.kleene import disjunction, negation, truth_of
from firewarden.decide.seen import Seen
from firewarden.model.deployment import Deployment
from firewarden.model.ids import PolicyName
from firewarden.model.price import MICRO
from firewarden.model.verdict import Truth
from firewarden.policy.calendar import any_holds
from firewarden.policy.rules import Policy, RequireData
from firewarden.policy.schema import When

_SINCE: dict[str, tuple[Callable[[Seen], datetime | None], Callable[[Deployment], str]]] = {
    "older_than": (facts.created_at, facts.always),
    "at_zero_for": (facts.at_zero_since, facts.not_at_zero),
    "failed_for": (facts.state_since, facts.not_failed),
    "starting_for": (facts.starting_since, facts.not_starting),
}
"""Durations that count from an instant: since when, and why they do not apply ("": they do)."""


def compile_when(
    when: When, data: RequireData, *, deletes_after: timedelta | None, prefix: str = ""
) -> tuple[Condition, ...]:
    """Turn *when* into conditions, the cheapest first; *deletes_after*: the provider's clock."""
    conditions = [*_plain(when, prefix), *_of_use(when, data, prefix)]
    if when.provider_deletes_within is not None and deletes_after is not None:
        conditions.append(_deletes_within(when.provider_deletes_within, deletes_after, prefix))
    if when.not_ is not None:
        inner = compile_when(when.not_, data, deletes_after=deletes_after, prefix=f"{prefix}not.")
        conditions.append(_not(inner, prefix))
    if when.any_ is not None:
        conditions.append(
            _any(
                tuple(
                    compile_when(
                        each, data, deletes_after=deletes_after, prefix=f"{prefix}any.{index}."
                    )
                    for index, each in enumerate(when.any_)
                ),
                prefix,
            )
        )
    return tuple(sorted(conditions, key=lambda condition: condition.cost))


def called_by(rung: PolicyName) -> Condition:
    """Ask whether the budget whose *rung* it is calls for a deployment."""

    def ask(seen: Seen) -> Finding:
        call = seen.situation.caps.called.get((seen.uid, rung))
        calls = call is not None and call.holds(seen.now)
        because = call.reason if call and calls else "it does not call for this one"
        return truth_of(calls), None, because, None

    return Condition(name="budget", threshold=None, cost=0, settle=lambda _: None, ask=ask)


def in_hours(policy: Policy) -> Condition:
    """Ask whether the hours of *policy* are now, or begin so soon that it may warn already.

    What would have to be put back again at once is not stopped any more.
    """
    schedules, known = policy.during, dict[datetime, Truth]()

    def answer(now: datetime) -> Truth:
        if any_holds(schedules, now):
            return truth_of(any_holds(schedules, now + policy.lead))
        return truth_of(any_holds(schedules, now + policy.leads_in))

    def ask(seen: Seen) -> Finding:
        if seen.now not in known:
            known.clear()
            known[seen.now] = answer(seen.now)
        found = known[seen.now]
        return found, None, "" if found is Truth.TRUE else "these are not its hours", None

    return Condition(name="during", threshold=None, cost=0, settle=lambda _: None, ask=ask)


def _plain(when: When, prefix: str) -> Iterator[Condition]:
    if when.replicas_at_least is not None:
        yield _at_least("replicas_at_least", when.replicas_at_least, facts.ready_replicas, prefix)
    if when.gpus_at_least is not None:
        yield _at_least("gpus_at_least", when.gpus_at_least, facts.gpus, prefix)
    for name, (since, why_not) in _SINCE.items():
        if (threshold := getattr(when, name)) is not None:
            yield _elapsed(name, threshold, since, why_not, prefix)
    if when.saves_at_least is not None:
        yield _saves(when.saves_at_least, prefix)


def _of_use(when: When, data: RequireData, prefix: str) -> Iterator[Condition]:
    if when.quiet_for is not None:
        yield _quiet("quiet_for", when.quiet_for, data, prefix, covered=False)
    if when.idle_for is not None:
        yield _quiet("idle_for", when.idle_for, data, prefix, covered=True)


def _at_least(name: str, count: int, fact: Callable[[Deployment], int], prefix: str) -> Condition:
    def settle(deployment: Deployment) -> Finding:
        found = fact(deployment)
        return truth_of(found >= count), found, "", None

    return Condition(
        name=prefix + name,
        threshold=count,
        cost=0,
        settle=settle,
        ask=lambda seen: settle(seen.deployment),
    )


def _elapsed(
    name: str,
    threshold: timedelta,
    since: Callable[[Seen], datetime | None],
    why_not: Callable[[Deployment], str],
    prefix: str,
) -> Condition:
    """Since when, against a duration; false at once where *why_not* names a reason."""

    def ask(seen: Seen) -> Finding:
        begun = since(seen)
        if begun is None:
            return Truth.UNKNOWN, None, "since when is not known", None
        elapsed = seen.now - begun
        return truth_of(elapsed >= threshold), elapsed, "", seen.situation.fleet.answered_at

    return Condition(
        name=prefix + name,
        threshold=threshold,
        cost=1,
        settle=_unless(why_not),
        ask=ask,
        reaches=threshold,
    )


def _unless(why_not: Callable[[Deployment], str]) -> Callable[[Deployment], Finding | None]:
    """Settle for false where *why_not* names a reason."""

    def settle(deployment: Deployment) -> Finding | None:
        reason = why_not(deployment)
        return (Truth.FALSE, None, reason, None) if reason else None

    return settle


def _quiet(
    name: str, threshold: timedelta, data: RequireData, prefix: str, *, covered: bool
) -> Condition:
    fresh, least = data.fresh_within, float(data.coverage)

    def ask(seen: Seen) -> Finding:
        stretch, because, at = seen.stretch(fresh)
        if stretch is None or at is None:
            return Truth.UNKNOWN, None, because, at
        if stretch < threshold:
            return Truth.FALSE, stretch, because, at
        if covered:
            coverage = seen.situation.evidence.coverage(
                seen.uid, since=at - threshold, until=at, every=seen.situation.metrics_every
            )
            if not coverage >= least:
                short = f"only {coverage:.0%} of its scrapes are known, {least:.0%} are needed"
                return Truth.UNKNOWN, None, short, at
        return Truth.TRUE, stretch, "", at

    return Condition(
        name=prefix + name,
        threshold=threshold,
        cost=2,
        settle=_unless(facts.not_idle),
        ask=ask,
        reaches=threshold,
    )


def _deletes_within(threshold: timedelta, clock: timedelta, prefix: str) -> Condition:
    """The provider's own delete: only bounds of its deadline are known, so often unknown."""

    def ask(seen: Seen) -> Finding:
        if seen.deployment.max_replica_count == 0:
            return Truth.UNKNOWN, None, "whether parked ones are deleted is not documented", None
        earliest, latest = _last_traffic(seen)
        if latest is not None and latest + clock - seen.now <= threshold:
            return Truth.TRUE, max(latest + clock - seen.now, timedelta(0)), "at the latest", None
        if earliest + clock - seen.now > threshold:
            return Truth.FALSE, earliest + clock - seen.now, "at the earliest", None
        return Truth.UNKNOWN, None, "when it was used last is not known well enough", None

    return Condition(
        name=f"{prefix}provider_deletes_within",
        threshold=threshold,
        cost=2,
        settle=_unless(facts.not_deleted_by_provider),
        ask=ask,
    )


def _last_traffic(seen: Seen) -> tuple[datetime, datetime | None]:
    """Bound the instant of the newest request: not before, not after (None: not known)."""
    earliest = seen.quiet.active_at or seen.deployment.created_at
    if seen.deployment.ready_replica_count == 0:
        return earliest, seen.situation.ages.at_zero_since(seen.uid)
    return earliest, seen.quiet.quiet_since


def _saves(least: Decimal, prefix: str) -> Condition:
    wanted = int(least * MICRO)

    def ask(seen: Seen) -> Finding:
        saved = seen.saved_micro_usd(seen.deployment.gpu_count)
        if saved is None:
            return Truth.TRUE, None, "it is unpriced, which counts as saving", None
        return truth_of(saved >= wanted), Decimal(saved) / MICRO, "", None

    return Condition(
        name=f"{prefix}saves_at_least",
        threshold=least,
        cost=3,
        settle=lambda _: None,
        ask=ask,
    )


def _not(inner: tuple[Condition, ...], prefix: str) -> Condition:
    def settle(deployment: Deployment) -> Finding | None:
        truth, left = settle_all(inner, deployment)
        if truth is Truth.FALSE:
            return Truth.TRUE, None, "", None
        return None if left else (negation(truth), None, "", None)

    return Condition(
        name=f"{prefix}not",
        threshold=None,
        cost=max(condition.cost for condition in inner),
        settle=settle,
        ask=lambda seen: (negation(all_of(inner, seen)), None, "", None),
        parts=inner,
    )


def _any(choices: tuple[tuple[Condition, ...], ...], prefix: str) -> Condition:
    parts = tuple(condition for choice in choices for condition in choice)

    def settle(deployment: Deployment) -> Finding | None:
        settled = [settle_all(choice, deployment) for choice in choices]
        sure = [truth for truth, left in settled if not left]
        if len(sure) == len(settled) or Truth.TRUE in sure:
            return disjunction(sure), None, "", None
        return None

    return Condition(
        name=f"{prefix}any",
        threshold=None,
        cost=max(condition.cost for condition in parts),
        settle=settle,
        ask=lambda seen: (disjunction(all_of(each, seen) for each in choices), None, "", None),
        parts=parts,
    )
