"""The one thread that uses the database, and the absence of it in a simulation."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final, TypeVar

from firewarden.errors import StoreUnavailable
from firewarden.store.faults import UNKNOWN

T = TypeVar("T")
DEADLINE: Final = timedelta(seconds=60)


class DbThread:
    """Runs work one after another in a thread of its own, so that the loop never waits.

    Work that has begun goes on to its end, though the caller is cancelled or no longer
    waits: only the end of the transaction tells whether it is in the database.
    """

    def __init__(self, *, deadline: timedelta = DEADLINE) -> None:
        """Let a caller wait for at most *deadline*, the time in the queue included."""
        self._deadline = deadline
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")

    async def __call__(self, work: Callable[[], T]) -> T:
        """Run *work* in the thread and give back what it returned or raised.

        Raises:
            StoreUnavailable: it did not end in time; it may still commit.
        """
        begun = asyncio.wrap_future(self._pool.submit(work))
        begun.add_done_callback(_hear)
        # Not wait_for: until Python 3.12 it loses a cancellation that meets the end of the work.
        done, _ = await asyncio.wait({begun}, timeout=self._deadline.total_seconds())
        if done:
            return begun.result()
        raise StoreUnavailable(
            f"no answer within {self._deadline.total_seconds():g} s",
            where="database",
            mend=f"look for what keeps it busy; {UNKNOWN}",
        )

    def close(self) -> None:
        """Wait for what has begun, drop what has not, and end the thread."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class Inline:
    """Runs work at once in the caller's thread: deterministic, for simulations."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """Run *work* now."""
        return work()


def _hear(future: "asyncio.Future[T]") -> None:
    """Take note of an error nobody waits for any more, so that it is not reported as lost."""
    if not future.cancelled():
        future.exception()
