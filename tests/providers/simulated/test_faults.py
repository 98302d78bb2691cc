"""Every kind of fault strikes where and when its file says, and is counted."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from firewarden.errors import SettingsError
from firewarden.providers.simulated.fault_kinds import KINDS
from firewarden.providers.simulated.faults import load_faults, parse_faults
from tests.providers.simulated.builders import (
    PREFIX,
    a_client,
    a_deployment,
    a_fault,
    a_world,
    ask,
    still,
)
from tests.support.clock import FakeClock

LIST = f"{PREFIX}/deployments"
GET = f"{PREFIX}/deployments/d00000"
DOCUMENT = Path(__file__).parents[3] / "docs" / "simulator.md"


@pytest.mark.parametrize(
    ("kind", "options", "status", "retry_after"),
    [
        pytest.param("throttle", {}, 429, None, id="429"),
        pytest.param("throttle", {"retry_after": "7"}, 429, "7", id="429 with seconds"),
        pytest.param(
            "throttle",
            {"retry_after": "date"},
            429,
            "Wed, 04 Nov 2026 12:00:20 GMT",
            id="429 with a date",
        ),
        pytest.param("throttle", {"retry_after": "absurd"}, 429, "99999999999", id="absurd"),
        pytest.param("throttle", {"retry_after": "negative"}, 429, "-30", id="negative"),
        pytest.param("throttle", {"retry_after": "garbage"}, 429, "soon", id="garbage"),
        pytest.param("server-error", {}, 503, None, id="503"),
        pytest.param("server-error", {"status": 500}, 500, None, id="500"),
        pytest.param("server-error", {"status": 502}, 502, None, id="502"),
        pytest.param("server-error", {"status": 504}, 504, None, id="504"),
        pytest.param("unauthorized", {}, 401, None, id="401"),
        pytest.param("forbidden", {}, 403, None, id="403"),
        pytest.param("suspended", {}, 412, None, id="412 suspended"),
        pytest.param("precondition", {}, 412, None, id="412 for another reason"),
    ],
)
async def test_refusals(
    kind: str, options: dict[str, Any], status: int, retry_after: str | None
) -> None:
    faults = a_fault(kind, **options)

    answer = await ask(faults, LIST)

    assert answer.status_code == status
    assert answer.headers.get("retry-after") == retry_after
    assert answer.json()["message"]
    assert [row["fired"] for row in faults.counts()] == [1]


@pytest.mark.parametrize(
    ("shape", "read"),
    [
        pytest.param("nested", lambda body: body["error"]["message"], id="nested"),
        pytest.param("text", lambda body: body["error"], id="a bare text"),
        pytest.param("inference", lambda body: body["error"]["message"], id="inference"),
        pytest.param("status", lambda body: body["message"], id="with a status"),
    ],
)
async def test_errors_come_in_four_shapes(shape: str, read: Callable[[Any], str]) -> None:
    answer = await ask(a_fault("error-shape", shape=shape), LIST)

    assert answer.status_code == 503
    assert read(answer.json()) == "the service is unavailable"


async def test_a_page_for_people_comes_with_status_200() -> None:
    answer = await ask(a_fault("html"), LIST)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>")


async def test_truncated_json_cannot_be_read() -> None:
    answer = await ask(a_fault("truncated"), LIST)

    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        answer.json()


async def test_wrong_types_are_still_json() -> None:
    item = (await ask(a_fault("wrong-types"), GET)).json()

    assert item["acceleratorCount"].startswith("about ")
    assert isinstance(item["name"], int)


async def test_unknown_fields_and_members_are_added() -> None:
    item = (await ask(a_fault("unknown-fields"), GET)).json()

    assert item["acceleratorType"] == "NVIDIA_Q1_1TB"
    assert item["novelty"] == {"spin": ["up", None]}
    assert item["name"] == "accounts/acme/deployments/d00000"


@pytest.mark.parametrize("kind", ["reset", "cut", "lost-answer"])
async def test_broken_connections_are_errors_of_the_transport(kind: str) -> None:
    faults = a_fault(kind, on="list")

    with pytest.raises(httpx.ReadError, match="simulated"):
        await ask(faults, LIST)

    assert [row["fired"] for row in faults.counts()] == [1]


async def test_a_lost_answer_has_had_its_effect() -> None:
    clock, world = FakeClock(), a_world(a_deployment((1, 3)))
    async with a_client(world, clock, faults=a_fault("lost-answer")) as client:
        with pytest.raises(httpx.ReadError):
            await client.patch(f"{LIST}/chat:scale", json={"replicaCount": 3})
        seen = (await client.get(f"{LIST}/chat")).json()
        log = (await client.get("/_log")).json()["requests"]

    assert seen["desiredReplicaCount"] == 3
    assert [(row["method"], row["status"], row["fault"]) for row in log] == [
        ("PATCH", 0, "lost-answer-1"),
        ("GET", 200, None),
    ]


async def test_a_change_is_put_back_by_somebody_else() -> None:
    clock, world = FakeClock(), a_world(a_deployment((1, 3)))
    async with a_client(world, clock, faults=a_fault("reverted", after="10m")) as client:
        await client.patch(
            f"{LIST}/chat",
            params={"updateMask": "min_replica_count"},
            json={"baseModel": "accounts/acme/models/chat"},
        )
        changed = (await client.get(f"{LIST}/chat")).json()
        await clock.advance(timedelta(minutes=10))
        back = (await client.get(f"{LIST}/chat")).json()

    assert "minReplicaCount" not in changed
    assert back["minReplicaCount"] == 1


async def test_a_deployment_is_created_again_at_the_instant_given() -> None:
    clock, world = FakeClock(), a_world(a_deployment())
    faults = a_fault("recreated", deployment="chat", since="2026-11-04T12:30:00Z")
    async with a_client(world, clock, faults=faults) as client:
        await clock.advance(timedelta(hours=1))
        created = (await client.get(f"{LIST}/chat")).json()["createTime"]
        told = (await client.get("/_truth")).json()

    assert created.startswith("2026-11-04T12:30:00")
    assert told["faults"] == [{"id": "recreated-1", "kind": "recreated", "fired": 1}]


@pytest.mark.parametrize("kind", ["hang", "slow"])
async def test_an_answer_takes_its_time_by_the_clock(kind: str) -> None:
    clock = FakeClock()
    async with a_client(still(), clock, faults=a_fault(kind, wait="20s")) as client:
        asking = asyncio.create_task(client.get(LIST))
        await clock.advance(timedelta(seconds=19))
        waiting = not asking.done()
        await clock.advance(timedelta(seconds=1))
        if kind == "slow":
            assert (await asking).status_code == 200
        else:
            with pytest.raises(httpx.ReadError):
                await asking

    assert waiting


async def test_a_fault_strikes_only_in_its_window_on_its_target_and_so_often() -> None:
    clock = FakeClock()
    faults = a_fault("server-error", on="list", since="10m", to="20m", times=2)
    async with a_client(still(), clock, faults=faults) as client:

        async def statuses() -> list[int]:
            paths = (LIST, GET, LIST, LIST)
            return [(await client.get(path)).status_code for path in paths]

        before = await statuses()
        await clock.advance(timedelta(minutes=10))
        within = await statuses()
        await clock.advance(timedelta(minutes=10))
        after = await statuses()

    assert (before, within, after) == ([200] * 4, [503, 200, 503, 200], [200] * 4)


async def test_draws_are_replayed_from_the_seed() -> None:
    async def drawn(seed: int) -> list[int]:
        text = f'seed = {seed}\n[[fault]]\nkind = "throttle"\nprobability = 0.5\n'
        async with a_client(still(), FakeClock(), faults=parse_faults(text)) as client:
            return [(await client.get(LIST)).status_code for _ in range(40)]

    first = await drawn(1)
    assert first == await drawn(1) != await drawn(2)
    assert 5 < first.count(429) < 35


def test_every_kind_and_every_option_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    words = {word for name, kind in KINDS.items() for word in (name, *kind.options)}

    assert [word for word in sorted(words) if f"`{word}`" not in text] == []


def test_every_kind_is_tried() -> None:
    own = Path(__file__)
    text = own.read_text("utf-8") + own.with_name("test_fault_answers.py").read_text("utf-8")

    assert [kind for kind in KINDS if f'"{kind}"' not in text] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("[[fault", "not TOML", id="no TOML"),
        pytest.param('[[fault]]\nkind = "metrics-nam"', "did you mean 'metrics-nan'?", id="kind"),
        pytest.param('[[fault]]\nkind = "html"\non = "lists"', "did you mean 'list'?", id="on"),
        pytest.param('[[fault]]\nkind = "html"\nfrom = "soon"', "'soon' is neither", id="from"),
        pytest.param('[[fault]]\nkind = "html"\nstatsu = 3', "did you mean 'status'?", id="option"),
        pytest.param('[[fault]]\nkind = "recreated"', "needs a deployment", id="deployment"),
        pytest.param('[[faults]]\nkind = "html"', "unknown key 'faults'", id="table"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_and_the_mend(text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match="faults") as caught:
        parse_faults(text)

    assert problem in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Any) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_faults(tmp_path / "none.toml")
