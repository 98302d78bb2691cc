"""What a poll is worth: a whole listing that a single read contradicts is not believed."""

from dataclasses import replace
from datetime import timedelta

from firewarden.clock.virtual import VirtualClock
from firewarden.errors import ProviderUnavailable
from firewarden.model.activity import Sample, Scrape
from firewarden.model.usage import Remembered
from firewarden.observe.watch import FOLLOWED_FOR, AccountWatch, Seen
from tests.observe.scripted import ScriptedProvider
from tests.support.deciding import a_deployment
from tests.support.virtual import in_virtual_time

EVERY = timedelta(seconds=30)
NOTHING = Remembered(known=(), open_segments=(), runs=(), scrapes=(), last_poll=None, polls=())


def a_watch(provider: ScriptedProvider, clock: VirtualClock) -> AccountWatch:
    return AccountWatch(
        provider,
        NOTHING,
        clock=clock,
        crash=lambda _point: None,
        poll_every=EVERY,
        absent_is_quiet=False,
    )


def a_scrape(clock: VirtualClock, *names: str) -> Scrape:
    """A whole answer in which nobody calls *names*."""
    quiet = Sample(request_rate=0.0, prompt_token_rate=0.0, concurrency=0.0, error_rate=0.0)
    return Scrape(
        account=ScriptedProvider.account,
        asked_at=clock.now(),
        answered_at=clock.now(),
        whole=True,
        samples={a_deployment(name).name: quiet for name in names},
    )


async def polls(watch: AccountWatch, clock: VirtualClock, count: int) -> list[Seen]:
    """Poll *count* times, an interval apart."""
    seen = []
    for _ in range(count):
        seen.append(await watch.poll())
        await clock.sleep(EVERY)
    return seen


@in_virtual_time
async def test_an_unchanged_fleet_changes_nothing(clock: VirtualClock) -> None:
    provider = ScriptedProvider(clock)
    provider.show(a_deployment("a"), a_deployment("b"))
    watch = a_watch(provider, clock)

    first, *later = await polls(watch, clock, 3)

    assert [one.deployment_id for one in first.described] == ["a", "b"]
    assert [(seen.poll.complete, seen.changes, seen.described) for seen in later] == [
        (True, (), ()),
        (True, (), ()),
    ]
    assert provider.asked == ["list"] * 3


@in_virtual_time
async def test_a_change_is_followed_for_ten_minutes(clock: VirtualClock) -> None:
    provider = ScriptedProvider(clock)
    provider.show(a_deployment("a"), a_deployment("b", starting_replica_count=1))
    watch = a_watch(provider, clock)

    await polls(watch, clock, 1)
    assert watch.is_following
    await watch.follow()
    assert provider.asked == ["list", "get b"]

    await clock.sleep(FOLLOWED_FOR)
    assert not watch.is_following
    assert await watch.follow() == ()
    assert provider.asked == ["list", "get b"]


@in_virtual_time
async def test_what_the_listing_left_out_is_asked_for_and_voids_it(clock: VirtualClock) -> None:
    provider = ScriptedProvider(clock)
    provider.show(a_deployment("a"), a_deployment("b"))
    watch = a_watch(provider, clock)
    await polls(watch, clock, 2)
    provider.listed = [a_deployment("a")]

    seen = await watch.poll()

    assert provider.asked[-1] == "get b"
    assert not seen.poll.complete
    assert seen.poll.problem == "the listing left out b"
    assert watch.ledger.open_segment(a_deployment("b").uid) is not None


@in_virtual_time
async def test_a_voided_listing_says_of_nothing_that_it_was_not_there_yet(
    clock: VirtualClock,
) -> None:
    provider = ScriptedProvider(clock)
    provider.show(a_deployment("a"))
    watch = a_watch(provider, clock)
    *_, whole = await polls(watch, clock, 2)
    provider.show(a_deployment("a"), a_deployment("b"))
    provider.listed = []
    (voided,) = await polls(watch, clock, 1)
    provider.show(a_deployment("a"), a_deployment("b"))

    seen = await watch.poll()

    assert not voided.poll.complete
    (opened,) = [one for change in seen.changes for one in change.opened]
    assert opened.uid == a_deployment("b").uid
    assert opened.started.lo <= whole.poll.answered_at


@in_virtual_time
async def test_gone_is_what_is_not_found_on_two_reads_an_interval_apart(
    clock: VirtualClock,
) -> None:
    provider = ScriptedProvider(clock)
    provider.show(a_deployment("a"), a_deployment("b"))
    watch = a_watch(provider, clock)
    await polls(watch, clock, 2)
    provider.listed, provider.there["b"] = [a_deployment("a")], None

    first, second = await polls(watch, clock, 2)

    assert (first.poll.complete, second.poll.complete) == (True, True)
    assert not [one for change in first.changes for one in change.closed]
    closed = [one.uid for change in second.changes for one in change.closed]
    assert closed == [a_deployment("b").uid]
    assert watch.ledger.missing == ()


@in_virtual_time
async def test_an_incomplete_listing_asks_for_nobody(clock: VirtualClock) -> None:
    provider = ScriptedProvider(clock)
    provider.show(a_deployment("a"), a_deployment("b"))
    watch = a_watch(provider, clock)
    await polls(watch, clock, 2)
    provider.complete, provider.listed = False, [a_deployment("a")]

    seen = await watch.poll()

    assert (seen.poll.complete, seen.poll.problem) == (False, "page 2 failed")
    assert provider.asked == ["list"] * 3


@in_virtual_time
async def test_a_listing_older_than_the_one_before_is_not_believed(clock: VirtualClock) -> None:
    provider = ScriptedProvider(clock)
    now = clock.now()
    old = a_deployment("a", updated_at=now - timedelta(hours=2))
    provider.show(replace(old, updated_at=now - timedelta(hours=1), min_replica_count=2))
    watch = a_watch(provider, clock)
    await polls(watch, clock, 2)
    provider.show(old)

    seen = await watch.poll()

    assert not seen.poll.complete
    assert "older than the one before" in seen.poll.problem


@in_virtual_time
async def test_a_poll_that_failed_is_a_row_with_its_reason(clock: VirtualClock) -> None:
    provider = ScriptedProvider(clock)
    provider.listed = ProviderUnavailable("timed out", where="GET /v1/accounts/acme/deployments")
    watch = a_watch(provider, clock)

    seen = await watch.poll()

    assert (seen.poll.ok, seen.poll.complete, seen.poll.problem) == (False, False, "timed out")
    assert seen.fleet is None
    assert seen.error is provider.listed


@in_virtual_time
async def test_what_is_due_is_read_on_its_own_and_agrees(clock: VirtualClock) -> None:
    provider = ScriptedProvider(clock)
    provider.show(a_deployment("a"))
    watch = a_watch(provider, clock)
    seen = (await polls(watch, clock, 2))[-1]

    confirmed = await watch.confirm(seen, [a_deployment("a").uid])

    assert confirmed.poll.complete
    assert provider.asked[-1] == "get a"


@in_virtual_time
async def test_what_is_due_and_cannot_be_read_voids_the_listing(clock: VirtualClock) -> None:
    provider = ScriptedProvider(clock)
    provider.show(a_deployment("a"))
    watch = a_watch(provider, clock)
    seen = (await polls(watch, clock, 2))[-1]
    provider.there.clear()

    confirmed = await watch.confirm(seen, [a_deployment("a").uid])

    assert not confirmed.poll.complete
    assert confirmed.fleet is not None
    assert not confirmed.fleet.complete
    assert confirmed.poll.problem == "a could not be read on its own"


@in_virtual_time
async def test_no_metrics_are_asked_for_before_the_first_listing(clock: VirtualClock) -> None:
    provider = ScriptedProvider(clock)

    assert await a_watch(provider, clock).scrape() is None
    assert provider.asked == []


@in_virtual_time
async def test_a_scrape_says_nothing_of_a_listing_that_is_not_committed_yet(
    clock: VirtualClock,
) -> None:
    provider = ScriptedProvider(clock)
    provider.show(a_deployment("a"))
    watch = a_watch(provider, clock)

    seen = await watch.poll()
    too_early = await watch.scrape()
    watch.streak = watch.streak.after(seen.poll)
    provider.scraped = a_scrape(clock, "a")
    first = await watch.scrape()
    provider.show(a_deployment("a"), a_deployment("b"))
    await watch.poll()
    provider.scraped = a_scrape(clock, "a", "b")
    second = await watch.scrape()

    assert too_early is None
    assert first is not None
    assert [run.uid for run in first.change.opened] == [a_deployment("a").uid]
    assert second is not None
    assert second.change.opened == ()
