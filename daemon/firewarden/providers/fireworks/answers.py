"""What an answer that is no success means, in our own terms.

The provider refuses in four shapes (Fireworks gateway spec 4.259.0, `googlerpcStatus`; Fireworks
docs: deployments/autoscaling): ``{code, message}``, the same inside ``error``, ``error`` as a
bare text, and ``{status, message}``. A page of something in between has none of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import msgspec

from firewarden.errors import (
    AccountSuspended,
    AnswerLost,
    InUse,
    KeyRefused,
    NotFound,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)

LONGEST_WAIT = timedelta(hours=1)
"""A Retry-After beyond this is a mistake of somebody's: we ask again after an hour."""

LONGEST_SAYING = 300

READ_FIRST = "whether it took effect is found out by reading; it is not sent again"

_PASSING = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        499,  # the gateway's "cancelled"
    }
)
_PERHAPS_DONE = frozenset({HTTPStatus.REQUEST_TIMEOUT, 499})
_PRECONDITION_STATUSES = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.PRECONDITION_FAILED})
_PRECONDITION = re.compile(r"failed[ _]?precondition|--ignore-checks", re.IGNORECASE)
_NOT_FOUND_CODES = frozenset({"5", "NOT_FOUND", ""})
_UNPAID = "see the account's billing page: a spending limit or an unpaid invoice"
_BETWEEN = "check FIREWORKS_BASE_URL, and what stands between: a proxy, a login page"


class Saying(msgspec.Struct, frozen=True):
    """The provider's own words: a code (a number or a name, as text), a message, a status."""

    code: str
    message: str
    status: str = ""

    @property
    def is_suspension(self) -> bool:
        """It tells of an account that is paused."""
        return "suspended" in self.message.lower()

    @property
    def is_precondition(self) -> bool:
        """It tells of a failed precondition: gRPC code 9, or the word, wherever it stands."""
        words = f"{self.code} {self.status} {self.message}"
        return self.code == "9" or _PRECONDITION.search(words) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer whose status is not 200, and the instant it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: datetime


def _problem(status: int, saying: "Saying | None") -> str:
    """Repeat what was answered; our own words follow it, so its last full stop is left out."""
    words = saying.message.rstrip(". ") if saying else ""
    return f"the provider answered {status}" + (f": {words}" if words else "")


def translate(answer: Refusal, *, where: str, secret: str) -> ProviderError:
    """Say what *answer* means; *secret* is blotted out should the provider repeat it."""
    status = answer.status
    saying = read_saying(answer.body, secret=secret)
    problem = _problem(status, saying)
    match status:
        case _ if status in _PASSING or _is_fault(status):
            return ProviderUnavailable(
                problem,
                where=where,
                mend="this usually passes; it is asked again",
                retry_after=retry_after(answer.headers, now=answer.at),
                throttled=status == HTTPStatus.TOO_MANY_REQUESTS,
            )
        case HTTPStatus.UNAUTHORIZED:
            mend = "the key is wrong, revoked or expired: check FIREWORKS_API_KEY"
            return KeyRefused(problem, where=where, mend=mend)
        case HTTPStatus.FORBIDDEN:
            mend = "the key's user may not read this: give it a role that can view all resources"
            return KeyRefused(problem, where=where, mend=mend)
        case HTTPStatus.NOT_FOUND if saying and saying.code in _NOT_FOUND_CODES:
            return NotFound(problem, where=where)
        case HTTPStatus.PRECONDITION_FAILED if saying and saying.is_suspension:
            return AccountSuspended(problem, where=where, mend=_UNPAID)
        case _:
            return ProviderRejected(problem, where=where, mend="" if saying else _BETWEEN)


def translate_change(answer: Refusal, *, where: str, secret: str) -> ProviderError:
    """Say what *answer* means where it answers a change: perhaps done, or not, and why not."""
    status = answer.status
    saying = read_saying(answer.body, secret=secret)
    problem = _problem(status, saying)
    is_precondition = status in _PRECONDITION_STATUSES and saying and saying.is_precondition
    match status:
        case _ if status in _PERHAPS_DONE or _is_fault(status) or _is_success(status):
            wait = retry_after(answer.headers, now=answer.at)
            return AnswerLost(problem, where=where, mend=READ_FIRST, retry_after=wait)
        case _ if status in _PASSING:
            return ProviderUnavailable(
                problem,
                where=where,
                mend="nothing was changed; this usually passes",
                retry_after=retry_after(answer.headers, now=answer.at),
                throttled=status == HTTPStatus.TOO_MANY_REQUESTS,
            )
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            mend = (
                "nothing was changed: give FIREWORKS_WRITE_API_KEY (without it FIREWORKS_API_KEY)"
                " a key whose user may change deployments"
            )
            return KeyRefused(problem, where=where, mend=mend)
        case _ if saying and is_precondition and saying.is_suspension:
            return AccountSuspended(problem, where=where, mend=_UNPAID)
        case _ if is_precondition:
            return InUse(problem, where=where)
        case _:
            return translate(answer, where=where, secret=secret)


def not_json(body: bytes, why: str, *, where: str) -> ProviderRejected:
    """Translate a 200 that nobody can read."""
    if body.lstrip()[:1] == b"<":
        return ProviderRejected("a page of HTML instead of JSON", where=where, mend=_BETWEEN)
    return ProviderRejected(
        f"an answer that cannot be read: {clean(why)}",
        where=where,
        mend="nothing of it was used; if it stays, the provider's format has changed",
    )


def read_saying(body: bytes, *, secret: str = "") -> Saying | None:
    """Find the provider's words in the body of a refusal; None where it is not its own."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    inner = content.get("error")
    if isinstance(inner, dict):
        content = inner
    message = inner if isinstance(inner, str) else content.get("message")
    if message is None and inner is None:
        return None
    code = content.get("code", content.get("status"))
    return Saying(
        code=_word(code),
        message=clean(_word(message), secret=secret),
        status=_word(content.get("status")),
    )


def retry_after(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """Read how long the provider asks us to wait; None where it does not, or nobody can tell.

    Seconds or a date (RFC 9110); a date is measured against the same answer's Date, so that
    the two clocks need not agree. Never negative, never beyond `LONGEST_WAIT`.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdecimal():
        return min(timedelta(seconds=min(int(value[:9]), 10**6)), LONGEST_WAIT)
    until = http_date(value)
    if until is None:
        return None
    sent = http_date(headers.get("date", "")) or now
    return max(timedelta(0), min(until - sent, LONGEST_WAIT))


def http_date(value: str) -> datetime | None:
    """Read a date of HTTP, as aware UTC; None where it is none."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return found if found.tzinfo is not None else None


def clean(saying: str, *, secret: str = "") -> str:
    """Make a foreign text fit for one line of a message: printable, not long, without *secret*."""
    if secret:
        saying = saying.replace(secret, "[key]")
    line = "".join(mark if mark.isprintable() else " " for mark in saying[:LONGEST_SAYING])
    return " ".join(line.split())


def _is_fault(status: int) -> bool:
    """A server's fault that may pass; 501 is the gateway's answer to a malformed path."""
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED


def _is_success(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _word(value: object) -> str:
    return str(value) if isinstance(value, str | int) else ""
