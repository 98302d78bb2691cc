"""One look at an account by GETs alone, without a database: what runs, burns and looks wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from firewarden.app.compose import Account, Seams, open_accounts, production_seams
from firewarden.app.greeting import read_facts
from firewarden.app.settings import Settings
from firewarden.app.surveyed import Surveyed, compose_survey
from firewarden.clock.real import within
from firewarden.errors import FileUnusable, ProviderError, ProviderUnavailable, UnknownAccount
from firewarden.report.survey import Survey
from firewarden.report.survey_html import survey_html

Advance = Callable[[str, float], None]
T = TypeVar("T")

DAYS = 31
LONGEST = timedelta(seconds=85)
"""All of it takes no longer, of the machine's own time."""

_STEPS = 7


async def survey(
    settings: Settings, only: str | None, advance: Advance, *, seams: Seams | None = None
) -> Survey:
    """Read everything and say what it amounts to; *only*: which account, where there are several.

    Raises:
        KeyRefused, AccountSuspended, UnknownAccount, ProviderError: nothing can be read.
    """
    seams = seams or production_seams(settings)
    try:
        async with within(LONGEST), open_accounts(settings, seams, only=only) as accounts:
            account = _choose(accounts)
            found = await _Reader(account, advance, now=seams.clock.now()).read()
    except TimeoutError as error:
        raise ProviderUnavailable(
            f"not all was read in {LONGEST.total_seconds():.0f} s", mend="try again"
        ) from error
    except ProviderUnavailable as error:
        raise ProviderUnavailable(
            f"{error.where}: {error.problem}",
            where=settings.base_url,
            mend=error.mend or "check the network and FIREWORKS_BASE_URL, and try again",
        ) from error
    return compose_survey(found, configured=settings.prices)


def _choose(accounts: Sequence[Account]) -> Account:
    if len(accounts) > 1:
        names = ", ".join(account.account for account in accounts)
        raise UnknownAccount(
            f"the settings name {len(accounts)} accounts: {names}",
            where="--account",
            mend="choose one",
        )
    return accounts[0]


class _Reader:
    """Reads one account; the listing has to succeed, the rest is noted where it does not."""

    def __init__(self, account: Account, advance: Advance, *, now: datetime) -> None:
        self._account = account
        self._provider = account.provider
        self._advance = advance
        self._done = 0
        self._notes: list[str] = []
        today = now.astimezone(ZoneInfo(account.timezone)).date()
        self._first, self._last = today - timedelta(days=DAYS), today - timedelta(days=1)

    async def read(self) -> Surveyed:
        provider = self._provider
        facts = await self._step("account", read_facts(provider))
        fleet = await self._step("deployments", provider.fetch_fleet())
        bill = provider.fetch_bill(
            first=self._first, last=self._last, timezone=self._account.timezone
        )
        surroundings, scrape, billed, quotas, prices = await asyncio.gather(
            self._try("models and routers", provider.fetch_surroundings()),
            self._try("metrics", provider.fetch_activity()),
            self._try("bill", bill),
            self._try("quotas", provider.fetch_quotas()),
            self._try("contract prices", provider.fetch_prices()),
        )
        return Surveyed(
            facts=facts,
            fleet=fleet,
            surroundings=surroundings,
            scrape=scrape,
            bill=tuple(billed or ()),
            quotas=tuple(quotas or ()),
            prices=tuple(prices or ()),
            first=self._first,
            last=self._last,
            timezone=self._account.timezone,
            notes=tuple(self._notes),
        )

    async def _try(self, what: str, asked: Awaitable[T]) -> T | None:
        try:
            return await self._step(what, asked)
        except ProviderError as error:
            self._notes.append(f"{what} could not be read: {error.problem}")
            return None

    async def _step(self, what: str, asked: Awaitable[T]) -> T:
        answer = await asked
        self._done += 1
        self._advance(what, self._done / _STEPS)
        return answer


def write_page(survey: Survey, path: Path) -> None:
    """Write the survey as one page of HTML.

    Raises:
        FileUnusable: the file cannot be written.
    """
    try:
        path.write_text(survey_html(survey), encoding="utf-8")
    except OSError as error:
        raise FileUnusable(
            f"cannot be written ({error.strerror})",
            where=str(path),
            mend="name a file in a folder that this user may write to",
        ) from error
