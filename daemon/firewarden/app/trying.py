"""Tries the routes that people are told by: with a message, or by a look that nobody sees."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from firewarden.app.compose import load_policies
from firewarden.app.office import open_door, open_posters
from firewarden.app.people import whoever_types
from firewarden.app.settings import Settings
from firewarden.app.telling import Telling
from firewarden.clock.real import WallClock, within
from firewarden.errors import NotDelivered, UserError
from firewarden.model.delivery import Destination, Way
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.notify.log import LogNotifier
from firewarden.notify.post import Means
from firewarden.notify.slack.answers import Door
from firewarden.notify.slack.lookup import find_channel, find_person
from firewarden.policy.rules import PolicySet
from firewarden.ports import CrashPoint
from firewarden.report.checks import Check, Health
from firewarden.store.engine import Database
from firewarden.store.letters import Letter
from firewarden.store.runner import Inline

NOBODY = AccountId("firewarden")
LOOK_FOR = timedelta(seconds=20)
"""Wall time that one route may take to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One destination, and what came of a message to it; "" where it was taken."""

    destination: str
    problem: str


async def try_route(settings: Settings, route: str) -> tuple[Tried, ...]:
    """Send a test message by *route*, to every destination it leads to.

    Raises:
        UserError: no route is called so, or it leads nowhere.
    """
    policies = load_policies(settings.policies)
    if route not in policies.routes:
        known = ", ".join(sorted(policies.routes))
        raise UserError(
            f"no route is called {route!r}",
            where="notify",
            mend=f"choose from: {known}" if known else "write one under `notify:` first",
        )
    telling = Telling(policies=policies)
    notice = _test_notice(route)
    found = [each for each in telling.destinations(notice) if each.way.gives_receipts]
    with closing(Database.open("sqlite:///:memory:", upgrade=True)) as nowhere:
        posters = open_posters(_means(nowhere), lambda: telling, LogNotifier(), open_door(settings))
        tried = []
        for destination in found:
            try:
                await posters[destination.way].post(_letter(notice, destination))
            except NotDelivered as error:
                tried.append(Tried(destination=str(destination), problem=str(error)))
            else:
                tried.append(Tried(destination=str(destination), problem=""))
    return tuple(tried)


async def look_at_routes(settings: Settings) -> AsyncIterator[Check]:
    """Look whether each route leads somewhere; nobody is told anything."""
    policies = load_policies(settings.policies)
    telling, door = Telling(policies=policies), open_door(settings)
    for name, destination in _all(policies, telling):
        yield await _look(f"route {name}", destination, door)


def _all(policies: PolicySet, telling: Telling) -> Iterator[tuple[str, Destination]]:
    for name in sorted(policies.routes):
        for destination in telling.destinations(_test_notice(name)):
            if destination.way.gives_receipts:
                yield name, destination


async def _look(name: str, destination: Destination, door: Door | None) -> Check:
    if destination.way not in _FIND:
        return Check(
            name=name,
            health=Health.OK,
            detail=f"{destination}: its address is one that may be written to",
            mend="`firewarden notify test` sends a message there",
        )
    if door is None:
        return Check(
            name=name,
            health=Health.YOURS,
            detail=f"{destination} is out of reach: there is no token for Slack",
            mend="set SLACK_BOT_TOKEN",
        )
    try:
        async with within(LOOK_FOR):
            await _FIND[destination.way](door.call, destination.address)
    except (NotDelivered, TimeoutError) as error:
        mend = error.mend if isinstance(error, NotDelivered) else "try again"
        return Check(name=name, health=Health.WORLD, detail=f"{destination}: {error}", mend=mend)
    return Check(name=name, health=Health.OK, detail=f"{destination} is there", mend="")


_FIND = {Way.SLACK: find_channel, Way.SLACK_DM: find_person}


def _test_notice(route: str) -> Notice:
    return Notice(
        account=NOBODY,
        kind="notify.test",
        key=f"notify.test:{route}",
        severity=Severity.INFO,
        at=WallClock().now(),
        text=f"A test of the route {route}, asked for by {whoever_types()}; nothing has happened",
        routes=(route,),
        once=True,
    )


def _letter(notice: Notice, destination: Destination) -> Letter:
    now = WallClock().now()
    return Letter(
        number=0,
        alert=None,
        key=f"{random.SystemRandom().getrandbits(128):032x}",
        destination=destination,
        notice=notice,
        tries=1,
        first_tried_at=now,
        expires_at=now + LOOK_FOR,
    )


def _means(database: Database) -> Means:
    def nothing(_point: CrashPoint) -> None:
        """Crash nowhere."""

    return Means(
        database=database,
        run_db=Inline(),
        clock=WallClock(),
        wall=WallClock(),
        rng=random.SystemRandom(),
        crash=nothing,
    )
