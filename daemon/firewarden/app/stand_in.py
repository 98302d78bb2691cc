"""Stands in where no daemon looks after an account: does what people ask for, and lets go."""

import random
from contextlib import AsyncExitStack
from dataclasses import replace

from firewarden.app.compose import open_accounts, open_database, production_seams
from firewarden.app.keeper import Keeper
from firewarden.app.lease import LeaseKeeper
from firewarden.app.lock import acting_lock
from firewarden.app.memory import Tools
from firewarden.app.settings import Settings
from firewarden.errors import Held
from firewarden.model.ids import AccountId
from firewarden.store.runner import Inline


async def stand_in(settings: Settings, account: AccountId) -> None:
    """Carry out what is asked of *account*, and nothing that a policy calls for.

    Raises:
        Held: somebody looks after it after all. SettingsError, ProviderError: it cannot be
            asked; the requests stay open.
    """
    seams = production_seams(settings)
    async with AsyncExitStack() as stack:
        database = open_database(settings, upgrade=False)
        stack.callback(database.close)
        stack.enter_context(acting_lock(database, now=seams.wall.now()))
        found = await stack.enter_async_context(open_accounts(settings, seams, only=account))
        tools = Tools(
            settings=settings,
            clock=seams.clock,
            wall=seams.wall,
            rng=random.SystemRandom(),
            database=database,
            run_db=Inline(),
            crash=seams.crash,
        )
        for one in found:
            lease = LeaseKeeper(
                one.account,
                database=database,
                run_db=tools.run_db,
                wall=tools.wall,
                rng=tools.rng,
                terms=replace(tools.lease, alone=database.is_sqlite),
            )
            if not await lease.acquire():
                raise Held("another firewarden looks after it now", where=one.account)
            try:
                keeper = Keeper(one, tools, lease)
                await keeper.refresh()
                await keeper.cycle(only_asked=True)
            finally:
                await lease.release()
