"""Four accounts behind one address, a PostgreSQL ledger, and the processes that share them."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from firewarden.app.queries import Ledger, open_ledger
from firewarden.app.settings import load_settings
from firewarden.clock.real import CompressedClock, WallClock
from firewarden.providers.simulated.fleet_parts import GPT, H100, fields, flow
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.keys import Key
from firewarden.providers.simulated.patterns import Waves
from firewarden.providers.simulated.plan import AccountPlan, DeploymentPlan
from firewarden.providers.simulated.world import World
from tests.simulation.stages import HOUR
from tests.support.serving import serving
from tests.support.talking import CLOCK, Daemon, Wanted, talking

ROOT = Path(__file__).parents[3]
ACCOUNTS = ("north", "east", "south", "west")
SPEED = 120
PATIENCE_S = 120
"""For what takes seconds on a machine that has nothing else to do."""

POLICY = """\
version: 1
policies:
  old-to-zero:
    mode: enforce
    match: {name: "old-*"}
    when: {older_than: 3h, replicas_at_least: 1}
    stages: [warn, {wait: 2m}, scale_to_zero]
    require_data: {fresh_within: 30m, coverage: 50%}
    limits: {per_cycle: 1, per_hour: 1000, share_per_hour: 100%}
"""


class Call(NamedTuple):
    """One request that may change something: when it came, whose it was, what it asked."""

    at_s: float
    key: str
    method: str
    path: str


class Gate:
    """Lets every request through, and remembers those that may change something."""

    def __init__(self, app: ASGIApp) -> None:
        self.calls: list[Call] = []
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] != "GET":
            headers = dict(scope["headers"])
            key = headers[b"authorization"].decode().removeprefix("Bearer ")
            self.calls.append(Call(CLOCK.mono(), key, scope["method"], scope["path"]))
        await self._app(scope, receive, send)


def plan_of(account: str, *, count: int, every: timedelta) -> AccountPlan:
    """Plan *count* idle ones that come of age *every* so often, as many to be left alone, one used.

    Those left alone keep a stop from being too large a share of what runs.
    """
    old = (
        DeploymentPlan(
            deployment_id=f"old-{number:02d}",
            fields=fields(H100, 1, (1, 2), model=GPT),
            age=3 * HOUR - number * every,
        )
        for number in range(1, count + 1)
    )
    young = (
        DeploymentPlan(
            deployment_id=f"kept-{number:02d}",
            fields=fields(H100, 2, (1, 1), model=GPT),
            age=2 * HOUR,
        )
        for number in range(1, count + 1)
    )
    busy = DeploymentPlan(
        deployment_id="busy",
        fields=fields(H100, 2, (1, 3), model=GPT),
        age=4 * HOUR,  # the bare name of their model leads to the oldest, which protects it
        flows=flow(Waves(per_minute=(31.5, 97.5, 151.5), hours=(0.1, 0.3))),
    )
    return AccountPlan(account_id=account, timezone="UTC", deployments=(busy, *old, *young))


@dataclass(kw_only=True)
class Household:
    """The accounts, and whoever looks after them.

    Attributes:
        names: keys of the processes to come, by which the accounts can tell them apart.
        count: how many are to be stopped in each account.
        last_of_age_s: after the start, when the last of them is to be.
        module, command: what starts a process: the real one, or one with shorter leases.
    """

    folder: Path
    url: str
    database_url: str
    gate: Gate
    clock: CompressedClock
    names: tuple[str, ...]
    count: int
    last_of_age_s: float
    module: str = "firewarden"
    command: tuple[str, ...] = ("run",)
    running: list[Daemon] = field(default_factory=list)

    @contextmanager
    def started(self, name: str, *more: str) -> Iterator[Daemon]:
        """Run one more process, known by its key *name*."""
        variables = self.variables(name)
        command = (*self.command, *more)
        with talking(self.folder, *command, variables=variables, module=self.module) as daemon:
            self.running.append(daemon)
            daemon.hear("daemon.started", within_s=PATIENCE_S)
            yield daemon

    def have_shorter_leases(self, ttl_s: float) -> None:
        """Start processes from now on whose leases last *ttl_s*; there is no setting for it."""
        self.module, self.command = "tests.simulation.replicas.replica", (str(ttl_s),)

    def variables(self, name: str) -> dict[str, str]:
        return {
            "FIREWORKS_API_KEY": name,
            "FIREWORKS_BASE_URL": self.url,
            "FIREWARDEN_DATABASE_URL": self.database_url,
            "FIREWARDEN_POLICIES": str(self.folder / "old.yaml"),
            "FIREWARDEN_LISTEN": "127.0.0.1:0",
            "FIREWARDEN_LOG_LEVEL": "debug",
            "FIREWARDEN_MODE": "enforce",
            "FIREWARDEN_POLL_EVERY": "4m",
            "FIREWARDEN_METRICS_EVERY": "1m",
            "FIREWARDEN_TIME_SPEED": str(SPEED),
            "FIREWARDEN_TIME_ORIGIN": self.clock.origin.isoformat(),
            "PYTHONPATH": str(ROOT),
        }

    def kept_by_each(self, *daemons: Daemon) -> None:
        """Wait until each of *daemons* looks after as many accounts as any other."""
        fair = len(ACCOUNTS) // len(daemons)
        for daemon in daemons:
            daemon.until(partial(_holds, daemon, fair), within_s=PATIENCE_S)

    def told(self, kind: str, *, accounts: Collection[str] = ACCOUNTS) -> list[str]:
        """Give the keys of what people were told of one *kind*, by whomever."""
        return [
            event["key"]
            for one in self.running
            for event in list(one.log)
            if event.get("kind") == kind and event["account"] in accounts
        ]

    @contextmanager
    def ledger(self, account: str) -> Iterator[Ledger]:
        settings = load_settings(
            self.folder / "firewarden.toml", environ=self.variables(self.names[0]), dotenv=None
        ).settings
        with open_ledger(settings, account) as ledger:
            yield ledger

    def ask(self, path: str) -> Any:
        return httpx.get(f"{self.url}{path}", timeout=PATIENCE_S).raise_for_status().json()


def held(daemon: Daemon) -> set[str]:
    """Name the accounts that *daemon* looks after, as far as it has said."""
    found: set[str] = set()
    for event in list(daemon.log):
        if event["event"] == "lease.taken":
            found.add(event["account"])
        elif event["event"] in {"lease.lost", "lease.released"}:
            found.discard(event["account"])
    return found


def takeover_s(heir: Daemon, accounts: Collection[str], *, since: int, from_s: float) -> float:
    """Wait until *heir* has taken *accounts*, and tell how long after *from_s* it had them all."""
    taken = [heir.hear(_taking(account), since=since, within_s=PATIENCE_S) for account in accounts]
    return max(float(event["heard_s"]) for event in taken) - from_s


def _holds(daemon: Daemon, count: int) -> bool:
    return len(held(daemon)) == count


def _taking(account: str) -> Wanted:
    return lambda event: event["event"] == "lease.taken" and event["account"] == account


@contextmanager
def keeping_house(
    folder: Path, database_url: str, *, count: int, every: timedelta, keys: int
) -> Iterator[Household]:
    """Serve the accounts around the body; *keys* processes can be told apart."""
    clock = CompressedClock(speed=SPEED, origin=WallClock().now().replace(microsecond=0))
    plans = [plan_of(account, count=count, every=every) for account in ACCOUNTS]
    world = World(plans, seed=1, start=clock.now())
    names = tuple(f"fw_process_{number}" for number in range(keys))
    known = {name: Key(role="user", accounts=ACCOUNTS, user_id=name) for name in names}
    gate = Gate(application(world, clock=clock, keys=known))
    (folder / "old.yaml").write_text(POLICY, encoding="utf-8")
    listed = "".join(f'[[accounts]]\nid = "{account}"\n' for account in ACCOUNTS)
    (folder / "firewarden.toml").write_text(listed, encoding="utf-8")
    with serving(gate) as url:
        yield Household(
            folder=folder,
            url=url,
            database_url=database_url,
            gate=gate,
            clock=clock,
            names=names,
            count=count,
            last_of_age_s=count * every.total_seconds() / SPEED,
        )
