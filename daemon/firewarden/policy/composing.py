"""Sound policy files into a `PolicySet`: every default filled in, every hash taken."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from firewarden.model.ids import PolicyName
from firewarden.model.vocabulary import ProviderDelete, PutBack, Verb
from firewarden.policy.calendar import Schedule
from firewarden.policy.capabilities import Capabilities
from firewarden.policy.hashing import hash_of
from firewarden.policy.hours import hours_of, plain_hours
from firewarden.policy.joining import (
    Read,
    joined_alerts,
    joined_routes,
    joined_schedules,
    joined_snooze,
)
from firewarden.policy.limiting import budget_of, joined_commitments
from firewarden.policy.limits import Limits, OnExceed
from firewarden.policy.places import Tree
from firewarden.policy.problems import Problem
from firewarden.policy.reach import routes_of
from firewarden.policy.rules import (
    DEFAULT_SAVING,
    Approval,
    Attribution,
    Autoscaling,
    Policy,
    PolicySet,
    Protection,
    RequireData,
    Step,
)
from firewarden.policy.rungs import climbed, versioned
from firewarden.policy.schema import PolicyEntry, PolicyFile, ProtectionEntry
from firewarden.policy.stages import Bound, SetAutoscalingStage, Stage
from firewarden.policy.strict import Strict


def compose(
    read: Sequence[Read], notes: tuple[Problem, ...], capabilities: Capabilities
) -> PolicySet:
    """Make one document of files in which nothing is wrong."""
    schedules = joined_schedules(read)
    policies = tuple(
        _policy(name, entry, tree, file, schedules)
        for tree, file in read
        for name, entry in file.policies.items()
    )
    protections = tuple(found for tree, file in read for found in _protections(tree, file))
    attribution = tuple(found for tree, file in read for found in _attribution(tree, file))
    commitments = joined_commitments(read)
    budgets = tuple(
        versioned(budget_of(name, entry, tree, file))
        for tree, file in read
        for name, entry in file.budgets.items()
    )
    policies += tuple(climbed(budget, rung) for budget in budgets for rung in budget.rungs)
    routes, alerts, snooze = joined_routes(read), joined_alerts(read), joined_snooze(read)
    return PolicySet(
        policies=policies,
        protections=protections,
        routes=routes,
        hash=hash_of(
            [policy.hash for policy in policies],
            [[_plain(found.match), str(found.until)] for found in protections],
            {name: _plain(route) for name, route in routes.items()},
            asdict(alerts),
            asdict(snooze),
            [[_plain(rule.match)] for rule in attribution],
            [budget.hash for budget in budgets],
            None if commitments is None else [asdict(each) for each in commitments],
        ),
        notes=notes,
        auto_delete_after=capabilities.auto_delete_after,
        alerts=alerts,
        snooze=snooze,
        attribution=attribution,
        commitments=commitments,
        budgets=budgets,
    )


def _policy(
    name: str,
    entry: PolicyEntry,
    tree: Tree,
    file: PolicyFile,
    schedules: Mapping[str, Schedule],
) -> Policy:
    mode = file.defaults.mode if entry.mode is None else entry.mode
    saving = entry.when.saves_at_least
    routes = routes_of(entry, file)
    steps = tuple(_steps(entry.stages, routes, schedules))
    hours = hours_of(entry, file, schedules)
    limits, data, approval = _limits(entry, file), _require_data(entry, file), _approval(entry)
    put_back = _put_back(entry, file)
    provider_delete = entry.provider_delete or ProviderDelete.RESTORE
    return Policy(
        name=PolicyName(name),
        hash=hash_of(
            (name, mode.label, _plain(entry.match), _plain(entry.when)),
            [asdict(replace(step, within=())) for step in steps],
            [plain_hours(step.within) for step in steps if step.within],
            (sorted(set(entry.allow)), asdict(limits), asdict(data), routes),
            (put_back, provider_delete, asdict(approval)),
            {key: plain_hours(value) for key, value in hours.items()},
        ),
        mode=mode,
        description=entry.description,
        match=entry.match,
        when=entry.when,
        steps=steps,
        allow=frozenset(entry.allow),
        limits=limits,
        require_data=data,
        saves_at_least=DEFAULT_SAVING if saving is None else (saving or None),
        verb=Verb.WARN if entry.effect is None else entry.effect.verb,
        grace=sum((step.wait_for for step in steps), timedelta(0)),
        path=tree.path,
        line=tree.place(("policies", name), of_key=True)[0],
        routes=tuple(dict.fromkeys((*routes, *(to for step in steps for to in step.routes)))),
        put_back=put_back,
        provider_delete=provider_delete,
        approval=approval,
        **hours,
    )


def _steps(
    stages: Iterable[Stage], routes: tuple[str, ...], schedules: Mapping[str, Schedule]
) -> Iterator[Step]:
    """Give the steps of *stages*: a warning before its time is one and a wait."""
    for stage in stages:
        if stage.restore is not None:
            continue
        bounds = stage.set_autoscaling
        yield Step(
            verb=stage.verb,
            wait_for=timedelta(0) if stage.wait is None else stage.wait.for_,
            routes=() if stage.warn is None else (stage.warn.to or routes),
            autoscaling=None if bounds is None else _autoscaling(bounds),
            within=tuple(schedules[name] for name in (stage.wait and stage.wait.within) or ()),
        )
        if stage.warn is not None and stage.warn.before is not None:
            yield Step(verb=Verb.WAIT, wait_for=stage.warn.before)


def _autoscaling(given: SetAutoscalingStage) -> Autoscaling:
    least, most = given.min or Bound(), given.max or Bound()
    return Autoscaling(
        min_to=least.to,
        max_to=most.to,
        lower_min_to=least.lower_to,
        lower_max_to=most.lower_to,
        max_to_now=most.now,
        scale_to_zero_window=given.scale_to_zero_window,
    )


def _put_back(entry: PolicyEntry, file: PolicyFile) -> PutBack:
    if entry.puts_back_at_end is not None or entry.restore is PutBack.AT_END:
        return PutBack.AT_END
    if entry.effect is None or entry.effect.scale_to_zero is None:
        return PutBack.NEVER  # no request ends what the other verbs have set
    return entry.restore or file.defaults.restore or PutBack.ON_WAKE


def _approval(entry: PolicyEntry) -> Approval:
    given, built_in = entry.approval, Approval()
    if given is None:
        return built_in
    return Approval(by=given.by or built_in.by, expires=given.expires or built_in.expires)


def _limits(entry: PolicyEntry, file: PolicyFile) -> Limits:
    built_in, default, own = Limits(), file.defaults.limits, entry.limits
    deletes = entry.effect is not None and entry.effect.delete is not None
    on_exceed = own.on_exceed or default.on_exceed
    return Limits(
        per_cycle=own.per_cycle or default.per_cycle or built_in.per_cycle,
        per_hour=own.per_hour or default.per_hour or built_in.per_hour,
        per_day=own.per_day or default.per_day,
        share_per_hour=own.share_per_hour or default.share_per_hour or built_in.share_per_hour,
        on_exceed=OnExceed(on_exceed or (OnExceed.HOLD if deletes else OnExceed.TRICKLE)),
    )


def _require_data(entry: PolicyEntry, file: PolicyFile) -> RequireData:
    built_in, default, own = RequireData(), file.defaults.require_data, entry.require_data
    return RequireData(
        fresh_within=own.fresh_within or default.fresh_within or built_in.fresh_within,
        coverage=own.coverage or default.coverage or built_in.coverage,
    )


def _protections(tree: Tree, file: PolicyFile) -> Iterator[Protection]:
    for index, entry in enumerate(file.protect):
        yield Protection(
            match=entry,
            reason=entry.reason,
            owner=entry.owner,
            until=_until(entry, ZoneInfo(file.timezone)),
            path=tree.path,
            line=tree.place(("protect", index))[0],
        )


def _attribution(tree: Tree, file: PolicyFile) -> Iterator[Attribution]:
    for index, entry in enumerate(file.attribution):
        yield Attribution(
            match=entry,
            says=entry.said(),
            split=entry.split or {},
            path=tree.path,
            line=tree.place(("attribution", index))[0],
        )


def _until(entry: ProtectionEntry, zone: ZoneInfo) -> datetime | None:
    """Give the first instant that is not protected: the *end* of a local day, or as written."""
    if entry.until is None:
        return None
    if "T" not in entry.until and " " not in entry.until:
        day = date.fromisoformat(entry.until) + timedelta(days=1)
        return datetime.combine(day, time.min, zone).astimezone(UTC)
    instant = datetime.fromisoformat(entry.until)
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)


def _plain(entry: Strict) -> object:
    return entry.model_dump(by_alias=True, exclude=_for_people(entry), exclude_none=True)


def _for_people(entry: Strict) -> set[str]:
    return {"reason", "owner"} if isinstance(entry, ProtectionEntry) else set()
