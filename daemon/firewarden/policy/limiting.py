"""Sound budgets and commitments of files, with every default filled in."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from firewarden.model.commitment import Commitment
from firewarden.model.price import MICRO
from firewarden.model.vocabulary import Mode, Severity, Verb
from firewarden.policy.budgets import BudgetEntry, ScopeEntry
from firewarden.policy.commitments import NONE, CommitmentEntry
from firewarden.policy.joining import Read
from firewarden.policy.limits import CAP_LIMITS
from firewarden.policy.money import Budget, Rung, Threshold
from firewarden.policy.places import Tree
from firewarden.policy.schema import PolicyFile
from firewarden.policy.thresholds import FORECAST, ThresholdEntry

_APART = {"all_", "each", "untagged"}


def budget_of(name: str, entry: BudgetEntry, tree: Tree, file: PolicyFile) -> Budget:
    """Fill in what *entry* leaves to its file."""
    limit = entry.limit
    dates = None if limit.from_ is None or limit.to is None else (limit.from_, limit.to)
    return Budget(
        name=name,
        description=entry.description,
        scope=_patterns(entry.scope),
        each=entry.scope.each or "",
        untagged=entry.scope.untagged or "",
        is_money=limit.usd is not None,
        at_once=limit.gpus is not None,
        amounts=limit.amounts,
        thresholds=tuple(_threshold(each) for each in entry.thresholds if not each.acts),
        timezone=file.timezone,
        per=limit.per or "",
        rolling=limit.rolling,
        dates=dates,
        planned=limit.planned or {},
        routes=file.defaults.notify if entry.notify is None else entry.notify,
        rungs=tuple(_rung(each, file) for each in entry.rungs),
        stop_early=entry.stop_early,
        restores=None if entry.restore is None else entry.restore.mode,
        limits=replace(
            CAP_LIMITS,
            per_cycle=entry.cap_limits.per_cycle or CAP_LIMITS.per_cycle,
            per_hour=entry.cap_limits.per_hour or CAP_LIMITS.per_hour,
        ),
        allow=frozenset(entry.allow),
        path=tree.path,
        line=tree.place(("budgets", name), of_key=True)[0],
    )


def joined_commitments(read: Sequence[Read]) -> tuple[Commitment, ...] | None:
    """Take what was bought ahead from all files; None: none of them says anything of it."""
    given = [(file, file.commitments) for _, file in read if file.commitments is not None]
    if not given:
        return None
    return tuple(
        _commitment(entry, ZoneInfo(file.timezone))
        for file, entries in given
        if entries != NONE
        for entry in entries
    )


def _commitment(entry: CommitmentEntry, zone: ZoneInfo) -> Commitment:
    """Give it with instants: days begin at midnight in *zone*, and ``to`` is not included."""
    last = entry.to or entry.expires
    assert last is not None, "an entry without an end is refused"
    rate = entry.usd_per_gpu_hour
    return Commitment(
        kind=entry.kind,
        since=None if entry.from_ is None else _midnight(entry.from_, zone),
        until=_midnight(last, zone),
        accelerator_type=entry.accelerator or "",
        placement=(entry.placement or "").casefold(),
        gpus=entry.gpus or 0,
        micro_usd_per_gpu_hour=None if rate is None else int(rate * MICRO),
        usd=entry.usd or Decimal(0),
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _patterns(scope: ScopeEntry) -> Mapping[str, tuple[str, ...]]:
    return {name: getattr(scope, name) for name in sorted(scope.model_fields_set - _APART)}


def _rung(entry: ThresholdEntry, file: PolicyFile) -> Rung:
    assert entry.at is not None, "a verb without a share is refused"
    verb = Verb(entry.do)
    built_in = Rung(at=entry.at, verb=verb, mode=Mode.OBSERVE)
    return Rung(
        at=entry.at,
        verb=verb,
        mode=file.defaults.mode if entry.mode is None else entry.mode,
        first=entry.first or built_in.first,
        expires=entry.expires or built_in.expires,
        acts_unanswered=entry.otherwise == "act",
    )


def _threshold(entry: ThresholdEntry) -> Threshold:
    severity = Severity(entry.do)
    built_in = Threshold(severity=severity)
    return Threshold(
        severity=severity,
        at=entry.at,
        is_forecast=entry.basis == FORECAST,
        probability=built_in.probability if entry.probability is None else entry.probability,
        sustained=entry.sustained or built_in.sustained,
        burn=entry.burn,
        over=entry.over or built_in.over,
        also=entry.and_ or built_in.also,
    )
