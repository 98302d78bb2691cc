"""Alerts of the daemon's own health: each is said once, and once more when it is over."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from firewarden.errors import (
    AccountSuspended,
    FileUnusable,
    FirewardenError,
    KeyRefused,
    ProviderUnavailable,
    UserError,
)
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.usage import Gap
from firewarden.model.vocabulary import Severity
from firewarden.ports import Clock

_PAGES: Final = frozenset({"provider.refused", "provider.suspended"})
_PARTS: Final = "parts"
"""The fact of a health alert that names who is in trouble."""


class Alarms:
    """The health alerts of one account that are firing now: one for each cause.

    Alerts are rows, so a restart knows what was said already: begin with those that the
    database holds as firing. Who is in trouble for a cause stands in its facts.
    """

    def __init__(self, account: AccountId, *, clock: Clock, firing: Iterable[Notice] = ()) -> None:
        """Begin with the alerts that are *firing* in the database."""
        self._account = account
        self._clock = clock
        self._troubled: dict[str, frozenset[str]] = {
            notice.kind: frozenset(notice.facts.get(_PARTS, "").split(", "))
            for notice in firing
            if notice.key == _key_of(notice.kind)
        }

    @property
    def failing(self) -> frozenset[str]:
        """The parts that are in trouble, for whatever cause."""
        return frozenset().union(*self._troubled.values())

    def trouble(self, part: str, error: FirewardenError) -> tuple[Notice, ...]:
        """Say that *part* (poll, metrics, …) failed; nothing where that was said before.

        A part that fails for a cause that others fail for is no news: the alert's text
        and facts change, and nobody is told again.
        """
        kind = kind_of(error)
        parts = self._troubled.get(kind, frozenset())
        if part in parts:
            return ()
        parts = self._troubled[kind] = parts | {part}
        return (self._of(kind, f"{_list(parts)}: {error}", parts),)

    def relief(self, part: str) -> tuple[Notice, ...]:
        """Say that *part* works again; a cause is over when all parts do."""
        notices = []
        for kind in [each for each, parts in self._troubled.items() if part in parts]:
            parts = self._troubled[kind] = self._troubled[kind] - {part}
            if parts:
                text = f"{part} works again, not yet {_list(parts)}"
                notices.append(self._of(kind, text, parts))
            else:
                del self._troubled[kind]
                over = self._of(kind, f"{part} works again", parts)
                notices.append(replace(over, severity=Severity.INFO, resolved=True))
        return tuple(notices)

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
            Notice(
                account=self._account,
                kind="meter.gap",
                key=f"gap:{since.isoformat()}",
                severity=Severity.INFO,
                at=self._clock.now(),
                text=text,
                facts={"since": since.isoformat(), "until": until.isoformat()},
                once=True,
            ),
        )

    def _of(self, kind: str, text: str, parts: Collection[str]) -> Notice:
        return Notice(
            account=self._account,
            kind=kind,
            key=_key_of(kind),
            severity=severity_of(kind),
            at=self._clock.now(),
            text=f"{self._account}: {text}",
            facts={_PARTS: _list(parts)},
        )


def _key_of(kind: str) -> str:
    return f"health:{kind}"


def _list(parts: Collection[str]) -> str:
    return ", ".join(sorted(parts))


def kind_of(error: FirewardenError) -> str:
    """Tell the kind of alert that *error* is."""
    match error:
        case KeyRefused():
            return "provider.refused"
        case AccountSuspended():
            return "provider.suspended"
        case ProviderUnavailable(throttled=True):
            return "provider.throttled"
        case UserError() | FileUnusable():
            return "policy.invalid"
        case _:
            return "meter.trouble"


def severity_of(kind: str) -> Severity:
    """Tell how much an alert of the daemon's own health asks of people."""
    return Severity.PAGE if kind in _PAGES else Severity.WARN
