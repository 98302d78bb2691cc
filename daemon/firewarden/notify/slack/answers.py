"""What Slack answers, and what that means for the next try."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Protocol

from firewarden.errors import NotDelivered

RESTS_FOR: Final = timedelta(seconds=30)
"""Where Slack says that it is too much, and not for how long."""

_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500

_OVERLOADED: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_PASSING: Final = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
)
_MENDS: Final[Mapping[str, str]] = {
    "account_inactive": "the bot was removed: install it again",
    "channel_not_found": "correct the channel's name, or invite the bot if it is private",
    "invalid_auth": "give the token that Slack shows under OAuth & Permissions",
    "is_archived": "name a channel that is in use",
    "missing_scope": "add the scope to the app, and install it again",
    "not_authed": "give a token",
    "not_in_channel": "invite the bot to the channel",
    "token_expired": "give a new token",
    "token_revoked": "give a new token",
    "users_not_found": "nobody in Slack has this e-mail address",
}
REFUSES_BLOCKS: Final = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"}
)
LOST_ROOT: Final = frozenset(
    {"cant_update_message", "edit_window_closed", "message_not_found", "thread_not_found"}
)


class Door(Protocol):
    """The way to Slack: one method of its Web API at a time."""

    async def call(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call *method* and give its answer.

        Raises:
            Refused: Slack answered, and it was no yes.
            NotDelivered: there was no answer that anybody can read.
        """
        ...


class Refused(NotDelivered):
    """Slack said no; *code* is its own word for why."""

    def __init__(
        self,
        code: str,
        *,
        where: str,
        for_good: bool = False,
        retry_after: timedelta | None = None,
        unknown: bool = False,
    ) -> None:
        """Carry *code*, and what it means for the next try."""
        super().__init__(
            code,
            where=where,
            mend=_MENDS.get(code, ""),
            for_good=for_good,
            retry_after=retry_after,
            unknown=unknown,
        )
        self.code = code


def judge_answer(
    status: int, body: object, *, method: str, retry_after: str | None
) -> Mapping[str, Any]:
    """Give the *body* of a yes.

    Raises:
        Refused: it is a no.
        NotDelivered: nobody can read it; whether the message was taken is unknown.
    """
    where = f"Slack {method}"
    known: Mapping[str, Any] = body if isinstance(body, dict) else {}
    if known.get("ok") is True:
        return known
    code = str(known.get("error") or f"HTTP {status}")[:80]
    if status == _TOO_MANY or code in _OVERLOADED:
        raise Refused(code, where=where, retry_after=_rest(retry_after))
    # Slack says of its own errors that what was asked for may have been done all the same.
    if status >= _SERVER_ERROR or code in _PASSING:
        raise Refused(code, where=where, unknown=True)
    if "error" not in known:
        raise NotDelivered(f"{code} with an answer nobody can read", where=where, unknown=True)
    raise Refused(code, where=where, for_good=True)


def _rest(retry_after: str | None) -> timedelta:
    given = (retry_after or "").strip()
    if not given.isascii() or not given.isdigit():
        return RESTS_FOR
    return timedelta(seconds=min(int(given[:9]), 86_400))
