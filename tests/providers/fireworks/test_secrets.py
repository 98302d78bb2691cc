"""The key, and the keys of direct routes, appear nowhere."""

import io
import traceback

import httpx
import pytest

from firewarden.errors import FirewardenError, KeyRefused, SettingsError
from firewarden.model.deployment import Trait
from firewarden.model.ids import DeploymentId
from firewarden.providers.fireworks.answers import clean
from tests.providers.fireworks.stage import (
    KEY,
    Stage,
    a_deployment,
    by_path,
    door_to,
    in_turn,
    pages,
    written,
)

ROUTE_KEY = "fw_ROUTE_CANARY"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(written({"code": 16, "message": f"bad key {KEY}!"}, 401), id="repeated"),
        pytest.param(
            written({"error": {"message": f"Bearer {KEY}" + "x" * 400}}, 400), id="in a long text"
        ),
        pytest.param(written({"error": f"{'x' * 290}{KEY}"}, 503), id="where the text is cut"),
        pytest.param(httpx.ConnectError("no route"), id="no connection"),
        pytest.param(httpx.LocalProtocolError(f"bad value b'Bearer {KEY}'"), id="our own header"),
        pytest.param(httpx.Response(200, content=b"<html>"), id="HTML"),
        pytest.param(httpx.Response(302, headers={"location": "https://x.example"}), id="302"),
    ],
)
async def test_the_key_is_in_no_message_no_trace_and_no_log(
    answer: httpx.Response | Exception, logged: io.StringIO
) -> None:
    stage = Stage(in_turn(answer))

    with pytest.raises(FirewardenError) as raised:
        await stage.account.fetch_fleet()

    shown = f"{raised.value}{raised.value!r}{''.join(traceback.format_exception(raised.value))}"
    assert KEY not in shown
    assert "CANARY" not in shown + logged.getvalue()


async def test_requests_are_not_logged_one_by_one(logged: io.StringIO) -> None:
    stage = Stage(by_path({"/deployments": pages([a_deployment()])}))

    await stage.account.fetch_fleet()

    assert "HTTP Request" not in logged.getvalue()


async def test_the_key_is_in_no_url_and_no_repr() -> None:
    stage = Stage(by_path({"/deployments": pages([a_deployment()], [a_deployment("b")])}))
    await stage.account.fetch_fleet()

    assert all(KEY not in str(request.url) for request in stage.asked)
    assert KEY not in f"{stage.door!r}{stage.door.__dict__}{stage.account!r}{stage.asked}"


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param("  \n", id="blank"),
        pytest.param("fw_CANARY\nX-Evil: 1", id="a line's end"),
        pytest.param("fw_CANARY two", id="a space"),
        pytest.param("fw_CANARY\u2028x", id="not ASCII"),
        pytest.param("fw_CANÄRY", id="not ASCII, either"),
        pytest.param("fw_CANARY\x7f", id="a control character"),
    ],
)
async def test_a_key_that_cannot_be_one_is_refused_before_it_is_sent(key: str) -> None:
    stage = Stage(in_turn(), key=lambda: key)

    with pytest.raises(KeyRefused) as raised:
        await stage.account.fetch_fleet()

    assert stage.asked == []
    assert "CAN" not in "".join(traceback.format_exception(raised.value))


async def test_a_key_that_cannot_be_read_says_so_itself() -> None:
    def missing() -> str:
        raise SettingsError("no such file", where="FIREWORKS_API_KEY_FILE")

    with pytest.raises(SettingsError, match="FIREWORKS_API_KEY_FILE"):
        await Stage(in_turn(), key=missing).account.fetch_fleet()


@pytest.mark.parametrize("broken", [{}, {"createTime": "never"}, {"directRouteApiKeys": "x"}])
async def test_the_keys_of_a_direct_route_never_leave_the_wire(
    broken: dict[str, str], logged: io.StringIO
) -> None:
    raw = a_deployment("chat", **{"directRouteApiKeys": [ROUTE_KEY], **broken})
    stage = Stage(by_path({"/deployments": pages([raw]), "/deployments/chat": raw}))

    fleet = await stage.account.fetch_fleet()

    for found in fleet.deployments.values():
        assert found.traits == {Trait.DIRECT_ROUTE}
    told = f"{fleet!r}{logged.getvalue()}"
    try:
        told += repr(await stage.account.fetch_deployment(DeploymentId("chat")))
    except FirewardenError as error:
        told += "".join(traceback.format_exception(error))
    assert ROUTE_KEY not in told


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.example",
        "ftp://api.example",
        "https://",
        "https://user:CANARY@api.example",
        "https://api.example/?key=CANARY",
        "https://api.example:port/CANARY",
    ],
)
def test_a_base_url_that_cannot_be_used_is_not_repeated(base_url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        door_to(base_url)

    assert "CANARY" not in str(raised.value)
    assert "FIREWORKS_BASE_URL" in str(raised.value)


def test_a_secret_is_blotted_out_before_a_text_is_cut() -> None:
    assert clean("x" * 295 + KEY, secret=KEY) == "x" * 295 + "[key]"
