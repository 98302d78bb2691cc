"""The libraries of the daemon, on a virtual loop, as the simulation uses them."""

import asyncio
import sqlite3
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firewarden.clock.real import within
from firewarden.clock.virtual import VirtualClock
from tests.support.virtual import in_virtual_time


@in_virtual_time
async def test_http_in_process_takes_the_time_that_the_server_says(clock: VirtualClock) -> None:
    async def slow(_request: Request) -> Response:
        await clock.sleep(timedelta(hours=1))
        return JSONResponse({"answered": clock.now().isoformat()})

    transport = httpx.ASGITransport(app=Starlette(routes=[Route("/", slow)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulated") as client:
        answers = await asyncio.gather(*(client.get("/") for _ in range(20)))

    assert {answer.json()["answered"] for answer in answers} == {"2026-11-04T13:00:00+00:00"}
    assert clock.mono() == 3600


@in_virtual_time
async def test_a_server_that_hangs_is_left_after_its_time(clock: VirtualClock) -> None:
    async def hang(_request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    transport = httpx.ASGITransport(app=Starlette(routes=[Route("/", hang)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulated") as client:
        with pytest.raises(TimeoutError):
            async with within(timedelta(seconds=30)):
                await client.get("/")

    assert clock.mono() == 30


@in_virtual_time
async def test_a_database_is_used_inline_and_takes_no_time(clock: VirtualClock) -> None:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE t (at TEXT)")
        database.execute("INSERT INTO t VALUES (?)", (clock.now().isoformat(),))
        rows = database.execute("SELECT at FROM t").fetchall()
    database.close()

    assert (rows, clock.mono()) == ([("2026-11-04T12:00:00+00:00",)], 0)
