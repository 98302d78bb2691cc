"""What people do in a life: on the account itself, by their word, and in answer to a stop."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from firewarden.clock.virtual import VirtualClock
from firewarden.errors import StoreError
from firewarden.model.ids import Uid
from firewarden.model.people import Override, OverrideKind, Request, RequestVerb
from firewarden.providers.simulated.seeds import child
from firewarden.providers.simulated.world import World
from firewarden.store import overrides, requests
from firewarden.store.engine import Database
from firewarden.store.session import Session
from tests.simulation.ring.casting import NEVER
from tests.simulation.ring.striking import CHAOS
from tests.simulation.ring.watching import ACME, Truth, Watch
from tests.simulation.stages import HOUR, MINUTE, START
from tests.support.slack import FakeSlack

ADA = "cli:ada@here"
LOOKS_EVERY = MINUTE

WHATEVER = (
    "request", "request", "raise", "widen", "tag", "delete", "recreate", "restart",
    "snooze", "protect", "pause", "slack", "slack",
)  # fmt: skip
SLACK_FAULTS = "http_503", "http_429", "hang_before", "hang_after", "http_500_after", "garbage"
ANSWERS = (
    "leave", "leave", "leave", "request", "request", "request", "put back", "put back", "restore",
    "recreate", "delete",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """One thing that somebody does to one deployment at one instant.

    *span* is how long it lasts, where it does; *count* how much of it.
    """

    at: datetime
    what: str
    name: str
    span: timedelta = timedelta(0)
    count: int = 1


def draw_doings(rng: Random, names: list[str]) -> list[Doing]:
    """Draw what people do of their own accord, in order."""
    found = [
        Doing(
            at=START + rng.uniform(0.02, 0.97) * CHAOS,
            what=rng.choice(WHATEVER),
            name=rng.choice(names),
            span=rng.uniform(4, 30) * MINUTE,
            count=rng.randint(1, 20),
        )
        for _ in range(rng.randint(2, 8))
    ]
    return sorted(found, key=lambda each: each.at)


@dataclass(slots=True, kw_only=True)
class People:
    """Everybody who has to do with the account.

    Attributes:
        todo: what is still to be done, in order.
        done: what has been done, each with what was true of the deployment just before.
    """

    seed: int
    world: World
    watch: Watch
    clock: VirtualClock
    database: Database
    slack: FakeSlack
    todo: list[Doing]
    slack_failed: list[str] = field(default_factory=list)
    done: list[tuple[Doing, Truth | None]] = field(default_factory=list)
    answered: int = 0

    async def live(self) -> None:
        """Do everything in its time, and answer what the daemon does; end with the chaos."""
        while self.clock.now() < START + CHAOS:
            next_at = min([each.at for each in self.todo] + [self.clock.now() + LOOKS_EVERY])
            await self.clock.sleep(max(next_at - self.clock.now(), timedelta(0)))
            self._look_back()
            while self.todo and self.todo[0].at <= self.clock.now():
                self._do(self.todo.pop(0))
        self._let_go()

    def _look_back(self) -> None:
        """Decide what to do about each stop there has been since the last look."""
        changes, self.answered = self.watch.changes[self.answered :], len(self.watch.changes)
        for number, change in enumerate(changes, start=self.answered - len(changes)):
            is_stop = change.call == "PATCH :scale" or change.body.get("maxReplicaCount") == 0
            if not is_stop and change.call != "DELETE":
                continue
            rng = child(self.seed, "answer", change.name, number)
            what = rng.choice(ANSWERS) if is_stop else rng.choice(("leave", "undelete"))
            at = self.clock.now() + rng.uniform(1, 35) * MINUTE
            if what != "leave" and at < START + CHAOS:
                self.todo.append(Doing(at=at, what=what, name=change.name, count=3))
        self.todo.sort(key=lambda each: each.at)

    def _do(self, doing: Doing) -> None:
        if doing.what == "slack":
            kind = SLACK_FAULTS[doing.count % len(SLACK_FAULTS)]
            until = min(self.clock.now() + doing.span, START + CHAOS)
            self.slack.fail(kind, until=until, retry_after=30)
            self.slack_failed.append(kind)
            return
        truth = self.watch.truth(doing.name)
        if truth is None or (truth.is_gone and doing.what != "undelete"):
            return
        if doing.what in {"recreate", "delete"} and doing.name in NEVER | {"base-new"}:
            return
        if self._act(doing, truth):
            self.world.advance(self.clock.now())
            self.done.append((doing, truth))

    def _act(self, doing: Doing, truth: Truth) -> bool:
        world, name, now = self.world, doing.name, self.clock.now()
        match doing.what:
            case "request":
                world.request(name, now, doing.count)
            case "delete" | "recreate" | "restart" as what:
                getattr(world, what)(name, now)
            case "raise":
                floor, ceiling = truth.floor + 1, max(truth.ceiling, truth.floor + 1)
                world.human_patch(name, now, minReplicaCount=floor, maxReplicaCount=ceiling)
            case "widen":
                world.human_patch(name, now, maxReplicaCount=truth.ceiling + 1)
            case "put back":
                world.human_patch(
                    name, now, minReplicaCount=1, maxReplicaCount=max(truth.ceiling, 1)
                )
            case "tag":
                world.human_patch(name, now, annotations={"custom/firewarden.protect": "true"})
            case "restore" | "undelete" as what:
                return self._ask(RequestVerb(what), truth.uid)
            case what:
                return self._say(OverrideKind(what), truth.uid, doing.span)
        return True

    def _say(self, kind: OverrideKind, uid: Uid, span: timedelta) -> bool:
        now = self.clock.now()
        word = Override(
            account=ACME,
            kind=kind,
            uid=uid if kind.is_about_one else None,
            since=now,
            until=min(now + span, START + CHAOS),
            actor=ADA,
        )
        return self._write(lambda session: overrides.put(session, word))

    def _ask(self, verb: RequestVerb, uid: Uid) -> bool:
        now = self.clock.now()
        request = Request(
            account=ACME, verb=verb, actor=ADA, uid=uid, asked_at=now, expires_at=now + HOUR
        )
        return self._write(lambda session: requests.ask(session, request))

    def _let_go(self) -> None:
        """End a pause that a write which went wrong has brought about, once it was looked at."""
        now = self.clock.now()
        with self.database.reading() as session:
            standing = overrides.standing(session, ACME, now=now)
        if any(each.kind is OverrideKind.PAUSE for each in standing):
            self._write(
                lambda session: overrides.resume(session, ACME, by=ADA, reason="seen", at=now)
            )

    def _write(self, work: Callable[[Session], int]) -> bool:
        """Write beside the daemon; False where nobody has met the deployment yet."""
        try:
            with self.database.writing() as session:
                work(session)
        except StoreError:
            return False
        return True
