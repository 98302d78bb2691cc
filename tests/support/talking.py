"""A daemon as a process of its own whose log is read as it is written, by a thread.

Several can be listened to at once, and none ever waits for somebody to read what it says.
"""

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from firewarden.clock.real import WallClock
from tests.cli.processes import COMMAND, LONGEST_S, bare_environment

CLOCK = WallClock()
Event = Mapping[str, Any]
Wanted = Callable[[Event], bool]


class Daemon:
    """A process that writes one JSON event a line to its standard error.

    Each event of ``log`` has one thing more, ``heard_s``: when it was read, by ``CLOCK``.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.log: list[Event] = []
        self._news = threading.Condition()
        self._listener = threading.Thread(target=self._listen, name="listener")
        self._listener.start()

    def events(self, name: str) -> list[Event]:
        with self._news:
            return [each for each in self.log if each["event"] == name]

    def hear(self, wanted: str | Wanted, *, since: int = 0, within_s: float = LONGEST_S) -> Event:
        """Give the first event from number *since* on that is *wanted*, and wait for it."""
        is_wanted = _named(wanted) if isinstance(wanted, str) else wanted
        found: list[Event] = []
        looked_at = since

        def is_heard() -> bool:
            nonlocal looked_at
            new = self.log[looked_at:]
            looked_at += len(new)
            found.extend(filter(is_wanted, new))
            return bool(found)

        self.until(is_heard, within_s=within_s)
        return found[0]

    def until(self, holds: Callable[[], bool], *, within_s: float = LONGEST_S) -> None:
        """Wait until *holds*, which is asked again whenever the process says something."""
        with self._news:
            self._news.wait_for(lambda: holds() or not self._listener.is_alive(), within_s)
            assert holds(), f"not within {within_s} s; the last it said: {self.log[-3:]}"

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it, and give its exit code; its log is whole afterwards."""
        self.send(number)
        code = self.process.wait(LONGEST_S)
        self._listener.join()
        return code

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with suppress(json.JSONDecodeError), self._news:  # one that is killed is cut short
                self.log.append({**json.loads(line), "heard_s": CLOCK.mono()})
                self._news.notify_all()
        with self._news:
            self._news.notify_all()


def _named(name: str) -> Wanted:
    return lambda event: event["event"] == name


@contextmanager
def talking(
    folder: Path, *command: str, variables: Mapping[str, str], module: str = "firewarden"
) -> Iterator[Daemon]:
    """Run a daemon until the block ends; then it is killed if it still lives."""
    with subprocess.Popen(
        [COMMAND[0], "-m", module, *command],
        cwd=folder,
        env=bare_environment(**variables) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        daemon = Daemon(process)
        try:
            yield daemon
        finally:
            if process.poll() is None:
                process.kill()
            daemon.process.wait()
            daemon._listener.join()
