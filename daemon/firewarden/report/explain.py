"""Why a deployment is judged as it is: every policy, condition by condition."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from rich.console import RenderableType
from rich.tree import Tree

from firewarden.model.verdict import ConditionResult, Measure, Truth, Verdict
from firewarden.policy.durations import format_duration
from firewarden.report.encode import JsonObject
from firewarden.report.tables import line
from firewarden.report.text import (
    clock_time,
    duration,
    instant,
    instant_json,
    seconds_json,
    usd_json,
)

_MARKS = {Truth.TRUE: "✓ true", Truth.FALSE: "✗ false", Truth.UNKNOWN: "? unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What every policy makes of one deployment at one instant; *notes* are whole lines."""

    deployment_id: str
    at: datetime
    timezone: str
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()


def explain_json(explanation: Explanation) -> JsonObject:
    """Give the stable keys of ``explain --json``."""
    return {
        "deployment_id": explanation.deployment_id,
        "at": instant_json(explanation.at),
        "policies": [_policy_json(verdict) for verdict in explanation.verdicts],
    }


def _policy_json(verdict: Verdict) -> JsonObject:
    return {
        "policy": verdict.policy,
        "mode": verdict.mode.label,
        "verdict": verdict.truth.value,
        "blocked_by": verdict.blocked_by.value if verdict.blocked_by else None,
        "acts_at": instant_json(verdict.acts_at),
        "conditions": [_condition_json(each) for each in verdict.conditions],
    }


def _condition_json(result: ConditionResult) -> JsonObject:
    return {
        "condition": result.condition,
        "value": _measure_json(result.value),
        "threshold": _measure_json(result.threshold),
        "verdict": result.verdict.value,
        "sample_age_seconds": seconds_json(result.sample_age),
    }


def _measure_json(measure: Measure | None) -> float | int | str | None:
    """Write a duration as seconds, money as a decimal string, a count as itself."""
    match measure:
        case timedelta():
            return seconds_json(measure)
        case Decimal():
            return usd_json(measure)
        case _:
            return measure


def _printed(measure: Measure) -> str:
    match measure:
        case timedelta():
            return format_duration(measure)
        case Decimal():
            return f"{measure.normalize():f} USD/h"
        case _:
            return str(measure)


def explain_view(explanation: Explanation) -> RenderableType:
    """Lay the explanation out as a tree, the reason beside each condition."""
    at = instant(explanation.at, zone=explanation.timezone)
    tree = Tree(line(f"{explanation.deployment_id} at {at}", style="bold"))
    for note in explanation.notes:
        tree.add(line(note))
    if not explanation.verdicts:
        tree.add(line("no policy matches it"))
    for verdict in explanation.verdicts:
        branch = tree.add(line(_policy_line(verdict), style="bold"))
        for result in verdict.conditions:
            branch.add(line(_condition_line(result)))
        branch.add(line(_outcome_line(verdict, explanation)))
    return tree


def _policy_line(verdict: Verdict) -> str:
    # Of what is not known the reason begins with that word, and so does the mark.
    told = verdict.reason.removeprefix("unknown: ")
    reason = f": {told}" if told else ""
    return f"{verdict.policy} ({verdict.mode.label}): {_MARKS[verdict.truth]}{reason}"


def _condition_line(result: ConditionResult) -> str:
    value = "unknown" if result.value is None else _printed(result.value)
    wanted = "" if result.threshold is None else f", wants {_printed(result.threshold)}"
    age = f", evidence {duration(result.sample_age)} old" if result.sample_age is not None else ""
    because = f": {result.because}" if result.because else ""
    return f"{_MARKS[result.verdict]}  {result.condition} = {value}{wanted}{age}{because}"


def _outcome_line(verdict: Verdict, explanation: Explanation) -> str:
    if verdict.blocked_by is not None:
        because = f": {verdict.blocked_because}" if verdict.blocked_because else ""
        return f"held by {verdict.blocked_by.value}{because}"
    if verdict.truth is not Truth.TRUE:
        return f"{verdict.verb.value} is not due"
    if verdict.acts_at is None:
        return f"{verdict.verb.value}: when is not known yet"
    at = clock_time(verdict.acts_at, now=explanation.at, zone=explanation.timezone)
    would = "would be" if verdict.mode.label in {"observe", "warn"} else "is"
    return f"{verdict.verb.value} {would} due at {at}"
