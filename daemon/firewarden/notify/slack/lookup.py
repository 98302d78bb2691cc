"""Looking things up in Slack: channels by name, people by address, our own messages."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from firewarden.notify.slack.answers import Refused

Call = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]

MOST_PAGES: Final = 50
MOST_PAGES_OF_MESSAGES: Final = 5
_PAGE: Final = 200
_NO_SCOPE: Final = "missing_scope"


@dataclass(slots=True, kw_only=True)
class Lookup:
    """Our messages in a channel, sought by the keys they are signed with.

    Attributes:
        own, earlier: ``ts`` of the message of the letter itself, and of an earlier turn of
            its story; None: it was not found.
        is_whole: everything was looked through, so that what was not found is not there.
    """

    keys: Collection[str]
    own_key: str
    own: str | None = None
    earlier: str | None = None
    is_whole: bool = False

    async def search(self, call: Call, channel: str, *, since: datetime, thread: str = "") -> None:
        """Look through *channel*, or one of its threads; without the right to, find nothing.

        Raises:
            NotDelivered: Slack did not answer now.
        """
        arguments: dict[str, Any] = {
            "channel": channel,
            "oldest": f"{since.timestamp():.6f}",
            "include_all_metadata": True,
            "limit": _PAGE,
        }
        method = "conversations.history"
        if thread:
            method, arguments["ts"] = "conversations.replies", thread
        pages = 0
        try:
            async for page in _pages(call, method, arguments, most=MOST_PAGES_OF_MESSAGES):
                pages += 1
                for message in page.get("messages", ()):
                    self._see(message)
                self.is_whole = not _cursor(page)
        except Refused as error:
            if not error.for_good:
                raise

    def _see(self, message: Mapping[str, Any]) -> None:
        metadata = message.get("metadata") or {}
        key = (metadata.get("event_payload") or {}).get("row")
        if key == self.own_key:
            self.own = str(message.get("ts", ""))
        elif key in self.keys:
            self.earlier = str(message.get("ts", ""))


async def find_channel(call: Call, name: str) -> str:
    """Find the id of the channel *name*, among those the bot may see.

    Raises:
        Refused: there is none.
    """
    try:
        found = await _find_channel(call, name, types="public_channel,private_channel")
    except Refused as error:
        if error.code != _NO_SCOPE:
            raise
        found = await _find_channel(call, name, types="public_channel")
    if not found:
        raise Refused("channel_not_found", where=f"Slack #{name}", for_good=True)
    return found


async def find_person(call: Call, email: str) -> str:
    """Find the conversation with whoever has the address *email*.

    Raises:
        Refused: nobody has it.
    """
    answer = await call("users.lookupByEmail", {"email": email})
    user = str((answer.get("user") or {}).get("id", ""))
    opened = await call("conversations.open", {"users": user})
    found = str((opened.get("channel") or {}).get("id", ""))
    if not found:
        raise Refused("users_not_found", where=f"Slack {email}", for_good=True)
    return found


async def _find_channel(call: Call, name: str, *, types: str) -> str | None:
    arguments = {"types": types, "exclude_archived": True, "limit": _PAGE}
    async for page in _pages(call, "conversations.list", arguments, most=MOST_PAGES):
        for channel in page.get("channels", ()):
            if channel.get("name") == name:
                return str(channel.get("id", ""))
    return None


async def _pages(
    call: Call, method: str, arguments: Mapping[str, Any], *, most: int
) -> AsyncIterator[Mapping[str, Any]]:
    """Yield page after page; a cursor that came before ends it, as does one page too many."""
    cursors = {""}
    cursor = ""
    for _ in range(most):
        page = await call(method, {**arguments, **({"cursor": cursor} if cursor else {})})
        yield page
        cursor = _cursor(page)
        if cursor in cursors:
            return
        cursors.add(cursor)


def _cursor(page: Mapping[str, Any]) -> str:
    return str((page.get("response_metadata") or {}).get("next_cursor") or "")
