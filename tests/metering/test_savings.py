"""What stops save is cash at the margin, and the parts add up to what all of them save."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.metering.margins import Margin
from firewarden.metering.ours import Ending, Stop
from firewarden.metering.savings import Saved, pool_of, saved_by
from firewarden.model.commitment import Commitment
from firewarden.model.ids import Uid, make_uid
from firewarden.model.price import MICRO, Price, PriceSource
from firewarden.model.usage import Bracket, Evidence, Hardware, Segment
from firewarden.model.vocabulary import CommitmentKind, Verb

T0 = datetime.fromisoformat("2026-11-02T09:00:00+00:00")
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
H100 = Hardware(accelerator_type="NVIDIA_H100_80GB", accelerator_count=8, placement="global:US")
OTHER = Hardware(accelerator_type="NVIDIA_B200_180GB", accelerator_count=8)
CARD = (Price(accelerator_type="", micro_usd_per_gpu_hour=8 * MICRO, source=PriceSource.RATE_CARD),)
HOUR_MS = 3_600_000


def uid(name: str) -> Uid:
    return make_uid(f"accounts/acme/deployments/{name}", T0 - DAY)


def held(
    name: str, since: datetime, until: datetime | None, *, ready: int = 1, on: Hardware = H100
) -> Segment:
    return Segment(
        uid=uid(name), hardware=on, ready=ready, starting=0, floor=0, ceiling=9, desired=ready,
        state="READY", started=Bracket(lo=since, hi=since), start_evidence=Evidence.POLL,
        ended=None if until is None else Bracket(lo=until, hi=until),
        end_evidence=None if until is None else Evidence.POLL,
    )  # fmt: skip


def stop(name: str, at: datetime = T0, *, until: datetime | None = None, gpus: int = 8) -> Stop:
    return Stop(
        action_id=hash((name, at)), uid=uid(name), policy="idle", verb=Verb.SCALE_TO_ZERO, at=at,
        gpus=gpus, hardware=H100, until=until, ending=None if until is None else Ending.WOKEN,
    )  # fmt: skip


def reserved(gpus: int, *, since: datetime | None = None, until: datetime = T0 + DAY) -> Commitment:
    return Commitment(
        kind=CommitmentKind.CAPACITY, since=since, until=until,
        accelerator_type=H100.accelerator_type, gpus=gpus,
    )  # fmt: skip


def saved(
    *stops: Stop,
    segments: tuple[Segment, ...] = (),
    commitments: tuple[Commitment, ...] = (),
    prices: tuple[Price, ...] = CARD,
    since: datetime = T0 - HOUR,
    until: datetime = T0 + HOUR,
) -> list[Saved]:
    found = saved_by(
        stops, segments, prices=prices, commitments=commitments, since=since, until=until
    )
    return [found[each.action_id] for each in stops]


def gpu_hours(each: Saved) -> tuple[float, float]:
    return each.gpu_ms / HOUR_MS, each.paid_ms / HOUR_MS


def usd(each: Saved) -> float:
    return each.micro_usd_ms / HOUR_MS / MICRO


def test_what_is_gone_is_saved_from_the_stop_on_at_its_price() -> None:
    (found,) = saved(stop("exp-7"), segments=(held("exp-7", T0 - DAY, T0),))

    assert (gpu_hours(found), usd(found)) == ((8, 8), 64)


def test_what_is_ready_again_is_not_saved() -> None:
    rows = (held("exp-7", T0 - DAY, T0), held("exp-7", T0 + HOUR / 2, None))

    (found,) = saved(stop("exp-7"), segments=rows)

    assert gpu_hours(found) == (4, 4)


def test_what_grows_beyond_what_it_was_is_no_loss_of_ours() -> None:
    rows = (held("exp-7", T0 - DAY, T0), held("exp-7", T0 + HOUR / 2, None, ready=5))

    (found,) = saved(stop("exp-7"), segments=rows)

    assert gpu_hours(found) == (4, 4)


def test_of_two_stops_of_one_deployment_none_counts_what_the_other_does() -> None:
    rows = (held("exp-7", T0 - DAY, T0, ready=2), held("exp-7", T0 + HOUR / 4, T0 + HOUR / 2))

    found = saved(stop("exp-7", gpus=16), stop("exp-7", T0 + HOUR / 2), segments=rows)

    assert [gpu_hours(each)[0] for each in found] == [16 / 4 + 8 / 4 + 8 / 2, 8 / 2]


def test_a_saving_ends_where_it_is_ours_no_longer() -> None:
    (found,) = saved(stop("exp-7", until=T0 + HOUR / 4))

    assert gpu_hours(found) == (2, 2)


@pytest.mark.parametrize(
    ("running", "stopped", "gpus"),
    [
        pytest.param(52, [12], [0], id="52 of 64 run once it is stopped: nothing is saved"),
        pytest.param(56, [16], [8], id="72 ran, 16 are stopped: 8 were on demand"),
        pytest.param(56, [8, 8], [8, 0], id="the first to go was on demand"),
        pytest.param(64, [8, 8], [8, 8], id="all of it was beyond what is reserved"),
    ],
)
def test_what_is_reserved_is_paid_for_anyway(
    running: int, stopped: list[int], gpus: list[int]
) -> None:
    one_gpu = Hardware(accelerator_type=H100.accelerator_type, accelerator_count=1)
    stops = [
        stop(f"exp-{number}", T0 + number * timedelta(seconds=1) / 1000, gpus=each)
        for number, each in enumerate(stopped)
    ]

    found = saved(
        *stops,
        segments=(held("chat", T0 - DAY, None, ready=running, on=one_gpu),),
        commitments=(reserved(64),),
        since=T0 + HOUR,
        until=T0 + 2 * HOUR,
    )

    assert [gpu_hours(each)[1] for each in found] == gpus
    assert [gpu_hours(each)[0] for each in found] == stopped
    assert [usd(each) for each in found] == [8 * each for each in gpus]


def test_a_reservation_that_ends_saves_from_then_on() -> None:
    (found,) = saved(stop("exp-7"), commitments=(reserved(8, until=T0 + HOUR / 2),))

    assert gpu_hours(found) == (8, 4)


def test_a_price_that_changes_counts_from_its_instant() -> None:
    dearer = Price(
        accelerator_type="", micro_usd_per_gpu_hour=16 * MICRO, source=PriceSource.CONFIGURED,
        valid_from=T0 + HOUR / 2,
    )  # fmt: skip

    (found,) = saved(stop("exp-7"), prices=(*CARD, dearer))

    assert usd(found) == 4 * 8 + 4 * 16
    assert found.top_micro_usd == 16 * MICRO


def test_what_has_no_price_is_counted_and_has_no_amount() -> None:
    (found,) = saved(stop("exp-7"), prices=())

    assert (found.unpriced_ms, found.micro_usd_ms) == (8 * HOUR_MS, 0)


def test_what_lies_outside_the_window_is_not_in_it() -> None:
    early = stop("old", T0 - 3 * HOUR, until=T0 - 2 * HOUR)

    (found,) = saved(early)

    assert gpu_hours(found) == (0, 0)


moments = st.integers(0, 8).map(lambda quarter: T0 + quarter * HOUR / 4)
names = st.sampled_from(["a", "b", "c"])
histories = st.lists(
    st.builds(
        held, names, moments, moments | st.none(), ready=st.integers(0, 3),
        on=st.sampled_from([H100, OTHER]),
    ).filter(lambda one: one.ended is None or one.ended.lo > one.started.lo),
    max_size=6,
)  # fmt: skip


@given(
    histories,
    st.lists(st.builds(stop, names, moments, gpus=st.integers(1, 24)), max_size=5,
             unique_by=lambda one: one.action_id),
    st.integers(0, 64),
)  # fmt: skip
def test_the_parts_add_up_to_what_all_stops_saved_together(
    history: list[Segment], stops: list[Stop], gpus: int
) -> None:
    parts = saved(
        *stops, segments=tuple(history), commitments=(reserved(gpus),), until=T0 + 2 * HOUR
    )

    whole = 0
    for quarter in range(8):
        at = T0 + quarter * HOUR / 4
        ready: Counter[Uid] = Counter()
        used = 0
        for each in history:
            if each.started.lo <= at and (each.ended is None or at < each.ended.lo):
                ready[each.uid] += 8 * each.ready
                used += 8 * each.ready * (each.hardware is H100)
        most: Counter[Uid] = Counter()
        for one in stops:
            if one.at <= at:
                most[one.uid] = max(most[one.uid], one.gpus)
        gone = sum(max(0, gpus_then - ready[one]) for one, gpus_then in most.items())
        pool = pool_of(H100)
        margin = Margin(used={pool: used + gone}, reserved={(pool[0], ""): gpus})
        whole += margin.saved(pool, gone) * HOUR_MS // 4
    assert sum(each.paid_ms for each in parts) == whole
    assert all(0 <= each.paid_ms <= each.gpu_ms for each in parts)
