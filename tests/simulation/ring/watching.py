"""Stands between the daemon and the provider, and looks at every change before it gets there.

What is written down about it is read from the database by a connection of its own: what it
sees is committed. What is true of the deployment is read from the simulated world itself.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import httpx

from firewarden.model.action import POLICY, Intent, Outcome
from firewarden.model.ids import AccountId, Uid, make_uid
from firewarden.model.people import Override
from firewarden.model.vocabulary import Verb
from firewarden.policy.rules import STOPS
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.render import create_time
from firewarden.providers.simulated.world import World
from firewarden.store import intents, leases, overrides
from firewarden.store.engine import Database
from tests.support.oracles import instant

ACME = AccountId("acme")
_ONE = re.compile(r"/v1/accounts/acme/deployments/([^/:]+)(:\w+)?")
_PROTECTS = "custom/firewarden.protect"


class Killed(BaseException):
    """The process is no more: nothing it does has an effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One deployment as it really was at one instant."""

    at: datetime
    uid: Uid
    floor: int
    ceiling: int
    desired: int
    ready: int
    is_protected: bool
    is_gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One request that was to change something, and what was known at that very instant.

    Attributes:
        call: method and what stands behind the name: ``PATCH``, ``PATCH :scale``.
        intent: the one that was open in the database then; None: there was not exactly one.
        read: the truth when the deployment was read last; now: the truth as it is.
        holds: what people had put over the policies.
        has_whole: all that the provider said of it was stored.
        lease_epoch: of the lease in force; None: nobody had it.
    """

    at: datetime
    name: str
    call: str
    query: str
    body: dict[str, object]
    intent: Intent | None
    read: Truth | None
    now: Truth | None
    holds: tuple[Override, ...]
    has_whole: bool
    lease_epoch: int | None

    @property
    def is_ours(self) -> bool:
        """A policy called for it, and no person."""
        return self.intent is not None and self.intent.actor == POLICY

    @property
    def stops(self) -> bool:
        return self.intent is not None and self.intent.verb in STOPS

    @property
    def restores(self) -> bool:
        return self.intent is not None and self.intent.verb is Verb.RESTORE


class Watch(httpx.AsyncBaseTransport):
    """A transport that remembers every change; once the process is dead it carries nothing."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        world: World,
        now: Callable[[], datetime],
        database: Database,
    ) -> None:
        self.changes: list[Change] = []
        self.is_dead = False
        self._inner = inner
        self._world = world
        self._now = now
        self._database = database
        self._read: dict[str, Truth] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/v1/"):
            if self.is_dead:
                raise Killed
            await self._note(request)
        return await self._inner.handle_async_request(request)

    def truth(self, name: str) -> Truth | None:
        """Give what is true of *name* now; None: there is no such deployment."""
        self._world.advance(self._now())
        found = self._world.account().find(name)
        return None if found is None else _truth_of(found, self._now())

    async def _note(self, request: httpx.Request) -> None:
        matched = _ONE.fullmatch(request.url.path)
        if matched is None:
            return
        name, what = matched[1], matched[2]
        truth = self.truth(name)
        if request.method == "GET":
            if truth is not None:
                self._read[name] = truth
            return
        body = await request.aread()
        self.changes.append(
            self._looked_up(
                Change(
                    at=self._now(),
                    name=name,
                    call=f"{request.method} {what}" if what else request.method,
                    query=request.url.query.decode(),
                    body=json.loads(body or b"{}"),
                    intent=None,
                    read=self._read.get(name),
                    now=truth,
                    holds=(),
                    has_whole=False,
                    lease_epoch=None,
                )
            )
        )

    def _looked_up(self, change: Change) -> Change:
        with self._database.reading() as session:
            recent = intents.read_recent(session, ACME, since=change.at - timedelta(hours=1))
            found = [
                each
                for each in recent
                if each.outcome is Outcome.PLANNED and _name_of(each.uid) == change.name
            ]
            intent = found[0] if len(found) == 1 else None
            lease = leases.read_lease(session, ACME, now=change.at)
            whole = intent and intents.read_whole(session, intent.action_id)
            return replace(
                change,
                intent=intent,
                holds=overrides.standing(session, ACME, now=change.at),
                has_whole=bool(whole),
                lease_epoch=lease.epoch if lease else None,
            )


def _truth_of(inc: Incarnation, at: datetime) -> Truth:
    return Truth(
        at=at,
        uid=make_uid(inc.name, instant(create_time(inc))),
        floor=inc.floor,
        ceiling=inc.ceiling,
        desired=inc.desired,
        ready=inc.ready_count,
        is_protected=_PROTECTS in inc.fields.get("annotations", {}),
        is_gone=inc.is_gone,
    )


def _name_of(uid: Uid) -> str:
    return uid.rpartition("@")[0].rpartition("/")[2]
