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

from tests.cli.processes import COMMAND, LONGEST_S, bare_environment

Event = Mapping[str, Any]
Wanted = Callable[[Event], bool]


class Daemon:
    """A process that writes one JSON event a line to its standard error."""

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

        def found() -> Event | None:
            return next(filter(is_wanted, self.log[since:]), None)

        with self._news:
            self._news.wait_for(lambda: found() or not self._listener.is_alive(), within_s)
            event = found()
        assert event is not None, f"not heard within {within_s} s: {list(self.log)[-3:]}"
        return event

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
                self.log.append(json.loads(line))
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
