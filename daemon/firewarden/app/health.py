"""What people hear of an account's trouble, and whether its ledger can be written."""

import structlog

from firewarden.app.causes import UNAVAILABLE
from firewarden.app.keeper import Keeper
from firewarden.errors import FirewardenError, LeaseLost, StoreError
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.ports import Clock, Notifier

log = structlog.get_logger()


class Health:
    """Tells of trouble: through the ledger where it can be written, else straight away.

    Attributes:
        unwritten: why the ledger cannot be written, in a word; "" it could last time.
    """

    def __init__(self, keeper: Keeper, *, clock: Clock, notifier: Notifier) -> None:
        """Begin with nothing wrong but what the ledger says."""
        self._keeper = keeper
        self._clock = clock
        self._notifier = notifier
        self._name = keeper.account.account
        self.unwritten = ""

    async def trouble(self, part: str, error: FirewardenError) -> None:
        """Take note that *part* has failed; people are told once for each cause."""
        if isinstance(error, LeaseLost):
            self._keeper.memory = None
        elif not isinstance(error, StoreError):
            await self._remember(part, error)
        elif not self.unwritten:
            self.unwritten = UNAVAILABLE
            text = f"{self._name}: the ledger cannot be written: {error}"
            await self._tell_at_once(self._of_ledger(text, Severity.PAGE))

    async def relieve(self, part: str) -> None:
        """Tell that *part* works again, where people were told that it does not."""
        await self._keeper.tell_relief(part)
        if part == "poll" and self.unwritten:
            self.unwritten = ""
            text = f"{self._name}: the ledger is written again"
            await self._tell_at_once(self._of_ledger(text, Severity.INFO, resolved=True))

    def _of_ledger(self, text: str, severity: Severity, *, resolved: bool = False) -> Notice:
        return Notice(
            account=self._name,
            kind="meter.trouble",
            key="health:database",
            severity=severity,
            at=self._clock.now(),
            text=text,
            resolved=resolved,
        )

    async def _remember(self, part: str, error: FirewardenError) -> None:
        try:
            await self._keeper.tell_trouble(part, error)
        except StoreError as failed:
            log.warning("trouble.unrecorded", part=part, error=str(failed))

    async def _tell_at_once(self, notice: Notice) -> None:
        try:
            await self._notifier.notify(notice)
        except FirewardenError as error:
            log.warning("notice.undelivered", kind=notice.kind, error=str(error))
