"""The demo's scenes: what changed between two looks at the fleet, one line each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from firewarden.model.activity import Activity
from firewarden.model.verdict import IncidentState
from firewarden.report.status import DeploymentStatus, FleetStatus
from firewarden.report.text import clean, clock_time, duration, gpus, plural, usd

QUIET_WORTH_A_SCENE = timedelta(minutes=15)


class Plot(StrEnum):
    """The kinds of scenes."""

    WATCHED = "watched"
    CAME = "came"
    WENT = "went"
    STARTING = "starting"
    SERVING = "serving"
    AT_ZERO = "at zero"
    GOING_IDLE = "going idle"
    WARNED = "would be warned"
    STOPPED = "would be stopped"
    IN_USE_AGAIN = "in use again"
    HELD = "held back"
    BLIND = "blind"
    SEEING = "seeing again"


_ASIDE = frozenset({Plot.BLIND, Plot.SEEING})
"""What is only told to who wants everything."""


_TOLD_APART = 3
"""More scenes of one kind in one look are told as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One line of the story; *subject* is the deployment it is about, or ""."""

    plot: Plot
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grip:
    """One policy's incident on one deployment, as far as the story needs it.

    ``idle_cost`` is what the deployment has cost while idle so far; None: unpriced.
    """

    deployment_id: str
    policy: str
    state: IncidentState
    reason: str
    held_by: str | None
    idle_cost: Decimal | None
    saves_usd_per_hour: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """One look at the fleet and at what the policies have in motion."""

    status: FleetStatus
    grips: tuple[Grip, ...] = ()


def scenes(before: Glimpse | None, after: Glimpse) -> Iterator[Scene]:
    """Tell what happened from *before* to *after*; the first look introduces the fleet."""
    if after.status.observed_at is None:
        return
    if before is None or before.status.observed_at is None:
        yield _opening(after.status)
    else:
        yield from _blindness(before.status, after.status)
        was = _by_id(before.status)
        for each in after.status.deployments:
            yield from _deployment_scenes(was.get(each.deployment_id), each)
        for gone in was.keys() - _by_id(after.status).keys():
            yield Scene(plot=Plot.WENT, subject=gone, text=f"{gone} is gone")
    yield from _grip_scenes(before.grips if before else (), after)


def _by_id(status: FleetStatus) -> Mapping[str, DeploymentStatus]:
    return {each.deployment_id: each for each in status.deployments}


def _opening(status: FleetStatus) -> Scene:
    held = sum(each.gpu_count for each in status.deployments)
    burn = sum((each.burn_usd_per_hour or Decimal(0) for each in status.deployments), Decimal(0))
    fleet = plural(len(status.deployments), "deployment")
    text = f"watching {status.account}: {fleet}, {plural(held, 'GPU')}, {usd(burn, per='h')}"
    return Scene(plot=Plot.WATCHED, subject="", text=text)


def _blindness(before: FleetStatus, after: FleetStatus) -> Iterator[Scene]:
    if before.complete and not after.complete:
        text = f"the listing is not complete ({after.problem}): nothing is concluded from it"
        yield Scene(plot=Plot.BLIND, subject="", text=text)
    if after.complete and not before.complete:
        yield Scene(plot=Plot.SEEING, subject="", text="the listing is complete again")


def _deployment_scenes(was: DeploymentStatus | None, now: DeploymentStatus) -> Iterator[Scene]:
    name = now.deployment_id
    held = gpus(now.gpu_count, now.accelerator_type)
    if was is None:
        yield Scene(plot=Plot.CAME, subject=name, text=f"{name} is new: {now.state}")
        return
    if now.activity is Activity.STARTING and was.activity is not Activity.STARTING:
        yield Scene(plot=Plot.STARTING, subject=name, text=f"{name} is starting; not billed yet")
    if now.gpu_count > was.gpu_count:
        burn = usd(now.burn_usd_per_hour, per="h")
        yield Scene(plot=Plot.SERVING, subject=name, text=f"{name} serves: {held}, {burn}")
    if was.gpu_count and not now.gpu_count:
        yield Scene(plot=Plot.AT_ZERO, subject=name, text=f"{name} went to zero by itself")
    if _is_long_quiet(now) and not _is_long_quiet(was):
        text = f"{name} is going idle: no request for {duration(now.quiet_for)}, {held}, "
        yield Scene(
            plot=Plot.GOING_IDLE, subject=name, text=text + usd(now.burn_usd_per_hour, per="h")
        )
    if _is_long_quiet(was) and now.activity is Activity.ACTIVE:
        text = f"{name} is in use again after {duration(was.quiet_for)}, left alone"
        yield Scene(plot=Plot.IN_USE_AGAIN, subject=name, text=text)


def _is_long_quiet(each: DeploymentStatus) -> bool:
    return (
        each.gpu_count > 0
        and each.quiet_for is not None
        and each.quiet_for >= QUIET_WORTH_A_SCENE
        and each.activity is not Activity.ACTIVE
    )


def _grip_scenes(before: Iterable[Grip], after: Glimpse) -> Iterator[Scene]:
    was = {(each.deployment_id, each.policy): each for each in before}
    for grip in after.grips:
        old = was.get((grip.deployment_id, grip.policy))
        if old is None or old.state is not grip.state:
            yield from _grip_scene(grip, after.status)


def _grip_scene(grip: Grip, status: FleetStatus) -> Iterator[Scene]:
    name = grip.deployment_id
    burn = usd(grip.saves_usd_per_hour, per="h")
    if grip.state in {IncidentState.WARNED, IncidentState.WAITING}:
        due = _due(name, status)
        text = f"{name} would be warned: {grip.reason}, {burn}{due}"
        yield Scene(plot=Plot.WARNED, subject=name, text=text)
    elif grip.state is IncidentState.DONE:
        cost = "unpriced" if grip.idle_cost is None else f"{usd(grip.idle_cost)} so far"
        text = f"{name} would be stopped: {grip.reason}; idle it cost {cost}; saves {burn}"
        yield Scene(plot=Plot.STOPPED, subject=name, text=text)
    elif grip.state is IncidentState.HELD:
        text = f"{name} would be stopped but is held: {grip.held_by}"
        yield Scene(plot=Plot.HELD, subject=name, text=text)


def _due(name: str, status: FleetStatus) -> str:
    action = next(
        (each.next_action for each in status.deployments if each.deployment_id == name), None
    )
    if action is None or action.at is None:
        return ""
    return f", would be stopped at {clock_time(action.at, now=status.now, zone=status.timezone)}"


@dataclass(slots=True)
class Storyteller:
    """Numbers the scenes; without *verbose* each kind is told once a deployment, many as one."""

    verbose: bool
    _told: set[tuple[Plot, str]] = field(default_factory=set)
    _before: Glimpse | None = None
    _count: int = 0

    def look(self, glimpse: Glimpse) -> Iterator[str]:
        """Give the lines to print for what happened since the last look."""
        before, self._before = self._before, glimpse
        now = glimpse.status.now
        found = list(scenes(before, glimpse))
        for text in self._all(found) if self.verbose else self._news(found):
            self._count += 1
            at = clock_time(now, now=now, zone=glimpse.status.timezone)
            yield clean(f"{self._count:>3}. {at}  {text}")

    @staticmethod
    def _all(found: list[Scene]) -> Iterator[str]:
        return (scene.text for scene in found)

    def _news(self, found: list[Scene]) -> Iterator[str]:
        plots: dict[Plot, list[Scene]] = {}
        for scene in found:
            key = (scene.plot, scene.subject)
            if key not in self._told and scene.plot not in _ASIDE:
                self._told.add(key)
                plots.setdefault(scene.plot, []).append(scene)
        for plot, alike in plots.items():
            if len(alike) <= _TOLD_APART:
                yield from (scene.text for scene in alike)
            else:
                yield _together(plot, alike)


def _together(plot: Plot, alike: list[Scene]) -> str:
    names = ", ".join(scene.subject for scene in alike[:_TOLD_APART])
    more = len(alike) - _TOLD_APART
    return f"{plot.value}: {len(alike)} deployments at once: {names} and {more} more"
