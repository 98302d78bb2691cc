"""Letters to Slack: found, posted, edited; after a time-out looked up before anything is said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from firewarden.clock.real import within
from firewarden.errors import NotDelivered
from firewarden.model.delivery import Destination, Receipt, Way
from firewarden.notify.post import Means
from firewarden.notify.slack.answers import LOST_ROOT, REFUSES_BLOCKS, Door, Refused
from firewarden.notify.slack.compose import compose, compose_alone, reply_to
from firewarden.notify.slack.lookup import Lookup, find_channel, find_person
from firewarden.notify.slack.messages import Message
from firewarden.store.channels import remember
from firewarden.store.letters import Letter, takes_back

TIMEOUT: Final = timedelta(seconds=10)
EVENT: Final = "firewarden"
_POST: Final = "chat.postMessage"
_FORGOTTEN: Final = frozenset({"channel_not_found", "is_archived"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a message goes: a channel, and the message it answers."""

    channel: str
    thread: str = ""
    broadcast: bool = False


class SlackPoster:
    """Delivers to channels and to people: one message for a story, edited in place."""

    def __init__(self, door: Door, means: Means, *, timeout: timedelta = TIMEOUT) -> None:
        """Go through *door*, and wait *timeout* of the event loop's time for each answer."""
        self._door = door
        self._means = means
        self._timeout = timeout

    async def post(self, letter: Letter) -> Receipt | None:
        """Deliver *letter*; see `Poster.post`."""
        try:
            return await self._deliver(letter)
        except Refused as error:
            if error.code in _FORGOTTEN and letter.resolved:
                await self._remember(letter.destination, "")
            raise

    async def _deliver(self, letter: Letter) -> Receipt | None:
        root, repeated = letter.root, False
        channel = root.channel if root else await self._channel(letter)
        if root is None and letter.doubts:
            found = await self._look_up(letter, channel)
            if found.own is not None:
                return self._receipt(channel, found.own)
            if found.earlier is not None:
                root = self._receipt(channel, found.earlier)
            elif found.is_whole and takes_back(letter.notice):
                return None
            repeated = not found.is_whole
        if root is not None:
            try:
                return await self._edit(letter, root)
            except Refused as error:
                if error.code not in LOST_ROOT:
                    raise
        message = compose_alone(letter.notice)
        sent = await self._send(
            letter, message.marked() if repeated else message, Place(channel=channel)
        )
        return self._receipt(channel, sent)

    async def _edit(self, letter: Letter, root: Receipt) -> Receipt:
        """Edit the message of the story, and say in its thread what an edit tells nobody."""
        message = compose(letter.notice)
        arguments = {"channel": root.channel, "ts": root.message}
        await self._with_blocks("chat.update", arguments, message)
        if (reply := reply_to(letter.notice)) is not None:
            place = Place(channel=root.channel, thread=root.message, broadcast=reply.broadcast)
            said = reply.message
            if letter.key in letter.doubts:
                found = await self._look_up(letter, root.channel, thread=root.message)
                if found.own is not None:
                    return self._receipt(root.channel, root.message)
                said = said if found.is_whole else said.marked()
            await self._send(letter, said, place)
        return self._receipt(root.channel, root.message)

    async def _send(self, letter: Letter, message: Message, place: Place) -> str:
        """Post *message*, signed with the key of *letter*; gives its ``ts``."""
        arguments: dict[str, Any] = {
            "channel": place.channel,
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": {"event_type": EVENT, "event_payload": {"row": letter.key}},
        }
        if place.thread:
            arguments |= {"thread_ts": place.thread, "reply_broadcast": place.broadcast}
        answer = await self._with_blocks(_POST, arguments, message)
        return str(answer.get("ts", ""))

    async def _with_blocks(
        self, method: str, arguments: Mapping[str, Any], message: Message
    ) -> Mapping[str, Any]:
        """Send *message* with its blocks, or as plain text where Slack refuses those."""
        try:
            told = {"text": message.text, "blocks": message.blocks}
            return await self._call(method, {**arguments, **told})
        except Refused as error:
            if error.code not in REFUSES_BLOCKS:
                raise
        return await self._call(method, {**arguments, "text": message.plain, "blocks": []})

    async def _look_up(self, letter: Letter, channel: str, *, thread: str = "") -> "Lookup":
        since = (letter.doubted_since or letter.first_tried_at) - _SKEW
        lookup = Lookup(keys=letter.doubts, own_key=letter.key)
        await lookup.search(self._call, channel, since=since, thread=thread)
        return lookup

    async def _channel(self, letter: Letter) -> str:
        """Give the id of the destination, which is found out once."""
        if letter.resolved:
            return letter.resolved
        destination = letter.destination
        if destination.way is Way.SLACK_DM:
            found = await find_person(self._call, destination.address)
        else:
            found = await find_channel(self._call, destination.address)
        await self._remember(destination, found)
        return found

    async def _remember(self, destination: Destination, resolved: str) -> None:
        def write() -> None:
            with self._means.database.writing() as session:
                remember(session, destination, resolved)

        await self._means.run_db(write)

    async def _call(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call Slack; only a message that was posted can have been taken unknown to us."""
        try:
            async with within(self._timeout):
                return await self._door.call(method, arguments)
        except TimeoutError as error:
            raise NotDelivered(
                f"no answer within {self._timeout.total_seconds():g} s",
                where=f"Slack {method}",
                unknown=method == _POST,
            ) from error
        except NotDelivered as error:
            error.unknown = error.unknown and method == _POST
            raise

    def _receipt(self, channel: str, message: str) -> Receipt:
        return Receipt(at=self._means.clock.now(), channel=channel, message=message)


_SKEW: Final = timedelta(minutes=5)
"""How far Slack's clock, which dates its messages, may be from ours."""
