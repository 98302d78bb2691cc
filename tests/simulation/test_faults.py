"""Whatever goes wrong before something idle would be due, it is not planned, and it says why."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.model.verdict import IncidentState
from firewarden.model.vocabulary import Blocker
from firewarden.providers.simulated.world import World
from firewarden.store.incidents import read_closed
from tests.simulation.stages import DUE, IDLE, MINUTE, START, small_fleet, small_stage, still_fleet
from tests.support.daemon import ask, ledger_of, running
from tests.support.oracles import demand_reads_only, explained, look, planned

BEGUN = DUE - 10 * MINUTE
"""When the fault begins; a minute later something happens that it hides."""

LOOKS = (DUE + MINUTE, DUE + 2 * MINUTE, DUE + 4 * MINUTE)

Edit = Callable[[World], None]
DATA, LISTING = Blocker.DATA_MISSING, Blocker.LISTING_INCOMPLETE


def nothing_happens(_world: World) -> None:
    """Nobody does anything."""


def is_called_again(world: World) -> None:
    """Somebody uses it again: what the metrics would show, if they were right."""
    for minute in range(1, 14):
        world.request(IDLE, START + BEGUN + minute * MINUTE, 20)


def is_protected(world: World) -> None:
    world.human_patch(
        IDLE, START + BEGUN + MINUTE, annotations={"custom/firewarden.protect": "true"}
    )


def is_raised(world: World) -> None:
    world.human_patch(IDLE, START + BEGUN + MINUTE, minReplicaCount=2)


def is_allowed_more(world: World) -> None:
    world.human_patch(IDLE, START + BEGUN + MINUTE, maxReplicaCount=5)


def fault(kind: str, **options: str) -> str:
    """Write one fault from `BEGUN` on as its file says it."""
    rows = {"kind": kind, "from": f"{BEGUN // MINUTE}m"} | options
    return "[[fault]]\n" + "".join(f'{name} = "{value}"\n' for name, value in rows.items())


METRICS = [
    pytest.param(fault("metrics-empty"), DATA, "none of the series", id="metrics empty"),
    pytest.param(fault("metrics-nan"), DATA, "frozen", id="metrics NaN"),
    pytest.param(
        fault("metrics-nan", deployment=IDLE), DATA, "absent or not numbers", id="its metrics NaN"
    ),
    pytest.param(
        fault("metrics-zero"), Blocker.EVIDENCE_BRAKE, "turned quiet in the same", id="metrics zero"
    ),
    pytest.param(fault("metrics-frozen"), DATA, "frozen: the same values", id="metrics frozen"),
    pytest.param(fault("metrics-absent"), DATA, "absent|frozen", id="series absent"),
    pytest.param(
        fault("metrics-partial", deployment=IDLE), DATA, "its series are absent", id="its own gone"
    ),
    pytest.param(fault("throttle", on="metrics"), DATA, "429", id="metrics 429"),
    pytest.param(
        fault("throttle", on="metrics", retry_after="absurd"), DATA, "429|left alone|s old",
        id="metrics 429 for years",
    ),
    pytest.param(fault("server-error", on="metrics"), DATA, "503", id="metrics 503"),
    pytest.param(fault("html", on="metrics"), DATA, "HTML", id="metrics HTML"),
    pytest.param(fault("hang", on="metrics"), DATA, "no whole answer", id="metrics hang"),
    pytest.param(fault("reset", on="metrics"), DATA, "reset", id="metrics reset"),
    pytest.param(fault("cut", on="metrics"), DATA, "cut", id="metrics cut off"),
    pytest.param(fault("truncated", on="metrics"), DATA, "broke off", id="metrics truncated"),
    pytest.param(fault("unauthorized", on="metrics"), DATA, "401", id="metrics 401"),
    pytest.param(fault("forbidden", on="metrics"), DATA, "403", id="metrics 403"),
    pytest.param(fault("suspended", on="metrics"), DATA, "412", id="metrics 412"),
]  # fmt: skip

LISTINGS = [
    pytest.param(
        fault("stale-list"), is_protected, LISTING, "updated_at is .* on its own",
        id="stale listing hides a protection",
    ),
    pytest.param(
        fault("stale-list"), is_raised, LISTING, "on its own", id="stale listing hides a raise"
    ),
    pytest.param(
        fault("stale-get"), is_allowed_more, LISTING, "on its own", id="stale single reads"
    ),
    pytest.param(
        fault("list-get-disagree"), nothing_happens, LISTING, "on its own", id="list and GET differ"
    ),
    pytest.param(
        fault("missing-item", deployment=IDLE), nothing_happens, LISTING, "announced",
        id="it is left out",
    ),
    pytest.param(
        fault("missing-item", deployment=IDLE, total="adjusted"), nothing_happens, LISTING,
        f"left out {IDLE}", id="it is left out of the total too",
    ),
    pytest.param(
        fault("missing-item", deployment="busy-1", total="adjusted"), nothing_happens, LISTING,
        "left out busy-1", id="another is left out",
    ),
    pytest.param(
        fault("missing-item", total="adjusted"), nothing_happens, LISTING, "left out",
        id="one is left out each time",
    ),
    pytest.param(
        fault("repeated-item"), nothing_happens, LISTING, "announced", id="one comes twice"
    ),
    pytest.param(
        fault("repeated-item", total="adjusted", deployment=IDLE), nothing_happens, LISTING,
        "more than once", id="it comes twice",
    ),
    pytest.param(
        fault("empty-page"), nothing_happens, LISTING, "left out", id="an empty page"
    ),
    pytest.param(fault("short-page"), nothing_happens, LISTING, "announced", id="a short page"),
    pytest.param(
        fault("short-page", total="adjusted"), nothing_happens, LISTING, "left out",
        id="a short page that looks whole",
    ),
    pytest.param(fault("token-loop"), nothing_happens, LISTING, "circle", id="a loop of pages"),
    pytest.param(fault("wrong-total"), nothing_happens, LISTING, "announced", id="a wrong total"),
    pytest.param(fault("throttle", on="list"), nothing_happens, LISTING, "429", id="list 429"),
    pytest.param(
        fault("throttle", on="list", retry_after="absurd"), nothing_happens, DATA,
        "left alone", id="list 429 for years",
    ),
    pytest.param(fault("server-error", on="list"), nothing_happens, LISTING, "503", id="list 503"),
    pytest.param(fault("html", on="list"), nothing_happens, LISTING, "HTML", id="list HTML"),
    pytest.param(
        fault("hang", on="list"), nothing_happens, LISTING, "no whole answer|old", id="list hangs"
    ),
    pytest.param(fault("reset", on="list"), nothing_happens, LISTING, "reset", id="list reset"),
    pytest.param(fault("cut", on="list"), nothing_happens, LISTING, "cut", id="list cut off"),
    pytest.param(
        fault("truncated", on="list"), nothing_happens, LISTING, "truncated", id="list truncated"
    ),
    pytest.param(
        fault("wrong-types", on="list"), nothing_happens, LISTING, "cannot be read",
        id="list of wrong types",
    ),
    pytest.param(
        fault("unknown-fields", on="list"), nothing_happens, LISTING, "accelerator_type",
        id="list of another GPU",
    ),
    pytest.param(fault("unauthorized", on="list"), nothing_happens, LISTING, "401", id="list 401"),
    pytest.param(fault("forbidden", on="list"), nothing_happens, LISTING, "403", id="list 403"),
    pytest.param(fault("suspended", on="list"), nothing_happens, LISTING, "412", id="list 412"),
    pytest.param(
        fault("precondition", on="list"), nothing_happens, LISTING, "412", id="list another 412"
    ),
    pytest.param(
        fault("server-error", on="get"), nothing_happens, LISTING, "could not be read",
        id="GET 503",
    ),
    pytest.param(
        fault("hang", on="get"), nothing_happens, LISTING, "could not be read|old", id="GET hangs"
    ),
    pytest.param(
        fault("wrong-types", on="get"), nothing_happens, LISTING, "could not be read",
        id="GET of wrong types",
    ),
    pytest.param(
        fault("recreated", deployment=IDLE), nothing_happens, None, "", id="created again"
    ),
]  # fmt: skip

PAIRS = [
    pytest.param(
        fault("metrics-zero") + fault("stale-list"), is_called_again, id="zeros, stale listing"
    ),
    pytest.param(
        fault("metrics-frozen") + fault("missing-item", total="adjusted"), is_called_again,
        id="frozen, items missing",
    ),
    pytest.param(
        fault("metrics-empty") + fault("repeated-item"), is_called_again,
        id="empty, an item twice",
    ),
    pytest.param(
        fault("metrics-partial", deployment=IDLE) + fault("server-error", on="list"),
        is_called_again, id="its series absent, list 503",
    ),
    pytest.param(
        fault("metrics-absent") + fault("short-page", total="adjusted"), is_called_again,
        id="series absent, short page",
    ),
    pytest.param(
        fault("throttle", on="metrics") + fault("throttle", on="list"), is_protected,
        id="all throttled",
    ),
]  # fmt: skip


def live(folder: Path, *, faults: str, edit: Edit) -> list[tuple[Blocker, str]]:
    """Live through it; demand an empty plan at every look, and give what `explain` says there."""
    said: list[tuple[Blocker, str]] = []

    async def life(clock: VirtualClock) -> None:
        stage = small_stage(clock, folder, faults=faults)
        edit(stage.world)
        async with running(stage):
            for instant in LOOKS:
                await clock.sleep(START + instant - clock.now())
                with ledger_of(stage) as ledger:
                    picture = look(ledger)
                    assert IDLE not in planned(picture)
                    done = read_closed(ledger.session, ledger.account, since=START)
                verdict = explained(picture, IDLE, policy="idle-to-zero")
                said.append((verdict.blocked_by or Blocker.SAVES_NOTHING, verdict.blocked_because))
                assert not [each for each in done if each.state is IncidentState.DONE]
        told = await ask(stage, "/_truth")
        for each in told["faults"]:
            assert each["fired"] > 0, each
        demand_reads_only((await ask(stage, "/_log"))["requests"])
        assert not [one for one in stage.heard.notices if "would be scaled to zero now" in one.text]

    run_virtual(life, start=START)
    return said


def demand_reasons(said: list[tuple[Blocker, str]], blocker: Blocker, because: str) -> None:
    """Demand that the last words name *blocker*, and that every reason given is a true one."""
    assert blocker in {each for each, _ in said}, said
    named = [text for each, text in said if each is blocker]
    assert all(re.search(because, text) for text in named), named


def test_without_a_fault_it_is_planned(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = small_stage(clock, folder)
        async with running(stage):
            await clock.sleep(DUE - 2 * MINUTE)
            with ledger_of(stage) as ledger:
                assert planned(look(ledger)) == set()
            await clock.sleep(3 * MINUTE)
            with ledger_of(stage) as ledger:
                assert planned(look(ledger)) == {IDLE}

    run_virtual(life, start=START)


@pytest.mark.parametrize(("faults", "blocker", "because"), METRICS)
def test_with_a_fault_of_the_metrics_nothing_is_planned(
    folder: Path, faults: str, blocker: Blocker, because: str
) -> None:
    demand_reasons(live(folder, faults=faults, edit=is_called_again), blocker, because)


@pytest.mark.parametrize(("faults", "edit", "blocker", "because"), LISTINGS)
def test_with_a_fault_of_the_listing_nothing_is_planned(
    folder: Path, faults: str, edit: Edit, blocker: Blocker | None, because: str
) -> None:
    said = live(folder, faults=faults, edit=edit)
    if blocker is not None:
        demand_reasons(said, blocker, because)


@pytest.mark.parametrize(("faults", "edit"), PAIRS)
def test_with_a_fault_of_each_nothing_is_planned(folder: Path, faults: str, edit: Edit) -> None:
    said = live(folder, faults=faults, edit=edit)
    assert all(because for _, because in said), said


@pytest.mark.parametrize(
    ("harmless", "still"),
    [
        pytest.param(fault("slow", on="list"), 0, id="slow listing"),
        pytest.param(fault("moved-item"), 0, id="another order on one page"),
        pytest.param(fault("moved-item"), 230, id="items on another page"),
        pytest.param(fault("stale-list"), 0, id="stale listing of what did not change"),
        pytest.param(fault("unknown-fields", on="any"), 0, id="fields nobody knows"),
    ],
)
def test_what_hides_nothing_holds_nothing_back(folder: Path, harmless: str, still: int) -> None:
    async def life(clock: VirtualClock) -> None:
        deployments = (*small_fleet(), *still_fleet(still))
        stage = small_stage(clock, folder, faults=harmless, deployments=deployments)
        async with running(stage):
            await clock.sleep(DUE + 2 * MINUTE)
            with ledger_of(stage) as ledger:
                assert planned(look(ledger)) == {IDLE}

    run_virtual(life, start=START)
