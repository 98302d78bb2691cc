"""The people of a demo: what they do about what comes about, by the doors that people have."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firewarden.app.people import Desk, snooze
from firewarden.errors import StoreUnavailable
from firewarden.model.ids import PolicyName
from firewarden.model.verdict import Incident, IncidentState
from firewarden.ports import RunDb
from firewarden.providers.simulated.world import World
from firewarden.report.audit import deployment_of
from firewarden.store.incidents import read_closed, read_open

LOOK_EVERY = timedelta(minutes=1)
LOOKS_AT_MOST = timedelta(milliseconds=250)
"""Wall time between looks, however compressed the clock."""

CALL_EVERY = timedelta(minutes=2)
CALLED_FOR = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where they act: the simulated account, and its ledger as a command opens it."""

    world: World
    desk: Desk
    run_db: RunDb


Deed = Callable[[Stage, str], Awaitable[None]]
"""What somebody does about the deployment that is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """What is done about *subject*, once *policy*'s grip on it has been in *state* for *after*."""

    subject: str
    policy: PolicyName
    state: IncidentState
    after: timedelta
    deed: Deed

    def has_come(self, incident: Incident, *, now: datetime) -> bool:
        """Is it about *incident*, as that is *now*?"""
        return (
            deployment_of(incident.uid) == self.subject
            and incident.policy == self.policy
            and incident.state is self.state
            and now - incident.entered_at >= self.after
        )


async def play_parts(stage: Stage, cues: tuple[Cue, ...]) -> None:
    """Let everybody do what is theirs, each cue once; ends when all is done."""
    desk, began = stage.desk, stage.desk.clock.now()
    every = max(LOOK_EVERY, LOOKS_AT_MOST * desk.speed)

    def read() -> tuple[Incident, ...]:
        with desk.database.reading() as session:
            closed = read_closed(session, desk.account, since=began)
            return (*read_open(session, desk.account), *closed)

    waiting = list(cues)
    while waiting:
        await desk.clock.sleep(every)
        with suppress(StoreUnavailable):  # what could not be done is done at the next look
            incidents, now = await stage.run_db(read), desk.clock.now()
            for cue in tuple(waiting):
                if any(cue.has_come(each, now=now) for each in incidents):
                    await cue.deed(stage, cue.subject)
                    waiting.remove(cue)


def keep(*, who: str, length: str, reason: str) -> Deed:
    """Have *who* snooze it, as ``firewarden snooze`` does."""

    async def deed(stage: Stage, subject: str) -> None:
        desk = replace(stage.desk, actor=who)
        await stage.run_db(lambda: snooze(desk, subject, length=length, reason=reason))

    return deed


async def call(stage: Stage, subject: str) -> None:
    """Begin to call it, and go on for the rest of the demo."""
    now = stage.desk.clock.now()
    for turn in range(CALLED_FOR // CALL_EVERY):
        stage.world.request(subject, now + turn * CALL_EVERY)


def take_over(*, floor: int) -> Deed:
    """Have somebody set its minimum in the console, and use it from then on."""

    async def deed(stage: Stage, subject: str) -> None:
        now = stage.desk.clock.now()
        stage.world.human_patch(subject, now, minReplicaCount=floor)
        await call(stage, subject)

    return deed
