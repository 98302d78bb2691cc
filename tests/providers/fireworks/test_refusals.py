"""Every shape of refusal the provider has, told in our own errors."""

import gzip
import json
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from firewarden.errors import (
    AccountSuspended,
    KeyRefused,
    NotFound,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from firewarden.providers.fireworks.answers import LONGEST_WAIT, retry_after
from tests.providers.fireworks.stage import NOW, Pieces, Stage, in_turn, written

SUSPENDED = "Account acme is suspended, possibly due to reaching the monthly spending limit"


def rpc(code: int, message: str) -> dict[str, object]:
    return {"code": code, "message": message, "details": [{"@type": "x"}]}


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        pytest.param(400, rpc(3, "page_size"), ProviderRejected, "page_size", id="400"),
        pytest.param(401, rpc(16, "invalid key"), KeyRefused, "invalid key", id="401"),
        pytest.param(403, rpc(7, "no role"), KeyRefused, "no role", id="403"),
        pytest.param(404, rpc(5, "gone"), NotFound, "gone", id="404"),
        pytest.param(409, rpc(10, "aborted"), ProviderRejected, "aborted", id="409"),
        pytest.param(412, rpc(9, SUSPENDED), AccountSuspended, "suspended", id="412 suspended"),
        pytest.param(412, rpc(9, "shape"), ProviderRejected, "shape", id="412 for another reason"),
        pytest.param(429, rpc(8, "slow"), ProviderUnavailable, "slow", id="429"),
        pytest.param(499, rpc(1, "cancelled"), ProviderUnavailable, "cancelled", id="499"),
        pytest.param(500, rpc(13, "oops"), ProviderUnavailable, "oops", id="500"),
        pytest.param(
            501, rpc(12, "Method Not Allowed"), ProviderRejected, "Method", id="501: a bad path"
        ),
        pytest.param(503, rpc(14, "later"), ProviderUnavailable, "later", id="503"),
        pytest.param(504, rpc(4, "late"), ProviderUnavailable, "late", id="504"),
        pytest.param(404, {"error": rpc(5, "inner")}, NotFound, "inner", id="nested in error"),
        pytest.param(
            503,
            {"error": {"message": "up", "code": "DEPLOYMENT_SCALING_UP", "type": "x"}},
            ProviderUnavailable,
            "up",
            id="the inference host's",
        ),
        pytest.param(400, {"error": "bare text"}, ProviderRejected, "bare text", id="bare text"),
        pytest.param(
            404, {"status": "NOT_FOUND", "message": "by name"}, NotFound, "by name", id="status"
        ),
        pytest.param(412, {"error": SUSPENDED}, AccountSuspended, "suspended", id="412 bare text"),
        pytest.param(302, {}, ProviderRejected, "302", id="a redirect is not followed"),
        pytest.param(204, {}, ProviderRejected, "204", id="a success that has no body"),
    ],
)
async def test_each_refusal_is_told_as_what_it_means(
    status: int, body: object, error: type[ProviderError], said: str
) -> None:
    stage = Stage(in_turn(written(body, status, location="https://elsewhere.example/")))

    with pytest.raises(error) as raised:
        await stage.account.facts()

    assert type(raised.value) is error
    assert said in raised.value.problem
    assert raised.value.where == "GET /v1/accounts/acme"
    assert {request.url.host for request in stage.asked} == {"api.example"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html>404 Not Found</html>", id="a page"),
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"detail":"Not Found"}', id="another server's JSON"),
        pytest.param(json.dumps(rpc(12, "no such method")).encode(), id="another code"),
        pytest.param(b"[404]", id="a list"),
        pytest.param(b"\xff\xfe", id="bytes"),
    ],
)
async def test_a_404_that_is_not_the_provider_s_own_is_not_an_answer(body: bytes) -> None:
    stage = Stage(in_turn(httpx.Response(404, content=body)))

    with pytest.raises(ProviderRejected) as raised:
        await stage.account.facts()

    assert not isinstance(raised.value, NotFound)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(httpx.ConnectError("refused"), "ConnectError: refused", id="refused"),
        pytest.param(httpx.ReadError(""), "ReadError", id="reset"),
        pytest.param(httpx.ReadTimeout("slow"), "no whole answer within 30 s", id="silence"),
        pytest.param(httpx.PoolTimeout("full"), "no whole answer within 30 s", id="no connection"),
        pytest.param(
            lambda: httpx.Response(200, stream=Pieces(b'{"na', error=httpx.ReadError("cut"))),
            "broke off: ReadError: cut",
            id="broken off",
        ),
        pytest.param(
            lambda: httpx.Response(200, headers={"content-length": "99"}, stream=Pieces(b"{}")),
            "broke off after 2 of 99 bytes",
            id="shorter than promised",
        ),
        pytest.param(
            lambda: httpx.Response(429, stream=Pieces(error=httpx.ReadError("cut"))),
            "answered 429",
            id="a refusal that breaks off is still one",
        ),
    ],
)
async def test_what_breaks_on_the_way_may_work_later(
    answer: Exception | Callable[[], httpx.Response], said: str
) -> None:
    with pytest.raises(ProviderUnavailable) as raised:
        await Stage(in_turn(answer)).account.facts()

    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(httpx.Response(200, content=b"<!doctype html>"), "HTML", id="HTML"),
        pytest.param(httpx.Response(200, content=b'{"name":"acc'), "truncated", id="cut JSON"),
        pytest.param(httpx.Response(200, content=b"[]"), "Expected object", id="a list"),
        pytest.param(httpx.Response(200, content=b'{"name":7}'), "$.name", id="a wrong type"),
        pytest.param(httpx.Response(200, content=b'{"name":"\xff"}'), "UTF-8", id="not UTF-8"),
        pytest.param(
            httpx.Response(200, content=b'{"x":' + b"[" * 9999), "too deeply", id="too deep"
        ),
        pytest.param(
            httpx.Response(200, content=b"{}" + b" " * 5_000_000), "4096 KiB", id="too long"
        ),
        pytest.param(
            httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Pieces(b"no gzip")),
            "compression is broken",
            id="not gzip",
        ),
        pytest.param(
            httpx.Response(
                200,
                headers={"content-encoding": "gzip"},
                stream=Pieces(gzip.compress(b" " * 50_000_000)),
            ),
            "4096 KiB",
            id="a gzip bomb",
        ),
        pytest.param(
            httpx.Response(200, content=b'{"name":"accounts/other"}'),
            "another account",
            id="about another account",
        ),
    ],
)
async def test_an_answer_that_nobody_can_read_is_a_rejection(
    answer: httpx.Response, said: str
) -> None:
    stage = Stage(in_turn(answer))

    with pytest.raises(ProviderRejected) as raised:
        await stage.account.facts()

    assert said in str(raised.value)
    assert len(stage.asked) == 1


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        pytest.param("30", timedelta(seconds=30), id="seconds"),
        pytest.param(" 0 ", timedelta(0), id="none"),
        pytest.param("99999999999999", LONGEST_WAIT, id="absurd"),
        pytest.param("-5", None, id="negative"),
        pytest.param("1.5", None, id="a fraction"),
        pytest.param("²", None, id="a digit of another kind"),
        pytest.param("soon", None, id="junk"),
        pytest.param("", None, id="empty"),
        pytest.param("Wed, 04 Nov 2026 12:00:20 GMT", timedelta(seconds=20), id="a date"),
        pytest.param("Wed, 04 Nov 2026 11:00:00 GMT", timedelta(0), id="a date in the past"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT, id="an absurd date"),
        pytest.param("Wed, 99 Nov 2026 12:00:20 GMT", None, id="no such date"),
        pytest.param("Wed, 04 Nov 2026 12:00:20 -0000", None, id="a date without a zone"),
    ],
)
def test_retry_after_in_all_its_forms(value: str, wait: timedelta | None) -> None:
    assert retry_after({"retry-after": value}, now=NOW) == wait


def test_a_retry_after_date_is_measured_by_the_provider_s_own_clock() -> None:
    headers = {
        "retry-after": "Wed, 04 Nov 2026 15:00:20 GMT",
        "date": "Wed, 04 Nov 2026 15:00:00 GMT",
    }

    assert retry_after(headers, now=NOW) == timedelta(seconds=20)


async def test_the_full_stop_of_foreign_words_is_left_out_where_ours_follow() -> None:
    stage = Stage(in_turn(written(rpc(16, "The API key you provided is invalid."), 401)))

    with pytest.raises(KeyRefused) as raised:
        await stage.account.facts()

    assert "the provider answered 401: The API key you provided is invalid; the key is" in str(
        raised.value
    )


async def test_foreign_words_are_made_fit_for_one_line() -> None:
    message = "bad\r\n\x1b[31mred\x00 " + "long " * 500
    stage = Stage(in_turn(written(rpc(3, message), 400)))

    with pytest.raises(ProviderRejected) as raised:
        await stage.account.facts()

    assert raised.value.problem.isprintable()
    assert len(raised.value.problem) < 400
