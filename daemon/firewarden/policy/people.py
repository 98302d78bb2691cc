"""What a policy file says about people: who approves, who is alerted, how long they may snooze."""

import re
from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from firewarden.policy.durations import Duration, parse_duration
from firewarden.policy.fields import Text, as_text, each_of, refuse
from firewarden.policy.problems import shown
from firewarden.policy.strict import Strict

CLI = "cli"
"""In ``approval.by``: whoever can run commands where the daemon's database is."""

TONIGHT = "tonight"
"""The choice of snoozing that has no fixed length."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+", re.ASCII)
_GROUP = re.compile(r"@[a-z0-9][a-z0-9._-]{0,79}", re.ASCII)


def _approvers(given: object) -> tuple[str, ...]:
    return each_of(given, _approver)


def _approver(given: object) -> str:
    text = as_text(given)
    if text != CLI and not _EMAIL.fullmatch(text) and not _GROUP.fullmatch(text):
        refuse(
            f"{shown(text)} is nobody who could approve",
            f'an e-mail address, a "@group" in lower case, or {CLI}',
        )
    return text


def _choices(given: object) -> tuple[str, ...]:
    return each_of(given, _choice)


def _choice(given: object) -> str:
    text = as_text(given)
    if text != TONIGHT:
        try:
            parse_duration(text)
        except ValueError as error:
            refuse(str(error), f"or the word {TONIGHT}")
    return text


class ApprovalEntry(Strict):
    """Who may say yes, and how long the question stands."""

    by: Annotated[tuple[str, ...] | None, BeforeValidator(_approvers)] = None
    expires: Duration | None = None


class AlertsEntry(Strict):
    """Routes for what belongs to no policy."""

    later: ClassVar[frozenset[str]] = frozenset({"quiet_hours", "digest"})

    default: Text | None = None
    page: Text | None = None
    fallback: Text | None = None


class SnoozeEntry(Strict):
    """How long people may keep a deployment from every policy."""

    choices: Annotated[tuple[str, ...] | None, BeforeValidator(_choices)] = None
    max: Duration | None = None
    max_total: Duration | None = None
