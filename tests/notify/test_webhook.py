"""Webhooks get what they can check, are believed when they say so, and lead nowhere else."""

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from firewarden.model.delivery import Delivery, Destination, Way
from firewarden.notify.post import Poster, PostOffice
from firewarden.notify.webhook import Courier, Hook, SlackWebhookPoster, WebhookPoster
from tests.notify.offices import ACTED, CANCELLED, LOG, WARNING, Mailbox, Setting
from tests.support.clock import NOW
from tests.support.serving import serving
from tests.support.slack_http import until_gone

PAGER = Destination(way=Way.WEBHOOK, address="pager")
CHANNEL = Destination(way=Way.SLACK_WEBHOOK, address="channel")
SECRET = "canary-of-the-signature"
SOON = timedelta(milliseconds=300)


@dataclass
class Receiver:
    """A server that keeps what it got, and answers what it was told to."""

    url: str = ""
    got: list[tuple[httpx.Headers, bytes]] = field(default_factory=list)
    answers: list[Response | None] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.got.append((httpx.Headers(request.headers.raw), await request.body()))
        answer = self.answers.pop(0) if self.answers else PlainTextResponse("ok")
        if answer is None:
            await until_gone(request)
            return PlainTextResponse("")
        return answer

    @property
    def bodies(self) -> list[dict[str, object]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    app = Starlette(routes=[Route("/{path:path}", made.take, methods=["GET", "POST"])])
    with serving(app) as address:
        made.url = f"{address}/services/canary-of-the-address"
        yield made


Open = Callable[..., PostOffice]


@pytest.fixture
def mailbox(setting: Setting) -> Mailbox:
    return Mailbox(setting.clock)


@pytest.fixture
def open_office(setting: Setting, receiver: Receiver, mailbox: Mailbox) -> Open:
    def make(courier: Courier | None = None) -> PostOffice:
        sent_by = courier or Courier(timeout=SOON)
        hook = Hook(url=lambda: receiver.url, secret=lambda: SECRET)
        posters: dict[Way, Poster] = {
            Way.WEBHOOK: WebhookPoster(
                lambda _account, _name: hook, sent_by, clock=setting.clock, wall=setting.wall
            ),
            Way.SLACK_WEBHOOK: SlackWebhookPoster(
                lambda _account, _name: hook, sent_by, clock=setting.clock
            ),
            Way.LOG: mailbox,
        }
        return setting.office(posters)

    return make


async def test_a_webhook_gets_json_that_it_can_check(
    setting: Setting, receiver: Receiver, open_office: Open
) -> None:
    await setting.wall.advance(timedelta(seconds=7))
    setting.write(WARNING, to=[PAGER])

    await setting.until_idle(open_office())

    ((headers, body),) = receiver.got
    stamp = headers["x-firewarden-timestamp"]
    assert stamp == str(int(NOW.timestamp()) + 7)
    signed = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["x-firewarden-signature"] == f"v1={signed}"
    told = json.loads(body)
    assert len(told.pop("id")) == 32
    assert told == {
        "version": 1,
        "account": "acme",
        "kind": "idle.warn",
        "key": "incident:idle:exp-7",
        "story": "incident:idle:exp-7",
        "severity": "info",
        "at": "2026-11-04T12:00:00Z",
        "text": WARNING.text,
        "uid": None,
        "facts": dict(WARNING.facts),
        "resolved": False,
    }
    assert setting.delivery() == Delivery(delivered_at=NOW)


async def test_beginnings_and_ends_are_all_told_each_by_an_id_of_its_own(
    setting: Setting, receiver: Receiver, open_office: Open
) -> None:
    for notice in (WARNING, CANCELLED):
        setting.write(notice, to=[PAGER])
        await setting.until_idle(open_office())

    assert [body["resolved"] for body in receiver.bodies] == [False, True]
    assert len({str(body["id"]) for body in receiver.bodies}) == 2


async def test_what_was_perhaps_taken_comes_again_under_the_same_id(
    setting: Setting, receiver: Receiver, open_office: Open
) -> None:
    receiver.answers = [None, PlainTextResponse("", 502)]
    setting.write(WARNING, to=[PAGER])

    with capture_logs():
        await setting.until_idle(open_office())

    assert len(receiver.got) == 3
    assert len({str(body["id"]) for body in receiver.bodies}) == 1


@pytest.mark.parametrize(
    ("answer", "count", "taken"),
    [
        pytest.param(PlainTextResponse("", 204), 1, True, id="taken"),
        pytest.param(PlainTextResponse("", 500), 2, True, id="an error of its own"),
        pytest.param(PlainTextResponse("", 408), 2, True, id="too slow"),
        pytest.param(
            PlainTextResponse("", 429, {"Retry-After": "30"}), 2, True, id="too much at once"
        ),
        pytest.param(PlainTextResponse("", 404), 1, False, id="nobody there"),
        pytest.param(PlainTextResponse("", 401), 1, False, id="no right to"),
        pytest.param(
            PlainTextResponse("", 307, {"Location": "http://127.0.0.1:1/"}),
            1,
            False,
            id="elsewhere",
        ),
    ],
)
async def test_what_an_answer_means(
    setting: Setting,
    receiver: Receiver,
    open_office: Open,
    mailbox: Mailbox,
    answer: Response,
    count: int,
    *,
    taken: bool,
) -> None:
    receiver.answers = [answer]
    setting.write(WARNING, to=[PAGER])

    with capture_logs():
        took = await setting.until_idle(open_office())

    assert len(receiver.got) == count
    assert (setting.delivery().delivered_at is not None) is taken
    assert mailbox.told == ([] if taken else [("log", "delivery.degraded")])
    assert (took == timedelta(seconds=30)) is (answer.status_code == 429)


async def test_slack_gets_a_message_and_its_ok_is_the_receipt(
    setting: Setting, receiver: Receiver, open_office: Open
) -> None:
    setting.write(WARNING, to=[CHANNEL])
    await setting.until_idle(open_office())
    setting.write(ACTED, to=[CHANNEL])
    await setting.until_idle(open_office())

    warned, acted = receiver.bodies
    assert str(warned["text"]).startswith("🟡 exp-7")
    assert str(acted["text"]).startswith("✅ exp-7")
    assert isinstance(warned["blocks"], list)
    assert "x-firewarden-signature" not in receiver.got[0][0]
    assert setting.delivery() == Delivery(delivered_at=NOW)


async def test_slack_that_refuses_blocks_gets_text(
    setting: Setting, receiver: Receiver, open_office: Open
) -> None:
    receiver.answers = [PlainTextResponse("invalid_blocks", 400)]
    setting.write(WARNING, to=[CHANNEL])

    await setting.until_idle(open_office())

    assert "blocks" not in receiver.bodies[1]
    assert setting.delivery() == Delivery(delivered_at=NOW)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="no answer"),
        pytest.param(PlainTextResponse("<html>", 200), id="somebody else's answer"),
    ],
)
async def test_what_slack_perhaps_took_says_so_when_it_comes_again(
    setting: Setting, receiver: Receiver, open_office: Open, answer: Response | None
) -> None:
    receiver.answers = [answer]
    setting.write(WARNING, to=[CHANNEL])

    with capture_logs():
        await setting.until_idle(open_office())

    first, again = receiver.bodies
    assert str(again["text"]) == f"{first['text']} (may be repeated)"


async def test_a_server_that_is_not_there_is_tried_again_without_a_doubt(
    setting: Setting, receiver: Receiver, open_office: Open
) -> None:
    there, receiver.url = receiver.url, "http://127.0.0.1:1/x"
    setting.write(WARNING, to=[CHANNEL])
    with capture_logs():
        await open_office().run_once()
        receiver.url = there
        await setting.until_idle(open_office())

    (body,) = receiver.bodies
    assert "may be repeated" not in str(body["text"])


class Recording(httpx.AsyncBaseTransport):
    """Takes requests instead of a network, and refuses the first *down* of them."""

    def __init__(self, *, down: int = 0) -> None:
        self.requests: list[httpx.Request] = []
        self._down = down

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if len(self.requests) <= self._down:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, text="ok")


async def test_a_name_is_resolved_once_and_verified_by_its_name(
    setting: Setting, receiver: Receiver, open_office: Open
) -> None:
    """The second answer of a name server that changes its mind is never asked for."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]

    async def rebind(_host: str, _port: int) -> Sequence[str]:
        return answers.pop(0)

    receiver.url = "https://hooks.example.com:8443/x"
    transport = Recording()
    setting.write(WARNING, to=[PAGER])
    await setting.until_idle(open_office(Courier(transport=transport, resolve=rebind)))

    (request,) = transport.requests
    assert str(request.url) == "https://93.184.216.34:8443/x"
    assert request.headers["host"] == "hooks.example.com:8443"
    assert request.extensions["sni_hostname"] == "hooks.example.com"
    assert len(answers) == 1


async def test_an_address_that_does_not_answer_leads_to_the_next(
    setting: Setting, receiver: Receiver, open_office: Open
) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["2606:2800:220:1::1", "93.184.216.34"]

    receiver.url = "https://hooks.example.com/x"
    transport = Recording(down=1)
    setting.write(WARNING, to=[PAGER])
    await setting.until_idle(open_office(Courier(transport=transport, resolve=resolve)))

    assert [request.url.host for request in transport.requests] == [
        "2606:2800:220:1::1",
        "93.184.216.34",
    ]


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://93.184.216.34/canary-of-the-address", id="changed to no https"),
        pytest.param("https://10.0.0.1/canary-of-the-address", id="next door"),
    ],
)
async def test_nothing_leaves_for_an_address_that_nothing_may_be_sent_to(
    setting: Setting, receiver: Receiver, open_office: Open, mailbox: Mailbox, url: str
) -> None:
    receiver.url = url
    transport = Recording()
    setting.write(WARNING, to=[PAGER])
    with capture_logs():
        await setting.until_idle(open_office(Courier(transport=transport)))

    assert transport.requests == []
    assert mailbox.told == [("log", "delivery.degraded")]


async def test_no_secret_is_in_a_row_a_log_or_an_error(
    setting: Setting,
    receiver: Receiver,
    open_office: Open,
    mailbox: Mailbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    echo = [PlainTextResponse(f"{SECRET} {receiver.url}", status) for status in (500, 302, 404)]
    with capture_logs() as logs:
        for number, answer in enumerate([*echo, None]):
            receiver.answers = [answer]
            notice = replace(WARNING, key=f"{number}")
            setting.write(notice, to=[LOG, PAGER, CHANNEL])
            await setting.until_idle(open_office())
    with setting.database.connection() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        rows = [connection.exec_driver_sql(f"SELECT * FROM {name}").all() for (name,) in tables]

    # Of libraries only warnings are heard (`configure_logging`); the server is the test's own.
    heard = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    everything = repr((rows, logs, heard, mailbox.taken))
    assert "delivery.degraded" in everything
    assert "canary" not in everything
