"""This process's share of the accounts, where several processes look after them together."""

import random
from typing import Protocol
from uuid import UUID

from firewarden.app.lease import Terms
from firewarden.ports import Clock, RunDb
from firewarden.store.engine import Database
from firewarden.store.replicas import beat, leave


class Holding(Protocol):
    """An account that this process may hold."""

    @property
    def is_held(self) -> bool:
        """It is held now."""
        ...


class Share:
    """How many accounts this process should hold: as many as any other, rounded up.

    It only decides who takes and who lets go; that no two act for one account is the
    leases' business, and does not depend on it.
    """

    def __init__(
        self, *, database: Database, run_db: RunDb, wall: Clock, rng: random.Random, terms: Terms
    ) -> None:
        """Count nobody yet but this process."""
        self._holder = str(UUID(int=rng.getrandbits(128), version=4))
        self._database = database
        self._run_db = run_db
        self._wall = wall
        self._terms = terms
        self._live = 1
        self._holdings: list[Holding] = []

    def add(self, holding: Holding) -> None:
        """Count *holding* among the accounts that are shared."""
        self._holdings.append(holding)

    @property
    def has_room(self) -> bool:
        """May one more account be taken?"""
        return self._held < self._fair

    @property
    def is_too_much(self) -> bool:
        """Should one account be let go, for another process to take?"""
        return self._held > self._fair

    async def count(self) -> None:
        """Say that we live, and count who does."""
        if self._database.is_sqlite:
            return  # one process, by the lock of the file

        def work() -> int:
            with self._database.writing() as session:
                return beat(
                    session,
                    self._holder,
                    described=self._terms.described,
                    now=self._wall.now(),
                    ttl=self._terms.ttl,
                )

        self._live = await self._run_db(work)

    async def leave(self) -> None:
        """Say that we are about to end: the others take what we let go."""
        if self._database.is_sqlite:
            return

        def work() -> None:
            with self._database.writing() as session:
                leave(session, self._holder)

        await self._run_db(work)

    @property
    def _fair(self) -> int:
        return -(-len(self._holdings) // max(self._live, 1))

    @property
    def _held(self) -> int:
        return sum(one.is_held for one in self._holdings)
