"""A Slack with the habits of the real one: what it takes, what it hides, how it fails.

One state machine with two faces. `tests.support.slack_http` serves it over real HTTP: that
proves the wire, with Slack's own client, its time-outs and its errors. `Face` is a door in
the same process, for virtual time, where no socket may be opened: it proves everything
behind the wire, since it goes through the same machine and the same reading of answers.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from firewarden.notify.slack.answers import judge_answer
from firewarden.ports import Clock

TOKEN = "xoxb-" + "7-canary-of-the-bot"
SHOWN_EVERY = timedelta(seconds=1)
_SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "conversations.list": "channels:read",
    "conversations.open": "im:write",
    "users.lookupByEmail": "users:read.email",
}
_LONGEST_TEXT = 40_000
_LONGEST_BLOCK = 3_000
_LONGEST_BLOCKS = 13_200
_MOST_BLOCKS = 50

Arguments = Mapping[str, Any]


@dataclass(kw_only=True)
class Message:
    """One message as Slack keeps it; *hidden*: taken with "ok", and shown to nobody."""

    channel: str
    ts: str
    at: datetime
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] = field(default_factory=dict)
    thread_ts: str = ""
    is_broadcast: bool = False
    hidden: bool = False
    edits: list[str] = field(default_factory=list)

    @property
    def row(self) -> str:
        return str(self.metadata.get("event_payload", {}).get("row", ""))


@dataclass(kw_only=True)
class Channel:
    """One channel, or a conversation with one person."""

    id: str
    name: str
    is_private: bool = False
    is_archived: bool = False
    is_member: bool = True


@dataclass(kw_only=True)
class Fault:
    """Something goes wrong *count* times, or until an instant.

    *kind*: ``hang_before`` (nothing is taken, nothing said), ``hang_after`` (taken, and
    nothing said), ``http_500_after`` (taken, and an error said), ``http_429``, ``http_503``,
    ``garbage``, or an error of Slack's own.
    """

    kind: str
    method: str = "chat.postMessage"
    channel: str = ""
    count: int = 1_000_000
    until: datetime | None = None
    retry_after: int | None = None

    def hits(self, method: str, arguments: Arguments, now: datetime) -> bool:
        return (
            self.count > 0
            and re.fullmatch(self.method, method) is not None
            and self.channel in {"", arguments.get("channel")}
            and (self.until is None or now < self.until)
        )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes over the wire; *body* None: nothing ever does."""

    status: int = 200
    body: dict[str, Any] | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


_TAKEN = frozenset({"hang_after", "http_500_after"})
_BROKEN = {
    "http_503": Answer(status=503, body="<html>upstream</html>"),
    "http_500_after": Answer(status=500, body={"ok": False, "error": "internal_error"}),
    "garbage": Answer(body="not what you want"),
}


class _No(Exception):
    """An answer that is ``{"ok": false}``."""


class FakeSlack:
    """The machine. Its time is the wall's; what happened in it is there to be read."""

    def __init__(self, clock: Clock, *, channels: Iterable[str] = ("gpu-costs", "gpu-ops")) -> None:
        self.clock = clock
        self.token = TOKEN
        self.scopes = {*_SCOPES.values(), "groups:read"}
        self.channels = {
            f"C{n:03}": Channel(id=f"C{n:03}", name=name) for n, name in enumerate(channels)
        }
        self.people: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.messages: list[Message] = []
        self.calls: list[tuple[str, Arguments]] = []
        self.page_size = 1_000
        self._newest: defaultdict[str, datetime | None] = defaultdict(lambda: None)

    def fail(self, kind: str, **scope: Any) -> Fault:
        """Let something go wrong from now on."""
        self.faults.append(Fault(kind=kind, **scope))
        return self.faults[-1]

    def heal(self) -> None:
        self.faults.clear()

    def channel(self, name: str) -> Channel:
        return next(each for each in self.channels.values() if each.name == name)

    def shown(self, name: str) -> list[Message]:
        """The messages that people see in the channel *name*, threads left out."""
        return [
            message
            for message in self.messages
            if message.channel == self.channel(name).id
            and not message.hidden
            and (not message.thread_ts or message.is_broadcast)
        ]

    def replies(self, root: Message) -> list[Message]:
        return [each for each in self.messages if each.thread_ts == root.ts and not each.hidden]

    @property
    def hidden_count(self) -> int:
        return sum(message.hidden for message in self.messages)

    def called(self, method: str) -> list[Arguments]:
        return [arguments for name, arguments in self.calls if name == method]

    def answer(self, method: str, arguments: Arguments, *, token: str) -> Answer:
        """Take one call; whether and how it is answered, the faults say."""
        self.calls.append((method, arguments))
        now = self.clock.now()
        fault = next((each for each in self.faults if each.hits(method, arguments, now)), None)
        if fault is None:
            return self._answer(method, arguments, token)
        fault.count -= 1
        if fault.kind in _TAKEN:
            self._answer(method, arguments, token)
        return _failure(fault)

    def _answer(self, method: str, arguments: Arguments, token: str) -> Answer:
        try:
            self._let_in(method, token)
            body = self._methods()[method](arguments)
        except _No as error:
            return Answer(body={"ok": False, "error": str(error)})
        return Answer(body={"ok": True, **body})

    def _let_in(self, method: str, token: str) -> None:
        if token != self.token:
            raise _No("invalid_auth")
        if _SCOPES.get(method) not in {*self.scopes, None}:
            raise _No("missing_scope")

    def _methods(self) -> Mapping[str, Any]:
        return {
            "auth.test": lambda _arguments: {"user_id": "UBOT"},
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.list": self._list,
            "conversations.open": self._open,
            "conversations.replies": self._replies,
            "users.lookupByEmail": self._find_person,
        }

    def _writable(self, arguments: Arguments) -> Channel:
        channel = self.channels.get(str(arguments.get("channel")))
        if channel is None or (channel.is_private and not channel.is_member):
            raise _No("channel_not_found")
        if channel.is_archived:
            raise _No("is_archived")
        if not channel.is_member:
            raise _No("not_in_channel")
        _check(arguments)
        return channel

    def _post(self, arguments: Arguments) -> dict[str, Any]:
        channel, now = self._writable(arguments), self.clock.now()
        newest, self._newest[channel.id] = self._newest[channel.id], now
        message = Message(
            channel=channel.id,
            ts=f"{int(now.timestamp())}.{len(self.messages):06}",
            at=now,
            text=arguments["text"],
            blocks=arguments.get("blocks") or [],
            metadata=arguments.get("metadata") or {},
            thread_ts=arguments.get("thread_ts", ""),
            is_broadcast=bool(arguments.get("reply_broadcast")),
            hidden=newest is not None and now - newest < SHOWN_EVERY,
        )
        self.messages.append(message)
        return {"channel": channel.id, "ts": message.ts}

    def _update(self, arguments: Arguments) -> dict[str, Any]:
        channel = self._writable(arguments)
        for message in self.messages:
            if (message.channel, message.ts) == (channel.id, arguments.get("ts")):
                message.edits.append(message.text)
                message.text, message.blocks = arguments["text"], arguments.get("blocks") or []
                return {"channel": channel.id, "ts": message.ts}
        raise _No("message_not_found")

    def _history(self, arguments: Arguments) -> dict[str, Any]:
        top = [each for each in self.messages if not each.thread_ts or each.is_broadcast]
        return self._read(top, arguments)

    def _replies(self, arguments: Arguments) -> dict[str, Any]:
        thread = arguments["ts"]
        return self._read(
            [each for each in self.messages if thread in {each.ts, each.thread_ts}], arguments
        )

    def _read(self, messages: list[Message], arguments: Arguments) -> dict[str, Any]:
        if arguments.get("channel") not in self.channels:
            raise _No("channel_not_found")
        oldest = float(arguments.get("oldest", 0))
        found = [
            {"ts": each.ts, "text": each.text}
            | ({"metadata": each.metadata} if _is_true(arguments, "include_all_metadata") else {})
            for each in reversed(messages)
            if each.channel == arguments["channel"] and float(each.ts) >= oldest
        ]
        return self._page("messages", found, arguments)

    def _list(self, arguments: Arguments) -> dict[str, Any]:
        types = str(arguments.get("types", "public_channel")).split(",")
        if "private_channel" in types and "groups:read" not in self.scopes:
            raise _No("missing_scope")
        found = [
            {"id": each.id, "name": each.name}
            for each in self.channels.values()
            if each.name
            and ("private_channel" in types or not each.is_private)
            and not (_is_true(arguments, "exclude_archived") and each.is_archived)
        ]
        return self._page("channels", found, arguments)

    def _page(self, name: str, found: list[dict[str, Any]], arguments: Arguments) -> dict[str, Any]:
        first = int(arguments.get("cursor") or 0)
        after = first + min(int(arguments.get("limit", 100)), self.page_size)
        cursor = str(after) if after < len(found) else ""
        return {name: found[first:after], "response_metadata": {"next_cursor": cursor}}

    def _open(self, arguments: Arguments) -> dict[str, Any]:
        user = str(arguments["users"])
        if user not in self.people.values():
            raise _No("user_not_found")
        conversation = f"D{user}"
        self.channels.setdefault(conversation, Channel(id=conversation, name=user))
        return {"channel": {"id": conversation}}

    def _find_person(self, arguments: Arguments) -> dict[str, Any]:
        if arguments["email"] not in self.people:
            raise _No("users_not_found")
        return {"user": {"id": self.people[arguments["email"]]}}


@dataclass(frozen=True, kw_only=True)
class Face:
    """A door to the machine in the same process: for virtual time, where there are no sockets."""

    slack: FakeSlack
    token: str = TOKEN

    async def call(self, method: str, arguments: Arguments) -> Mapping[str, Any]:
        answer = self.slack.answer(method, arguments, token=self.token)
        if answer.body is None:
            await asyncio.Event().wait()
        retry_after = answer.headers.get("Retry-After")
        return judge_answer(answer.status, answer.body, method=method, retry_after=retry_after)


def _failure(fault: Fault) -> Answer:
    if fault.kind.startswith("hang"):
        return Answer()
    if fault.kind == "http_429":
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return Answer(status=429, body={"ok": False, "error": "ratelimited"}, headers=headers)
    if fault.kind in _BROKEN:
        return _BROKEN[fault.kind]
    return Answer(body={"ok": False, "error": fault.kind})


def _check(arguments: Arguments) -> None:
    """Refuse what Slack refuses: no text, or more of anything than it takes."""
    blocks = arguments.get("blocks") or []
    texts = [text for block in blocks for text in _texts(block)]
    if not arguments.get("text") and not blocks:
        raise _No("no_text")
    if len(arguments.get("text", "")) > _LONGEST_TEXT:
        raise _No("msg_too_long")
    if sum(map(len, texts)) > _LONGEST_BLOCKS:
        raise _No("msg_blocks_too_long")
    if len(blocks) > _MOST_BLOCKS or any(not 0 < len(text) <= _LONGEST_BLOCK for text in texts):
        raise _No("invalid_blocks")


def _texts(block: Mapping[str, Any]) -> list[str]:
    parts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
    return [part["text"] for part in parts if part]


def _is_true(arguments: Arguments, name: str) -> bool:
    return arguments.get(name) in {True, "1", "true"}
