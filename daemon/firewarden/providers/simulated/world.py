"""The simulated world: accounts whose physics runs by exact events, whoever looks and whenever."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from firewarden.providers.simulated import autoscaler, lifecycle
from firewarden.providers.simulated.account import Account
from firewarden.providers.simulated.agenda import Agenda
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import from_ms, span_ms, to_ms
from firewarden.providers.simulated.plan import AccountPlan, DeploymentPlan
from firewarden.providers.simulated.replicas import restart


class World:
    """All accounts, deterministic from the plans and *seed*; `advance` moves it on.

    What was before *start* is lived through when the world is made, from the creation of
    the oldest deployment on, so that bills and last requests of the past exist. The methods
    that take *at* plan what a person or a client does at that instant, before or during a
    run; an instant that is past already means now.
    """

    def __init__(
        self, plan: AccountPlan | Sequence[AccountPlan], *, seed: int, start: datetime
    ) -> None:
        plans = [plan] if isinstance(plan, AccountPlan) else list(plan)
        self.seed = seed
        self.start = start
        self._origin = to_ms(start)
        oldest = max(
            (span_ms(deployment.age) for one in plans for deployment in one.deployments),
            default=0,
        )
        self.agenda = Agenda(self._origin - max(0, oldest))
        self.accounts = {
            one.account_id: Account(one, seed=seed, agenda=self.agenda, origin=self._origin)
            for one in plans
        }
        for account in self.accounts.values():
            for deployment in account.plan.deployments:
                self._schedule(account, deployment)
        self.agenda.advance(self._origin)

    @property
    def now(self) -> datetime:
        """The instant the world has reached."""
        return from_ms(self.agenda.now)

    def advance(self, to: datetime) -> None:
        """Let everything happen that happens up to *to*; an earlier instant changes nothing."""
        self.agenda.advance(to_ms(to))

    def account(self, account_id: str = "") -> Account:
        """Give an account by its id, or the first one."""
        return self.accounts[account_id] if account_id else next(iter(self.accounts.values()))

    def request(
        self, deployment_id: str, at: datetime, count: int = 1, *, account: str = ""
    ) -> None:
        """Let *count* requests arrive at *at*."""

        def arrive(inc: Incarnation, owner: Account) -> None:
            inc.traffic.add(owner.now, count)
            if inc.desired == 0:
                autoscaler.wake_now(owner, inc)

        self._later(deployment_id, at, arrive, account)

    def human_patch(
        self, deployment_id: str, at: datetime, *, account: str = "", **fields: object
    ) -> None:
        """Let a person set *fields*, named as on the wire (``minReplicaCount=0``), and no other."""

        def patch(inc: Incarnation, owner: Account) -> None:
            lifecycle.patch(owner, inc, {**inc.fields, **fields}, principal="person@example.com")

        self._later(deployment_id, at, patch, account)

    def create(self, plan: DeploymentPlan, at: datetime, *, account: str = "") -> None:
        """Let a person create *plan*."""
        owner = self.account(account)
        self.agenda.plan(to_ms(at), partial(_create, owner, plan))

    def delete(
        self, deployment_id: str, at: datetime, *, hard: bool = False, account: str = ""
    ) -> None:
        """Let a person delete it."""

        def remove(inc: Incarnation, owner: Account) -> None:
            lifecycle.delete(owner, inc, hard=hard, principal="person@example.com")

        self._later(deployment_id, at, remove, account)

    def recreate(self, deployment_id: str, at: datetime, *, account: str = "") -> None:
        """Let a person delete it for good and create it again under its name."""
        owner = self.account(account)
        again = partial(lifecycle.recreate, owner, deployment_id, principal="person@example.com")
        self.agenda.plan(to_ms(at), again)

    def restart(self, deployment_id: str, at: datetime, *, account: str = "") -> None:
        """Let one replica restart: it initializes again and serves some seconds later."""

        def again(inc: Incarnation, owner: Account) -> None:
            restart(owner, inc, count=1)

        self._later(deployment_id, at, again, account)

    def vanish(self, deployment_id: str, at: datetime, *, account: str = "") -> None:
        """Take it away without a trace."""

        def gone(inc: Incarnation, owner: Account) -> None:
            lifecycle.vanish(owner, inc)

        self._later(deployment_id, at, gone, account)

    def _later(
        self,
        deployment_id: str,
        at: datetime,
        deed: Callable[[Incarnation, Account], None],
        account: str,
    ) -> None:
        owner = self.account(account)

        def when_due() -> None:
            inc = owner.find(deployment_id)
            if inc is not None and not inc.is_gone:
                deed(inc, owner)

        self.agenda.plan(to_ms(at), when_due)

    def _schedule(self, account: Account, plan: DeploymentPlan) -> None:
        owner = str(plan.fields.get("annotations", {}).get("custom/owner", "someone@example.com"))
        self.agenda.plan(self._origin - span_ms(plan.age), partial(_create, account, plan, owner))
        name, own = plan.deployment_id, account.account_id
        for offset in plan.restarts:
            self.restart(name, self.start + offset, account=own)
        if plan.vanishes is not None:
            self.vanish(name, self.start + plan.vanishes, account=own)
        if plan.recreated is not None:
            self.recreate(name, self.start + plan.recreated, account=own)


def _create(account: Account, plan: DeploymentPlan, principal: str = "person@example.com") -> None:
    found = account.find(plan.deployment_id)
    if found is None or found.is_gone:
        lifecycle.create(account, plan, principal=principal)
