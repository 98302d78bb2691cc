"""Alerts of the daemon's own health: each is said once, and once more when it is over."""

from collections.abc import Iterable, Mapping

from firewarden.errors import (
    AccountSuspended,
    FileUnusable,
    FirewardenError,
    KeyRefused,
    ProviderUnavailable,
    UserError,
)
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice, Severity
from firewarden.model.usage import Gap
from firewarden.ports import Clock


class Alarms:
    """The health alerts of one account that are firing now.

    Alerts are rows, so a restart knows what was said already: begin with the keys that
    the database holds as firing.
    """

    def __init__(self, account: AccountId, *, clock: Clock, firing: Iterable[str] = ()) -> None:
        """Begin with the keys that are *firing* in the database."""
        self._account = account
        self._clock = clock
        self._firing = {key for key in firing if key.startswith("health:")}

    def trouble(self, part: str, error: FirewardenError) -> tuple[Notice, ...]:
        """Say that *part* (poll, scrape, …) failed: a notice for a new trouble, else nothing."""
        kind, severity = kind_of(error)
        key = f"health:{part}:{kind}"
        if key in self._firing:
            return ()
        self._firing.add(key)
        return (self._notice(kind, key, severity, f"{self._account}: {part}: {error}"),)

    def is_firing(self, part: str) -> bool:
        """Was it said that *part* fails, and not yet that it works again?"""
        return any(key.startswith(f"health:{part}:") for key in self._firing)

    def relief(self, part: str) -> tuple[Notice, ...]:
        """Say that *part* works again: a notice for each of its troubles that was firing."""
        over = sorted(key for key in self._firing if key.startswith(f"health:{part}:"))
        self._firing.difference_update(over)
        return tuple(
            self._notice(
                key.rpartition(":")[2],
                key,
                Severity.INFO,
                f"{self._account}: {part} works again",
                resolved=True,
            )
            for key in over
        )

    def gap(self, gaps: Iterable[Gap]) -> tuple[Notice, ...]:
        """Say that nobody watched for a while: one notice for all deployments together."""
        gaps = tuple(gaps)
        if not gaps:
            return ()
        since = min(gap.since for gap in gaps)
        until = max(gap.until for gap in gaps)
        text = (
            f"{self._account}: no data from {since:%Y-%m-%d %H:%M:%S} to {until:%H:%M:%S} UTC"
            f" for {len(gaps)} deployments ({gaps[0].cause}); costs of this time have wide bounds"
        )
        return (
            self._notice(
                "meter.gap",
                f"gap:{since.isoformat()}",
                Severity.INFO,
                text,
                facts={"since": since.isoformat(), "until": until.isoformat()},
            ),
        )

    def _notice(
        self,
        kind: str,
        key: str,
        severity: Severity,
        text: str,
        *,
        resolved: bool = False,
        facts: Mapping[str, str] | None = None,
    ) -> Notice:
        return Notice(
            account=self._account,
            kind=kind,
            key=key,
            severity=severity,
            at=self._clock.now(),
            text=text,
            facts=facts or {},
            resolved=resolved,
        )


def kind_of(error: FirewardenError) -> tuple[str, Severity]:
    """Tell the kind of alert that *error* is, and how much it asks of people."""
    match error:
        case KeyRefused():
            return "provider.refused", Severity.PAGE
        case AccountSuspended():
            return "provider.suspended", Severity.PAGE
        case ProviderUnavailable(throttled=True):
            return "provider.throttled", Severity.WARN
        case UserError() | FileUnusable():
            return "policy.invalid", Severity.WARN
        case _:
            return "meter.trouble", Severity.WARN
