"""Faults of the simulated control plane: what goes wrong, where, when and how often.

A fault file is TOML; `docs/simulator.md` lists every kind::

    seed = 7                     # of the draws, where a probability is given

    [[fault]]
    kind = "server-error"        # see `firewarden.providers.simulated.fault_kinds.KINDS`
    id = "list-down"             # how the log and the counters call it; default: kind and number
    on = "list"                  # one of `TARGETS`
    from = "2h"                  # after the world's start, or an RFC 3339 instant; default: always
    to = "2h10m"                 # likewise; it ends before this instant
    probability = 0.5            # of each request it matches; default: 1
    times = 3                    # at most so often; default: no limit
    page = "later"               # first, later or any page of a list; default: any
    deployment = "chat-prod"     # of requests, items or series about this one only

Other keys are options of the kind. Of several faults that match, the first takes the request.
"""

import tomllib
from collections.abc import Sequence
from datetime import timedelta
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from firewarden.errors import SettingsError
from firewarden.model.vocabulary import State
from firewarden.providers.simulated.broken import Broken
from firewarden.providers.simulated.fault_kinds import KINDS
from firewarden.providers.simulated.fault_types import Arrival, Fault, Run, Scene, when
from firewarden.providers.simulated.gateway import Reply
from firewarden.providers.simulated.instants import span_ms, to_ms
from firewarden.providers.simulated.plan import Json
from firewarden.providers.simulated.seeds import child
from firewarden.providers.simulated.world import World

TARGETS = (
    "accounts", "list", "get", "metrics", "bill", "prices", "models", "quotas", "audit", "write",
    "any",
)  # fmt: skip
_PAGES = ("first", "later", "any")


class Faults:
    """The faults of one world, with their windows made instants, and counters."""

    def __init__(self, faults: Sequence[Fault], *, seed: int = 0) -> None:
        self._faults = tuple(faults)
        self._rngs = {fault.id: child(seed, "fault", fault.id) for fault in faults}
        self._memories: dict[str, dict[str, Any]] = {fault.id: {} for fault in faults}
        self._fired = dict.fromkeys((fault.id for fault in faults), 0)
        self._spans: dict[str, tuple[int, int | None]] = {}

    def bind(self, world: World) -> None:
        """Tie the windows to *world*, and plan what happens when they begin."""
        for fault in self._faults:
            since = _instant(world, fault.since)
            start = to_ms(world.start) if since is None else since
            self._spans[fault.id] = (start, _instant(world, fault.until))
            if KINDS[fault.kind].begin is not None:
                world.agenda.plan(start, partial(self._begin, world, fault))

    def strike(self, world: World, arrival: Arrival, run: Run) -> tuple[Reply | Broken, str]:
        """Answer *arrival* by the first fault that takes it, or as it should be; name the fault."""
        for fault in self._faults:
            effect = KINDS[fault.kind].effect
            if effect is None or not self._takes(fault, arrival, world):
                continue
            self._fired[fault.id] += 1
            scene = Scene(
                fault=fault,
                arrival=arrival,
                world=world,
                run=run,
                rng=self._rngs[fault.id],
                memory=self._memories[fault.id],
            )
            return effect(scene), fault.id
        return run(), ""

    def counts(self) -> list[Json]:
        """Tell how often each has fired."""
        return [
            {"id": fault.id, "kind": fault.kind, "fired": self._fired[fault.id]}
            for fault in self._faults
        ]

    def _begin(self, world: World, fault: Fault) -> None:
        begin = KINDS[fault.kind].begin
        if begin is not None and begin(world, fault, self._memories[fault.id]):
            self._fired[fault.id] += 1

    def _takes(self, fault: Fault, arrival: Arrival, world: World) -> bool:
        now, (start, end) = world.agenda.now, self._spans[fault.id]
        if now < start or (end is not None and now >= end):
            return False
        if fault.on not in {"any", arrival.target} or not _is_page(fault, arrival):
            return False
        if arrival.deployment_id and fault.deployment not in {"", arrival.deployment_id}:
            return False
        if fault.deployment and not arrival.deployment_id and not _is_there(fault, arrival, world):
            return False
        if fault.times is not None and self._fired[fault.id] >= fault.times:
            return False
        return fault.probability >= 1 or self._rngs[fault.id].random() < fault.probability


def load_faults(path: Path) -> Faults:
    """Read a fault file.

    Raises:
        SettingsError: it cannot be read, is not TOML, or says what no fault understands.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"cannot be read: {error.strerror}", where=str(path), mend="give a file with --faults"
        ) from error
    return parse_faults(text, where=str(path))


def parse_faults(text: str, *, where: str = "faults") -> Faults:
    """Read the text of a fault file; see `load_faults`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"not TOML: {error}", where=where, mend="see docs/simulator.md"
        ) from error
    unknown = content.keys() - {"seed", "fault"}
    if unknown:
        raise SettingsError(
            f"unknown key {min(unknown)!r}", where=where, mend="known: seed, [[fault]]"
        )
    rows = content.get("fault", [])
    faults = [_read(row, number, where) for number, row in enumerate(rows, start=1)]
    return Faults(faults, seed=int(content.get("seed", 0)))


def _read(row: Json, number: int, where: str) -> Fault:
    place = f"{where}: fault {number}"
    name = _one_of(row.pop("kind", ""), tuple(KINDS), "kind", place)
    kind = KINDS[name]
    fault = Fault(
        id=str(row.pop("id", f"{name}-{number}")),
        kind=name,
        on=_one_of(row.pop("on", kind.on), TARGETS, "on", place),
        since=when(row.pop("from", None), "from", place),
        until=when(row.pop("to", None), "to", place),
        probability=float(row.pop("probability", 1.0)),
        times=row.pop("times", None),
        page=_one_of(row.pop("page", "any"), _PAGES, "page", place),
        deployment=str(row.pop("deployment", "")),
        options=row,
    )
    for key in row:
        _one_of(key, tuple(sorted(kind.options)), "option", place)
    if "deployment" in kind.needs and not fault.deployment:
        raise SettingsError(f"{name} needs a deployment", where=place, mend='say deployment = "…"')
    return fault


def _one_of(value: object, allowed: Sequence[str], what: str, place: str) -> str:
    if value in allowed:
        return str(value)
    near = get_close_matches(str(value), allowed, n=1)
    mend = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(allowed) or 'none'}"
    raise SettingsError(f"unknown {what} {value!r}", where=place, mend=mend)


def _instant(world: World, when: timedelta | int | None) -> int | None:
    return to_ms(world.start) + span_ms(when) if isinstance(when, timedelta) else when


def _is_there(fault: Fault, arrival: Arrival, world: World) -> bool:
    """Can a listing, or a scrape, show the deployment that *fault* is about?"""
    account = world.accounts.get(arrival.account_id)
    found = None if account is None else account.find(fault.deployment)
    return found is not None and found.state is not State.DELETED


def _is_page(fault: Fault, arrival: Arrival) -> bool:
    is_later = bool(arrival.query.get("pageToken"))
    return fault.page == "any" or is_later == (fault.page == "later")
