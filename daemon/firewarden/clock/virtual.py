"""Virtual time: an event loop that goes to the next timer instead of waiting for it.

A day of a daemon passes in a fraction of a second, and passes the same way every time:
callbacks run in the order in which they were asked for, timers in the order in which they
are due and then in which they were set, and nothing outside the loop can reach into it.
Threads, sockets and child processes are refused, because no seed could bring back what
they did.
"""

import asyncio
import heapq
import selectors
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_DIGITS = 6
"""Timers lie on whole microseconds, so that float noise can never reorder them."""

_RESOLUTION = 0.5e-6
"""Half a microsecond: a timer counts as due when it is nearer than this."""


class Deadlock(RuntimeError):
    """Nothing is ready and no timer is set: everybody waits for somebody else, for ever."""


class Impure(RuntimeError):
    """Something in virtual time tried to leave it: a thread, a socket, another process."""


class _Timer(asyncio.TimerHandle):
    """A timer that comes after those of the same instant that were set before it."""

    __slots__ = ("_scheduled", "order")

    def __init__(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        args: tuple[*Ts],
        loop: asyncio.AbstractEventLoop,
        *,
        context: Context | None,
        order: int,
    ) -> None:
        super().__init__(when, callback, args, loop, context)
        self.order = order
        self._scheduled = True  # tells CPython's loop to count it, once cancelled, as litter

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, _Timer):
            return NotImplemented
        return (self.when(), self.order) < (other.when(), other.order)

    __hash__ = asyncio.TimerHandle.__hash__


class _Skip(selectors.BaseSelector):
    """A selector that never waits: it tells the loop to move its clock instead."""

    def __init__(self) -> None:
        self.skip: Callable[[float | None], None] = _nothing_to_skip
        self._files: dict[object, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Accept one file: the pipe by which a loop wakes itself, which is never needed."""
        if self._files:
            raise Impure("a socket was opened in virtual time")
        key = selectors.SelectorKey(fileobj, -1, events, data)
        self._files[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Forget *fileobj*."""
        return self._files.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let *timeout* pass at once; nothing outside is ever ready."""
        self.skip(timeout)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """Tell what is registered."""
        return self._files


def _nothing_to_skip(_timeout: float | None) -> None:
    """Stand in while the loop is being built."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time` begins at zero and goes from timer to timer."""

    def __init__(self) -> None:
        selector = _Skip()
        self._virtual_now = 0.0
        self._order = 0
        self._home = threading.get_ident()
        super().__init__(selector)
        # CPython's loop calls a timer due when it is nearer than this, and would spin for
        # ever on its own figure (1 ns) once half a year has passed and floats are coarser.
        self._clock_resolution = _RESOLUTION
        selector.skip = self._skip

    def time(self) -> float:
        """Tell the virtual seconds since the loop was made."""
        return self._virtual_now

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set a timer; one for an instant that others are set for comes after them."""
        self._order += 1
        timer = _Timer(
            round(when, _DIGITS), callback, args, self, context=context, order=self._order
        )
        self._enlist(timer)
        return timer

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set a timer *delay* virtual seconds from now."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Do as `call_soon`, in the loop's own thread; refuse any other."""
        if threading.get_ident() != self._home:
            raise Impure("another thread called into virtual time")
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, *_: object, **__: object) -> NoReturn:
        """Refuse: what a thread does cannot be replayed."""
        raise Impure("a thread was asked for in virtual time; run the work inline")

    def _enlist(self, timer: _Timer) -> None:
        """Put *timer* where CPython's loop keeps its own (the same in 3.11 to 3.14)."""
        timers: list[asyncio.TimerHandle] = self.__dict__["_scheduled"]
        heapq.heappush(timers, timer)

    def _skip(self, timeout: float | None) -> None:
        """Move the clock by *timeout*; None: there is no timer that could ever end this."""
        if timeout is None:
            waiting = sorted(_describe(task) for task in asyncio.all_tasks(self))
            raise Deadlock(f"no timer is set and nothing is ready; waiting: {', '.join(waiting)}")
        self._virtual_now = round(self._virtual_now + timeout, _DIGITS)


def _describe(task: asyncio.Task[Any]) -> str:
    """Name *task* and the line it waits on."""
    frames = task.get_stack(limit=1)
    place = f"{frames[0].f_code.co_filename}:{frames[0].f_lineno}" if frames else "its end"
    return f"{task.get_name()} at {place}"


class VirtualClock:
    """The clock of a `VirtualLoop`; only its wall time can be made to jump."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, start: datetime) -> None:
        """Show *start* (aware) when *loop* shows what it shows now."""
        if start.tzinfo is None:
            raise ValueError(f"start {start} has no time zone")
        self._loop = loop
        self._start = start.astimezone(UTC)
        self._began = loop.time()
        self._offset = timedelta(0)

    def now(self) -> datetime:
        """Tell the virtual wall time, aware UTC, jumps included."""
        passed = timedelta(seconds=self._loop.time() - self._began)
        return self._start + passed + self._offset

    def mono(self) -> float:
        """Tell the loop's seconds, which no jump moves."""
        return self._loop.time()

    async def sleep(self, duration: timedelta) -> None:
        """Wait for *duration* of virtual time; zero or less only lets others run."""
        await asyncio.sleep(max(duration.total_seconds(), 0.0))

    def jump(self, by: timedelta) -> None:
        """Set the wall clock forward, or back where *by* is negative, as an operator would."""
        self._offset += by


def run_virtual(main: Callable[[VirtualClock], Coroutine[Any, Any, T]], *, start: datetime) -> T:
    """Run *main* to its end in virtual time that begins at *start*, and give its result.

    Whatever it left running is cancelled. Raises `Deadlock` when it can never end, and
    `Impure` when it leaves virtual time.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        clock = VirtualClock(runner.get_loop(), start=start)
        return runner.run(main(clock))
