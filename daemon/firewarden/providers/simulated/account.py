"""One simulated account while the world runs: its deployments, limits and audit log."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeVar, cast

from firewarden.model.vocabulary import State
from firewarden.providers.simulated.agenda import Agenda
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.plan import AccountPlan
from firewarden.providers.simulated.seeds import child, digest

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit log; *at* in milliseconds."""

    at: int
    number: int
    method: str
    principal: str
    resource: str


class Account:
    """The state of one account; `version` grows with every change that a reader could see."""

    def __init__(self, plan: AccountPlan, *, seed: int, agenda: Agenda, origin: int) -> None:
        self.plan = plan
        self.seed = seed
        self.agenda = agenda
        self.origin = origin
        self.version = 0
        self.incarnations: dict[str, list[Incarnation]] = {}
        self.quotas: dict[str, int] = dict(plan.quotas)
        self.quota_maxima: dict[str, int] = dict(plan.quotas)
        self.quotas_updated: dict[str, int] = dict.fromkeys(plan.quotas, origin)
        self.audit: list[AuditEntry] = []
        self.scrapes: list[int] = []
        self._kept: dict[str, tuple[int, object]] = {}

    @property
    def account_id(self) -> str:
        """The last part of ``accounts/{account}``."""
        return self.plan.account_id

    @property
    def now(self) -> int:
        """The instant reached, in milliseconds."""
        return self.agenda.now

    def random(self, *names: str | int) -> Random:
        """Give the stream of random numbers of this account that belongs to *names*."""
        return child(self.seed, self.account_id, *names)

    def hash(self, *names: str | int) -> int:
        """Give 64 bits of this account that belong to *names*."""
        return digest(self.seed, self.account_id, *names)

    def find(self, deployment_id: str) -> Incarnation | None:
        """Give the newest incarnation of that name unless it was purged."""
        found = self.incarnations.get(deployment_id)
        return found[-1] if found and not found[-1].is_purged else None

    def present(self) -> Iterator[Incarnation]:
        """Give what can still be read, soft-deleted ones included, in order of name creation."""
        for found in self.incarnations.values():
            if not found[-1].is_purged:
                yield found[-1]

    def live(self) -> Iterator[Incarnation]:
        """Give what is neither deleted nor on its way there."""
        return (inc for inc in self.present() if not inc.is_gone)

    def everything(self) -> Iterator[Incarnation]:
        """Give every incarnation there has ever been."""
        for found in self.incarnations.values():
            yield from found

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """Give what *make* made since the last change of the account, making it if need be."""
        version, value = self._kept.get(name, (-1, None))
        if version != self.version:
            value = make()
            self._kept[name] = (self.version, value)
        return cast("T", value)

    def changed(self, inc: Incarnation) -> None:
        """Let *inc* be seen as it is now."""
        inc.changed(self.now)
        self.version += 1

    def log(self, method: str, principal: str, resource: str) -> None:
        """Add a line to the audit log."""
        entry = AuditEntry(
            at=self.now,
            number=len(self.audit),
            method=method,
            principal=principal,
            resource=resource,
        )
        self.audit.append(entry)

    def set_state(
        self, inc: Incarnation, state: State, *, code: str = "OK", message: str = ""
    ) -> None:
        """Move *inc* to *state*, with the status of the operation that led there."""
        inc.state = state
        inc.status_code = code
        inc.message = message
        inc.updated = self.now
        self.changed(inc)
