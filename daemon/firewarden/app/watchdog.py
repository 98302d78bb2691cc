"""Notices that nothing happens any more: heartbeats of finished cycles, and who misses them."""

import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from firewarden.clock.real import within
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.ports import Clock
from firewarden.report.text import duration

log = structlog.get_logger()

MISSED = 3
"""Intervals without a finished cycle after which a role counts as stalled."""

SHORTEST = timedelta(seconds=10)
"""Patience in wall time, however compressed the clock: HTTP is as slow as ever."""

_KEY = "stalled:"
_TELL_WITHIN = timedelta(seconds=10)

Tell = Callable[[Notice], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class _Pulse:
    """When a role last finished a cycle, in seconds of the wall's monotonic clock."""

    account: AccountId
    every: timedelta
    patience: float
    beat_at: float


class Watchdog:
    """Knows which roles have stopped finishing their cycles; each is told once, and its end once.

    It measures on the monotonic clock of the wall, which neither jumps nor is compressed,
    and asks nothing of the database or the provider: those may be what has stopped.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        wall: Clock,
        speed: float = 1.0,
        systemd: "Systemd | None" = None,
        firing: Iterable[str] = (),
    ) -> None:
        """Date notices by *clock*, measure by *wall*; *speed* is the clock's to the wall's.

        *firing* are the keys of alerts that a former process left open.
        """
        self._clock = clock
        self._wall = wall
        self._speed = speed
        self._systemd = systemd or Systemd("")
        self._pulses: dict[str, _Pulse] = {}
        self._told = {key.removeprefix(_KEY) for key in firing if key.startswith(_KEY)}

    def expect(self, role: str, *, every: timedelta, account: AccountId) -> None:
        """Begin to expect a finished cycle of *role* each *every* of the clock's time."""
        patience = max(MISSED * every / self._speed, SHORTEST).total_seconds()
        self._pulses[role] = _Pulse(
            account=account, every=every, patience=patience, beat_at=self._wall.mono()
        )

    def beat(self, role: str) -> None:
        """Take note that *role* has finished a cycle; an unknown role is nobody's concern."""
        if pulse := self._pulses.get(role):
            pulse.beat_at = self._wall.mono()
            self.alive()

    def alive(self) -> None:
        """Tell the service manager that we live: a cycle was finished, or a retry is due.

        Never to be called by a timer of its own, which would live on when all else is dead.
        """
        self._systemd.tell("WATCHDOG=1")

    def stalled(self) -> Mapping[str, timedelta]:
        """List the roles that have finished no cycle in 3 intervals, with how long it is."""
        now = self._wall.mono()
        return {
            role: timedelta(seconds=now - pulse.beat_at)
            for role, pulse in self._pulses.items()
            if now - pulse.beat_at >= pulse.patience
        }

    def check(self) -> tuple[Notice, ...]:
        """Give a notice for each role that has stalled, or recovered, since the last check."""
        stalled = self.stalled()
        fresh = [role for role in stalled if role not in self._told]
        over = [role for role in self._pulses if role in self._told and role not in stalled]
        self._told = (self._told | set(fresh)) - set(over)
        return (
            *(self._stall(role, stalled[role]) for role in fresh),
            *(self._recovery(role) for role in over),
        )

    async def run(self, tell: Tell) -> None:
        """Check for ever, several times an interval; what cannot be told is at least logged."""
        while True:
            shortest = min((pulse.patience for pulse in self._pulses.values()), default=1.0)
            await self._wall.sleep(timedelta(seconds=shortest / (2 * MISSED)))
            for notice in self.check():
                log.warning("role.recovered" if notice.resolved else "role.stalled", **notice.facts)
                await _tell(tell, notice)

    def _stall(self, role: str, silent_for: timedelta) -> Notice:
        pulse = self._pulses[role]
        seconds = silent_for.total_seconds()
        return self._notice(
            role,
            f"{role}: no cycle finished for {duration(silent_for)}, want one each"
            f" {duration(pulse.every)}; idle rules wait, costs since are uncertain",
            {"role": role, "silent_seconds": f"{seconds:.0f}"},
        )

    def _recovery(self, role: str) -> Notice:
        return self._notice(role, f"{role}: cycles finish again", {"role": role}, resolved=True)

    def _notice(
        self, role: str, text: str, facts: Mapping[str, str], *, resolved: bool = False
    ) -> Notice:
        return Notice(
            account=self._pulses[role].account,
            kind="meter.stalled",
            key=f"{_KEY}{role}",
            severity=Severity.INFO if resolved else Severity.WARN,
            at=self._clock.now(),
            text=text,
            facts=facts,
            resolved=resolved,
        )


async def _tell(tell: Tell, notice: Notice) -> None:
    """Tell within a time limit: what has stalled may be what tells."""
    try:
        async with within(_TELL_WITHIN):
            await tell(notice)
    except Exception:
        log.exception("notice.failed", kind=notice.kind)


class Systemd:
    """The service manager, by its datagram socket; without one, nobody is told anything."""

    def __init__(self, address: str) -> None:
        """Talk to *address*, the value of ``NOTIFY_SOCKET``; "" for nobody."""
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def tell(self, state: str) -> bool:
        """Send ``READY=1``, ``WATCHDOG=1`` or ``STOPPING=1``; False where nobody heard."""
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.settimeout(0)  # a full socket is not waited for
                channel.connect(self._address)
                channel.sendall(state.encode())
        except OSError as error:
            log.debug("systemd.unreachable", error=str(error))
            return False
        return True
