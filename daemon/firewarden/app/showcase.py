"""What the metrics page shows of one account: made now and then, shown while it is ours."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from firewarden.app.compose import Account
from firewarden.app.figures import Figures, FiguresReader, PollFigures
from firewarden.app.keeper import Keeper
from firewarden.app.memory import Tools
from firewarden.app.queries import Ledger
from firewarden.web.figures import AccountFigures

FIGURES_EVERY = timedelta(minutes=1)
FIGURES_AT_MOST = timedelta(seconds=2)
"""Wall time between figures, however compressed the clock: they are for people's eyes."""


class Showcase:
    """The figures of one account; without anybody to *publish* to none are made."""

    def __init__(
        self,
        account: Account,
        tools: Tools,
        keeper: Keeper,
        publish: Callable[[], None] | None,
    ) -> None:
        """Show what *keeper* knows of *account*."""
        self.polls = PollFigures()
        self.figures: Figures | None = None
        self._account = account
        self._tools = tools
        self._keeper = keeper
        self._publish = publish
        self._reader = FiguresReader()
        self._is_held: bool | None = None

    @property
    def every(self) -> timedelta | None:
        """How often figures are made; None: never."""
        if self._publish is None:
            return None
        return max(FIGURES_EVERY, FIGURES_AT_MOST * self._tools.settings.time_speed)

    async def make(self) -> None:
        """Make the figures anew, once something is known, and publish them."""
        memory, tools = self._keeper.memory, self._tools
        if memory is None or self._publish is None:
            return

        def read() -> Figures:
            with tools.database.reading() as session:
                ledger = Ledger(
                    settings=tools.settings,
                    session=session,
                    account=self._account.account,
                    timezone=self._account.timezone,
                    now=tools.clock.now(),
                )
                return self._reader.read(ledger, memory, self.polls)

        self.figures = await tools.run_db(read)
        self._publish()

    def show_held(self, held: bool) -> None:  # noqa: FBT001 - it is what is shown
        """Show whether the account is ours: another holder tells of it otherwise."""
        self.figures = self.figures if held else None
        if held is not self._is_held and self._publish is not None:
            self._is_held = held
            self._publish()

    def of_account(self, *, held: bool) -> AccountFigures:
        """Give what is shown of the watching itself; the rest only while it is *held*."""
        known = (
            self.figures.account if self.figures else AccountFigures(account=self._account.account)
        )
        return replace(known, poll_failures=dict(self.polls.failures), lease_held=held)
