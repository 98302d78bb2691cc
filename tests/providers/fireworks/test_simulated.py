"""The client against the simulated control plane, in virtual time."""

import random
from contextlib import suppress
from datetime import date, timedelta

import httpx
import pytest

from firewarden.clock.virtual import VirtualClock
from firewarden.errors import (
    AccountSuspended,
    KeyRefused,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from firewarden.model.deployment import Trait
from firewarden.model.ids import AccountId, DeploymentId
from firewarden.ports import Clock, Provider, ProviderDoor
from firewarden.providers.fireworks import FireworksAccount, FireworksDoor
from firewarden.providers.simulated.faults import Faults, parse_faults
from firewarden.providers.simulated.fleet_standard import CANARY
from firewarden.providers.simulated.fleets import standard
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.world import World
from tests.support.clock import NOW, FakeClock
from tests.support.virtual import in_virtual_time

ACME = AccountId("acme")
CHAT = DeploymentId("chat-prod")
LONG_AGO = timedelta(hours=2)


class Meeting:
    """A simulated world, and the client that looks at it."""

    def __init__(self, clock: Clock, faults: str = "", *, key: str = "fw_simulated") -> None:
        self.clock = clock
        self.faults: Faults = parse_faults(faults)
        self.world = World(standard(1), seed=1, start=NOW)
        self.app = application(self.world, clock=clock, faults=self.faults)
        self.transport = httpx.ASGITransport(app=self.app)
        self.door = FireworksDoor(
            base_url="http://127.0.0.1",
            api_key=lambda: key,
            clock=clock,
            rng=random.Random(1),
            transport=self.transport,
        )

    @property
    def account(self) -> FireworksAccount:
        return self.door.account(ACME)

    async def asked(self) -> list[tuple[str, str, int]]:
        """Tell what the world was asked: instant, path, status."""
        async with httpx.AsyncClient(transport=self.transport, base_url="http://sim") as other:
            rows = (await other.get("/_log")).json()["requests"]
        assert {row["method"] for row in rows} == {"GET"}
        return [(row["at"], row["path"], row["status"]) for row in rows]

    @property
    def fired(self) -> int:
        return sum(count["fired"] for count in self.faults.counts())


def test_the_client_is_what_the_core_asks_for() -> None:
    door: ProviderDoor = Meeting(FakeClock()).door
    account: Provider = door.account(ACME)

    assert account.account == ACME


@in_virtual_time
async def test_every_read_tells_what_is_so_in_the_world(clock: VirtualClock) -> None:
    meeting = Meeting(clock, key="fw_simulated_admin")
    account = meeting.account
    present = {inc.name: inc for inc in meeting.world.account("acme").present() if not inc.is_gone}

    facts = await account.facts()
    fleet = await account.fetch_fleet()
    surroundings = await account.fetch_surroundings()
    scrape = await account.fetch_activity()

    assert ACME in [found.account for found in await meeting.door.accounts()]
    assert facts.suspend_state == "UNSUSPENDED"
    assert fleet.complete
    assert {one.name for one in fleet.deployments.values()} == present.keys()
    assert surroundings.keys() == present.keys()
    for one in fleet.deployments.values():
        inc = present[one.name]
        assert one.ready_replica_count == inc.ready_count
        assert one.state == inc.state.value
        assert bool(surroundings[one.name].addon_count) == bool(inc.plan.addons)
        assert surroundings[one.name].is_published == inc.plan.published
    assert any(found.is_trainer_gone for found in surroundings.values())
    assert any(found.routers for found in surroundings.values())
    assert scrape.whole
    assert scrape.samples.keys() <= present.keys()
    assert any(sample.request_rate for sample in scrape.samples.values())
    assert await account.fetch_prices()
    assert await account.fetch_quotas()
    assert account.last_skew_ms is not None
    assert abs(account.last_skew_ms) <= 1000


@in_virtual_time
async def test_a_direct_route_is_seen_and_its_secret_is_not(clock: VirtualClock) -> None:
    fleet = await Meeting(clock).account.fetch_fleet()

    assert any(Trait.DIRECT_ROUTE in one.traits for one in fleet.deployments.values())
    assert CANARY not in repr(fleet)


@in_virtual_time
async def test_one_deployment_is_the_object_of_the_listing(clock: VirtualClock) -> None:
    account = Meeting(clock).account
    fleet = await account.fetch_fleet()

    examined = await account.fetch_deployment(CHAT)
    gone = await account.fetch_deployment(DeploymentId("never-was"))

    assert examined.deployment is not None
    assert examined.deployment is fleet.deployments[examined.deployment.uid]
    assert examined.surroundings is not None
    assert gone.deployment is None


@in_virtual_time
async def test_a_bill_of_two_months_has_the_same_days_in_parts_as_at_once(
    clock: VirtualClock,
) -> None:
    account = Meeting(clock).account
    first, last = date(2026, 9, 5), date(2026, 11, 3)

    rows = await account.fetch_bill(first=first, last=last, timezone="America/New_York")

    assert rows
    assert len({(row.day, row.deployment_id, row.accelerator_type) for row in rows}) == len(rows)
    for day in (date(2026, 10, 5), date(2026, 11, 1), date(2026, 11, 2)):
        alone = await account.fetch_bill(first=day, last=day, timezone="America/New_York")
        assert alone == [row for row in rows if row.day == day]


@pytest.mark.parametrize(
    ("fault", "is_complete"),
    [
        pytest.param('kind = "missing-item"', False, id="missing"),
        pytest.param(
            'kind = "missing-item"\ntotal = "adjusted"', True, id="missing, total and all"
        ),
        pytest.param('kind = "repeated-item"', False, id="repeated"),
        pytest.param('kind = "repeated-item"\ntotal = "adjusted"', False, id="repeated, counted"),
        pytest.param('kind = "moved-item"', True, id="moved within the page"),
        pytest.param('kind = "short-page"', False, id="half a page"),
        pytest.param('kind = "token-loop"', False, id="a loop of tokens"),
        pytest.param('kind = "wrong-total"', False, id="a wrong total"),
        pytest.param('kind = "stale-list"', True, id="stale"),
        pytest.param('kind = "unknown-fields"\non = "list"', True, id="fields of the future"),
        pytest.param('kind = "wrong-types"\non = "list"', None, id="wrong types"),
        pytest.param('kind = "truncated"\non = "list"', None, id="truncated"),
        pytest.param('kind = "html"\non = "list"', None, id="HTML"),
        pytest.param('kind = "reset"\non = "list"', None, id="reset"),
        pytest.param('kind = "cut"\non = "list"', None, id="cut"),
        pytest.param('kind = "hang"\non = "list"', None, id="hanging"),
        pytest.param('kind = "slow"\non = "list"', True, id="slow"),
    ],
)
@in_virtual_time
async def test_a_faulty_listing_is_incomplete_or_an_error(
    clock: VirtualClock,
    fault: str,
    is_complete: bool | None,  # noqa: FBT001  # a column of the table
) -> None:
    meeting = Meeting(clock, f"[[fault]]\n{fault}")

    if is_complete is None:
        with pytest.raises(ProviderError):
            await meeting.account.fetch_fleet()
    else:
        fleet = await meeting.account.fetch_fleet()
        assert fleet.complete is is_complete
        assert fleet.complete is not bool(fleet.problem)
    assert meeting.fired
    assert clock.mono() < 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param('kind = "unauthorized"', KeyRefused, id="401"),
        pytest.param('kind = "forbidden"', KeyRefused, id="403"),
        pytest.param('kind = "suspended"', AccountSuspended, id="412"),
        pytest.param('kind = "precondition"', ProviderRejected, id="another 412"),
        *(
            pytest.param(f'kind = "server-error"\nstatus = {status}', ProviderUnavailable)
            for status in (500, 502, 503, 504)
        ),
        *(
            pytest.param(f'kind = "error-shape"\nshape = "{shape}"', ProviderUnavailable)
            for shape in ("nested", "text", "inference", "status")
        ),
        pytest.param('kind = "throttle"', ProviderUnavailable, id="429"),
    ],
)
@in_virtual_time
async def test_every_refusal_of_the_world_is_understood(
    clock: VirtualClock, fault: str, error: type[ProviderError]
) -> None:
    account = Meeting(clock, f"[[fault]]\n{fault}").account

    for ask in (account.facts, account.fetch_fleet, account.fetch_activity, account.fetch_prices):
        with pytest.raises(error) as raised:
            await ask()
        assert type(raised.value) is error


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        pytest.param("metrics-empty", "none of the series", id="empty"),
        pytest.param("truncated", "within a line", id="truncated"),
        pytest.param("html", "HTML", id="HTML"),
    ],
)
@in_virtual_time
async def test_a_faulty_scrape_is_not_whole(clock: VirtualClock, fault: str, problem: str) -> None:
    meeting = Meeting(clock, f'[[fault]]\nkind = "{fault}"\non = "metrics"')

    scrape = await meeting.account.fetch_activity()

    assert (scrape.whole, scrape.samples) == (False, {})
    assert problem in scrape.problem


@in_virtual_time
async def test_a_frozen_endpoint_has_one_fingerprint(clock: VirtualClock) -> None:
    frozen = Meeting(clock, '[[fault]]\nkind = "metrics-frozen"').account
    alive = Meeting(clock).account

    first = [(await account.fetch_activity()).fingerprint for account in (frozen, alive)]
    await clock.sleep(timedelta(minutes=7))
    second = [(await account.fetch_activity()).fingerprint for account in (frozen, alive)]

    assert first[0] == second[0] != ""
    assert first[1] != second[1]


@pytest.mark.parametrize("retry_after", ["120", "date", "absurd"])
@pytest.mark.parametrize("on", ["list", "metrics"])
@in_virtual_time
async def test_the_world_is_left_alone_until_its_deadline(
    clock: VirtualClock, on: str, retry_after: str
) -> None:
    times = "times = 1\n"
    meeting = Meeting(
        clock,
        f'[[fault]]\nkind = "throttle"\n{times}on = "{on}"\nretry_after = "{retry_after}"',
    )
    ask = meeting.account.fetch_fleet if on == "list" else meeting.account.fetch_activity
    deadline_s = {"120": 120, "date": 20, "absurd": 3600}[retry_after]
    with pytest.raises(ProviderUnavailable):
        await ask()

    for _ in range(4):
        await clock.sleep(timedelta(seconds=deadline_s / 5))
        with pytest.raises(ProviderUnavailable, match="left alone"):
            await ask()
    assert len(await meeting.asked()) == 1
    await clock.sleep(timedelta(seconds=deadline_s / 5 + 1))
    await ask()


@pytest.mark.parametrize("retry_after", ["negative", "garbage", ""])
@in_virtual_time
async def test_a_retry_after_that_says_nothing_is_no_deadline(
    clock: VirtualClock, retry_after: str
) -> None:
    meeting = Meeting(
        clock, f'[[fault]]\nkind = "throttle"\nretry_after = "{retry_after}"\ntimes = 1'
    )

    assert (await meeting.account.fetch_fleet()).complete


@in_virtual_time
async def test_a_day_of_trouble_costs_a_tenth_more_calls(clock: VirtualClock) -> None:
    meeting = Meeting(clock, '[[fault]]\nkind = "server-error"\non = "list"\nprobability = 0.3')
    calls = 0
    for _ in range(300):
        calls += 1
        with suppress(ProviderUnavailable):
            await meeting.account.fetch_fleet()
        await clock.sleep(timedelta(seconds=30))

    assert meeting.fired > 50
    assert len(await meeting.asked()) <= calls * 1.1 + 1


@in_virtual_time
async def test_a_day_of_scrapes_is_two_a_minute_at_most(clock: VirtualClock) -> None:
    meeting = Meeting(clock, '[[fault]]\nkind = "throttle"\non = "metrics"\nprobability = 0.02')
    for _ in range(200):
        with suppress(ProviderUnavailable):
            await meeting.account.fetch_activity()

    asked = [at for at, path, _ in await meeting.asked() if path.endswith("/metrics")]
    assert len(asked) == 200
    assert meeting.fired
    by_minute: dict[str, int] = {}
    for at in asked:
        by_minute[at[:16]] = by_minute.get(at[:16], 0) + 1
    assert max(by_minute.values()) <= 2
