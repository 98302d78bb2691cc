"""Watches the budgets of one account, and tells whoever has to hear where they stand."""

from firewarden.app.compose import Account
from firewarden.app.keeper import Keeper
from firewarden.app.memory import Memory, Tools
from firewarden.app.outlooks import Outlooks
from firewarden.app.queries import Ledger
from firewarden.app.rulebook import Rulebook
from firewarden.app.standings import read_standings
from firewarden.decide.budget import PREFIX, with_reach
from firewarden.decide.budgets import watch
from firewarden.model.notice import Notice
from firewarden.store.notices import read_firing


class Treasury:
    """Everything about budgets that no cycle waits for."""

    def __init__(self, account: Account, tools: Tools, keeper: Keeper) -> None:
        """Watch what the rules of *keeper* say of *account*."""
        self.account = account
        self.tools = tools
        self.keeper = keeper
        self._without: Rulebook | None = None
        self._outlooks = Outlooks()
        self._outlooks_of: Rulebook | None = None

    async def watch(self) -> None:
        """Find out where every budget stands, and store what people should hear of it.

        Rules without a budget are looked at once: something may still stand of older ones.
        Before the first listing nobody knows what runs, which is not nothing.
        """
        memory, rules = self.keeper.memory, self.keeper.rules
        if memory is None or memory.watch.fleet is None or rules is self._without:
            return
        tenure = self.keeper.lease.tenure()
        notices = await self.tools.run_db(lambda: self._news(memory, rules))
        if not notices:
            self._without = None if rules.policies.budgets else rules
            return

        await self.keeper.pen.commit(
            tenure, lambda session: self.keeper.pen.record(session, notices, rules)
        )

    def _news(self, memory: Memory, rules: Rulebook) -> tuple[Notice, ...]:
        with self.tools.database.reading() as session:
            name, now = self.account.account, self.tools.clock.now()
            firing = {
                alert.notice.key: alert.notice
                for alert in read_firing(session, name)
                if alert.notice.key.startswith(PREFIX)
            }
            if not firing and not rules.policies.budgets:
                return ()
            ledger = Ledger(
                settings=self.tools.settings,
                session=session,
                account=name,
                timezone=self.account.timezone,
                now=now,
            )
            if self._outlooks_of is not rules:
                self._outlooks, self._outlooks_of = Outlooks(), rules
            fleet = memory.watch.fleet
            assert fleet is not None
            standings = read_standings(
                ledger,
                rules.policies.budgets,
                fleet.deployments.values(),
                memory.ownership.attributions.of,
                self._outlooks,
            )
        reaches = memory.judged.caps.reaches if memory.judged else {}
        return watch(name, with_reach(standings, reaches), firing, now=now)
