"""One notice to several places."""

from collections.abc import Sequence

import structlog

from firewarden.errors import WorldError
from firewarden.model.notice import Notice
from firewarden.ports import Notifier

log = structlog.get_logger()


class Fanout:
    """Delivers to each of several notifiers; one that fails does not keep it from the others."""

    def __init__(self, notifiers: Sequence[Notifier]) -> None:
        """Deliver to *notifiers* in their order; at least one."""
        if not notifiers:
            raise ValueError("a notice needs somewhere to go")
        self._notifiers = tuple(notifiers)

    async def notify(self, notice: Notice) -> None:
        """Deliver *notice* everywhere; it counts as delivered where one place took it.

        Raises:
            WorldError: nobody took it; the error of the last that was asked.
        """
        failed: list[WorldError] = []
        for notifier in self._notifiers:
            try:
                await notifier.notify(notice)
            except WorldError as error:
                failed.append(error)
                log.warning(
                    "notice.undelivered", kind=notice.kind, key=notice.key, error=str(error)
                )
        if len(failed) == len(self._notifiers):
            raise failed[-1]
