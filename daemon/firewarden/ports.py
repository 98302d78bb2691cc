"""What the core asks of the world, as protocols; the world's side is put in by `app.compose`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from firewarden.model.action import Effect
from firewarden.model.activity import Scrape
from firewarden.model.deployment import Deployment, Surroundings
from firewarden.model.fleet import AccountFacts, Examined, Fleet, Quota
from firewarden.model.ids import AccountId, DeploymentId
from firewarden.model.notice import Notice
from firewarden.model.price import Price
from firewarden.model.trueup import BilledMoney
from firewarden.model.usage import BilledDay

T = TypeVar("T")


class Clock(Protocol):
    """The only way to ask the time. Under compressed time all three are compressed."""

    def now(self) -> datetime:
        """Tell the wall time, aware UTC; it may jump."""
        ...

    def mono(self) -> float:
        """Tell seconds since some instant; it never goes back and never jumps."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait for *duration* of this clock; zero or less only lets others run."""
        ...


class Ticker(Protocol):
    """Calls functions at a steady pace; never two at once for one name."""

    def every(self, interval: timedelta, name: str, wake: Callable[[], None]) -> None:
        """Call *wake* now and then each *interval* of the clock's time."""
        ...

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """End; nothing is called afterwards."""
        ...


class CrashPoint(StrEnum):
    """Named places where a test may kill the process; each lies between two effects."""

    POLL_ASKED = "poll.asked"
    POLL_ANSWERED = "poll.answered"
    CYCLE_DECIDED = "cycle.decided"
    CYCLE_WRITTEN = "cycle.written"
    CYCLE_COMMITTED = "cycle.committed"
    SCRAPE_ANSWERED = "scrape.answered"
    SCRAPE_WRITTEN = "scrape.written"
    SCRAPE_COMMITTED = "scrape.committed"
    ROLLUP_WRITTEN = "rollup.written"
    BILL_WRITTEN = "bill.written"
    NOTICE_SENT = "notice.sent"
    INTENT_WRITTEN = "intent.written"
    INTENT_COMMITTED = "intent.committed"
    TARGET_EXAMINED = "target.examined"
    BOUNDS_SENT = "bounds.sent"
    BOUNDS_READ_BACK = "bounds.read_back"
    CALL_SENT = "call.sent"
    OUTCOME_WRITTEN = "outcome.written"
    OUTCOME_COMMITTED = "outcome.committed"


Crash = Callable[[CrashPoint], None]
"""Called at each crash point; does nothing in production."""


class RunDb(Protocol):
    """Runs a function that uses the database: in its one thread, or inline in a simulation."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """Run *work* and give back what it returned or raised.

        Cancelling the caller does not stop work that has begun.
        """
        ...


class Provider(Protocol):
    """One account of a GPU cloud, reads only.

    Every method raises `ProviderUnavailable` when asking again may help and
    `ProviderRejected` (`NotFound`, `KeyRefused`, `AccountSuspended`) when it cannot.
    """

    @property
    def account(self) -> AccountId:
        """The account all calls are about."""
        ...

    @property
    def last_skew_ms(self) -> int | None:
        """The provider's clock minus ours at the last answer; None where none told its date."""
        ...

    async def facts(self) -> AccountFacts:
        """Read the account itself, and the role of the key where that can be found out."""
        ...

    async def fetch_fleet(self) -> Fleet:
        """Read every page of the listing; an incomplete one is returned, not raised.

        Raises only when the first page cannot be had.
        """
        ...

    async def fetch_deployment(
        self, deployment_id: DeploymentId, *, alone: bool = False
    ) -> Examined:
        """Read one deployment and, unless *alone*, what leans on it; a 404 is an answer."""
        ...

    async def fetch_surroundings(self) -> Mapping[str, Surroundings]:
        """Read deployed models, routers and trainers; by full deployment name."""
        ...

    async def fetch_activity(self) -> Scrape:
        """Read the account's metrics once; at most 6 a minute are allowed for all readers."""
        ...

    async def fetch_prices(self) -> Sequence[Price]:
        """Read the account's contract prices; empty where it has none."""
        ...

    async def fetch_bill(self, *, first: date, last: date, timezone: str) -> Sequence[BilledDay]:
        """Read billed accelerator-seconds of the local days *first* to *last*, both included.

        Windows longer than the provider's 31 days are asked for in parts.
        """
        ...

    async def fetch_billed_money(self, day: date) -> Sequence[BilledMoney]:
        """Read the dollars of *day* (UTC) by accelerator, with the GPU time they are for."""
        ...

    async def fetch_quotas(self) -> Sequence[Quota]:
        """Read the account's quotas."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """What a change needs to be let out: a committed intent, and the right to act for it.

    Attributes:
        action_id: number of the intent, which is open in the database.
        still_held: raises `LeaseLost` where this process may no longer act; asked immediately
            before each request is sent.
    """

    action_id: int
    still_held: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a PATCH did, as read back.

    Attributes:
        deployment: as it is afterwards.
        strayed: names of mutable fields that changed although nobody asked for it; sorted.
    """

    deployment: Deployment
    strayed: tuple[str, ...]


class Controls(Protocol):
    """Changes one account's deployments; every method sends exactly one change, never twice.

    Raises `AnswerLost` where the change may or may not have taken effect, `InUse` where the
    deployment's state or use forbids it, `ProviderRejected` or `ProviderUnavailable` where it
    was not taken, `LeaseLost` where *permit* no longer holds, and `Forbidden` where what would
    be sent is not exactly what *permit* and the rules allow. Hard deletes, skipped checks and
    inference do not exist here.
    """

    async def set_bounds(self, deployment: Deployment, effect: Effect, *, permit: Permit) -> None:
        """Set the bounds of *effect* by a PATCH whose mask names them and nothing else."""
        ...

    async def read_back(self, deployment: Deployment, effect: Effect) -> Written:
        """Read what the last `set_bounds` did, and compare all mutable fields with before."""
        ...

    async def scale(self, deployment: Deployment, replica_count: int, *, permit: Permit) -> None:
        """Ask for *replica_count* replicas now (``:scale``)."""
        ...

    async def delete(self, deployment: Deployment, *, permit: Permit) -> None:
        """Delete softly; the provider's own checks stay on."""
        ...

    async def undelete(self, deployment: Deployment, *, permit: Permit) -> None:
        """Bring back what was deleted softly."""
        ...

    async def fetch_whole(self, deployment_id: DeploymentId) -> str:
        """Read everything the provider says of a deployment and its models, as JSON text.

        Secrets in it are replaced by how many there are (``directRouteApiKeys``).
        """
        ...


class ProviderDoor(Protocol):
    """The way in with a key, before an account is chosen."""

    async def accounts(self) -> Sequence[AccountFacts]:
        """List the accounts that the key sees."""
        ...

    def account(self, account: AccountId) -> Provider:
        """Give the provider for one of them; asks nothing."""
        ...

    async def aclose(self) -> None:
        """Let go of all connections."""
        ...


class Notifier(Protocol):
    """Tells people one thing."""

    async def notify(self, notice: Notice) -> None:
        """Deliver *notice*; returns when it was delivered, raises `WorldError` when not."""
        ...
