"""What a fault is made of: when it holds, what it strikes, what it may use to do so."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Protocol

from firewarden.errors import SettingsError
from firewarden.providers.simulated.broken import Broken
from firewarden.providers.simulated.gateway import Handler, Reply
from firewarden.providers.simulated.instants import parse_instant
from firewarden.providers.simulated.world import World

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault as its file says it; *since* and *until* are durations or instants, or None."""

    id: str
    kind: str
    on: str
    since: timedelta | int | None = None
    until: timedelta | int | None = None
    probability: float = 1.0
    times: int | None = None
    page: str = "any"
    deployment: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request as faults see it: where it goes and what it is about."""

    method: str
    target: str
    query: Mapping[str, str]
    account_id: str = ""
    deployment_id: str = ""


class Run(Protocol):
    """Carries the request out on the world, by its own handler or by another."""

    def __call__(self, handler: Handler | None = None, *, drop: Sequence[str] = ()) -> Reply:
        """Answer as if nothing were wrong, query parameters of *drop* left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that an effect may use; *memory* is kept between the requests that a fault takes."""

    fault: Fault
    arrival: Arrival
    world: World
    run: Run
    rng: Random
    memory: dict[str, Any]


Effect = Callable[[Scene], Reply | Broken]
Begin = Callable[[World, Fault, dict[str, Any]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of fault: where it strikes by default, what it does to a request or the world.

    *begin* is called once, at the start of its window (at the world's start if it has none),
    with what it may keep for the effect; it tells whether that counts as having fired.
    """

    on: str
    effect: Effect | None = None
    begin: Begin | None = None
    options: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()


def when(value: object, what: str, place: str) -> timedelta | int | None:
    """Read a duration after the world's start, or an instant in milliseconds; None if absent."""
    if value is None:
        return None
    text = str(value)
    instant = parse_instant(text)
    if instant is not None:
        return instant
    if not text or _PART.sub("", text):
        raise SettingsError(
            f"{what}: {text!r} is neither a duration nor an instant",
            where=place,
            mend='write "2h10m" after the start, or "2026-11-04T12:00:00Z"',
        )
    return sum(
        (timedelta(**{_UNITS[unit]: float(amount)}) for amount, unit in _PART.findall(text)),
        timedelta(0),
    )


def duration(text: str) -> timedelta:
    """Read a duration such as ``2h10m`` out of an option of a fault."""
    found = when(text, "option", "faults")
    return found if isinstance(found, timedelta) else timedelta(0)
