"""What goes wrong in a life that a seed draws: faults of the provider, deaths of the daemon."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from firewarden.ports import CrashPoint
from firewarden.providers.simulated.fault_kinds import KINDS
from tests.simulation.stages import HOUR, MINUTE

CHAOS = 125 * MINUTE
"""From the beginning: so long may things go wrong, and people do things."""

TAIL = 95 * MINUTE
"""Afterwards nothing does, until the end: a failure is over after an hour, then it is due."""

NOTHING_ASKED_BEFORE = CHAOS - HOUR
"""A provider that wants to be left alone for an hour says so before this instant."""

ON_LIST = sorted(name for name, kind in KINDS.items() if kind.on == "list")
ON_METRICS = sorted(name for name, kind in KINDS.items() if kind.on == "metrics")
ON_WRITE = ("lost-answer", "reverted")
BEGINNING = ("recreated",)
ON_GET = sorted(name for name, kind in KINDS.items() if kind.on == "get")
ANYWHERE = sorted(
    name for name, kind in KINDS.items() if kind.on == "any" and name not in BEGINNING
)
TARGETS = ("list", "get", "metrics", "models", "prices", "accounts", "any")

OPTIONS = {
    "throttle": ("retry_after", ("", "4", "45", "200", "date", "absurd", "negative", "garbage")),
    "server-error": ("status", (500, 502, 503, 504)),
    "error-shape": ("shape", ("nested", "text", "inference", "status")),
    "html": ("status", (200, 502)),
    "hang": ("wait", ("40s", "5m", "1h")),
    "slow": ("wait", ("2s", "7s", "20s")),
    "missing-item": ("total", ("adjusted", "")),
    "repeated-item": ("total", ("adjusted", "")),
    "short-page": ("total", ("adjusted", "")),
    "reverted": ("after", ("1m", "5m", "20m")),
}
ASKED_FOR = {"4": 4, "45": 45, "200": 200, "date": 19, "absurd": 3600}
"""Seconds that a `throttle` asks for, surely; an absurd wish is cut to an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of a fault file, with its instants from the beginning on."""

    kind: str
    on: str
    since: timedelta
    until: timedelta
    rows: dict[str, object] = field(default_factory=dict)

    def written(self, number: int) -> str:
        rows = {
            "id": f"{self.kind}-{number}",
            "kind": self.kind,
            "on": self.on,
            "from": f"{self.since // timedelta(seconds=1)}s",
            "to": f"{self.until // timedelta(seconds=1)}s",
            **self.rows,
        }
        said = (f"{name} = {json.dumps(value)}\n" for name, value in rows.items())
        return "".join(("[[fault]]\n", *said))


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """The end of a process: at the first passage of *point* from *after* on, or right then.

    *point* None: at that very instant, whatever is under way. *well*: it is asked to stop.
    """

    after: timedelta
    down_for: timedelta
    point: CrashPoint | None = None
    well: bool = False


def draw_faults(rng: Random, names: list[str]) -> tuple[Fault, ...]:
    """Draw what the provider does wrong; the first that meets a request takes it."""
    writes = [_of_writes(rng) for _ in range(rng.randint(0, 3))]
    windows = [_window(rng, names) for _ in range(rng.randint(2, 9))]
    return (*writes, *windows)


def draw_deaths(rng: Random) -> tuple[Death, ...]:
    """Draw how often the daemon dies, and of what; in their order."""
    found = []
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        point = rng.choice((*CrashPoint, *ACTING, None))
        found.append(
            Death(
                after=rng.uniform(0.03, 0.85) * CHAOS,
                down_for=rng.choice((0.1, 1, 4, 25)) * rng.random() * MINUTE,
                point=point,
                well=point is None and rng.random() < WELL,
            )
        )
    return tuple(sorted(found, key=lambda each: each.after))


ACTING = tuple(
    point
    for point in CrashPoint
    if point.partition(".")[0] in {"intent", "target", "bounds", "call", "outcome"}
)
"""Points that only a change passes: drawn twice as often."""

WELL = 0.4
"""So many of the deaths at an instant are a stop that was asked for."""


def _of_writes(rng: Random) -> Fault:
    """One that strikes the first changes, whenever they come."""
    kind = rng.choice((*ON_WRITE, *ON_WRITE, *ANYWHERE))
    rows = _options(rng, kind, absurd=False)
    rows |= {"times": rng.randint(1, 3), "probability": rng.choice((0.5, 1.0))}
    return Fault(kind=kind, on="write", since=timedelta(0), until=CHAOS, rows=rows)


def _window(rng: Random, names: list[str]) -> Fault:
    kind = rng.choice((*ANYWHERE, *ON_LIST, *ON_GET, *ON_METRICS, *BEGINNING))
    since = rng.uniform(0, 0.93) * CHAOS
    until = min(since + rng.choice((3, 8, 8, 25, 25, 80)) * rng.uniform(0.5, 1) * MINUTE, CHAOS)
    rows = _options(rng, kind, absurd=until < NOTHING_ASKED_BEFORE)
    if kind in BEGINNING or (kind in {"missing-item", "metrics-partial"} and rng.random() < HALF):
        rows["deployment"] = rng.choice(names)
    if rng.random() < HALF:
        rows["probability"] = round(rng.uniform(0.2, 0.9), 2)
    on = rng.choice(TARGETS) if kind in ANYWHERE else KINDS[kind].on
    return Fault(kind=kind, on=on, since=since, until=until, rows=rows)


HALF = 0.5


def _options(rng: Random, kind: str, *, absurd: bool) -> dict[str, object]:
    name, choices = OPTIONS.get(kind, ("", ()))
    kept = [each for each in choices if each != "absurd" or absurd]
    value = rng.choice(kept) if kept else ""
    rows: dict[str, object] = {name: value} if value else {}
    if value == "absurd":
        rows["times"] = 1
    return rows


def fault_file(faults: tuple[Fault, ...], *, seed: int) -> str:
    """Write them as the simulator reads them."""
    rows: Iterator[str] = (each.written(number) for number, each in enumerate(faults, start=1))
    return f"seed = {seed}\n" + "".join(rows)
