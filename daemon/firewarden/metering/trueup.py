"""What the provider billed against what was metered: one local day at a time, row by row.

Seconds are judged here, dollars in `implied`. Nothing of ours is ever replaced: what a bill says
more or less becomes an adjustment beside it, or both numbers stand and people are asked.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from firewarden.metering.billed import SECOND_MS, Billed, Day, Key, Metered
from firewarden.metering.totals import Totals
from firewarden.model.price import MS_PER_HOUR
from firewarden.model.trueup import Adjustment, Cause, DayState, Money, RowState

LATE_AFTER = timedelta(days=7)
"""So long a bill that names nothing at all is late; from then on it is an answer."""

TOLD_FROM_MS = 120 * SECOND_MS
_DISPUTED_FROM = 10
"""One part in so many of what was metered is adjusted, whatever its cause."""

_TOLD_FROM = 100
_CLOSE = 100
"""A shortfall that is a whole number of GPUs to one part in so many looks like a reservation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one row: nothing, an adjustment, a dispute.

    ``is_told`` where people should hear of it; ``accepted`` where a person took the bill's word.
    ``difference_micro_usd``: what the difference costs by our prices; None: unpriced.
    """

    name: str
    accelerator_type: str
    metered: Totals
    billed_ms: int
    state: RowState
    cause: Cause = Cause.NONE
    adjustment: Adjustment = field(default_factory=Adjustment)
    difference_micro_usd: int | None = 0
    is_told: bool = False
    accepted: bool = False

    @property
    def difference_ms(self) -> int:
        """Billed minus metered."""
        return self.billed_ms - self.metered.gpu_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A day's state and its rows, by name and accelerator; an open one has no rows."""

    state: DayState
    rows: tuple[Row, ...] = ()


def judge(day: Day) -> Judged:
    """Compare both sides of *day*; the same day gives the same judgement, whoever asks when."""
    day = _by_last_segment(day)
    if not _is_settled(day):
        return Judged(state=DayState.OPEN)
    missing = _missing(day)
    rows = tuple(_judge_row(key, day, missing) for key in sorted({*day.billed, *day.metered}))
    states = {row.state for row in rows}
    if RowState.DISPUTED in states:
        return Judged(state=DayState.DISPUTED, rows=rows)
    if states & {RowState.ADJUSTED, RowState.UNATTRIBUTED}:
        return Judged(state=DayState.ADJUSTED, rows=rows)
    return Judged(state=DayState.SETTLED, rows=rows)


def _by_last_segment(day: Day) -> Day:
    billed: dict[Key, Billed] = {}
    for (name, accelerator), row in day.billed.items():
        key = (name.rpartition("/")[2], accelerator)
        billed[key] = billed[key] + row if key in billed else row
    return replace(day, billed=billed)


def _is_settled(day: Day) -> bool:
    answer = day.answer
    if answer is None or (
        not day.is_unwatched and (day.confirmed_at is None or day.confirmed_at < day.until)
    ):
        return False
    says_something = any(row.seconds for row in day.billed.values())
    may_be_late = not says_something and any(row.totals.high_ms for row in day.metered.values())
    is_late = may_be_late and answer.last_at < day.until + LATE_AFTER
    return answer.could_settle(day.until) and not is_late


def _missing(day: Day) -> Mapping[str, int]:
    """Add up, by accelerator, the GPU-ms that the bill leaves out of what was surely held."""
    missing: defaultdict[str, int] = defaultdict(int)
    for key, metered in day.metered.items():
        billed_ms = day.billed[key].seconds * SECOND_MS if key in day.billed else 0
        totals = metered.totals
        if billed_ms <= totals.low_ms - SECOND_MS and not metered.preemptible:
            missing[key[1]] += totals.gpu_ms - billed_ms
    return missing


_NOTHING = Metered(totals=Totals())


def _judge_row(key: Key, day: Day, missing: Mapping[str, int]) -> Row:
    billed = day.billed.get(key, Billed(seconds=0, list_units=0))
    totals = day.metered.get(key, _NOTHING).totals
    state, cause, is_told = _find_state(key, day, missing, totals, billed.seconds * SECOND_MS)
    accepted = state is RowState.DISPUTED and _is_accepted(day)
    if accepted:
        state, is_told = RowState.ADJUSTED, False
    keeps_ours = state in {RowState.DISPUTED, RowState.RESERVED}
    change = _adjustment(totals, billed)
    return Row(
        name=key[0],
        accelerator_type=key[1],
        metered=totals,
        billed_ms=billed.seconds * SECOND_MS,
        state=state,
        cause=cause,
        adjustment=Adjustment() if keeps_ours else change,
        difference_micro_usd=change.money.micro_usd if change.money else None,
        is_told=is_told,
        accepted=accepted,
    )


def _find_state(
    key: Key, day: Day, missing: Mapping[str, int], totals: Totals, billed_ms: int
) -> tuple[RowState, Cause, bool]:
    """Say how a row stands, why most likely, and whether people should hear of it."""
    difference = billed_ms - totals.gpu_ms
    cause = _cause(key, day, missing)
    is_bounded = totals.low_ms - SECOND_MS < billed_ms < totals.high_ms + SECOND_MS
    if abs(difference) < SECOND_MS:
        return RowState.EQUAL, Cause.NONE, False
    if day.is_unwatched or (day.is_partly_watched and difference > 0):
        return RowState.ADJUSTED, Cause.UNWATCHED, False
    if difference < 0 and not is_bounded and _is_declared(key[1], day, missing):
        return RowState.RESERVED, Cause.RESERVATION, False
    if is_bounded or abs(difference) * _DISPUTED_FROM <= totals.gpu_ms:
        limit = max(TOLD_FROM_MS, totals.gpu_ms // _TOLD_FROM)
        return RowState.ADJUSTED, cause, not is_bounded and abs(difference) > limit
    if not totals.high_ms and key[0] not in _watched_names(day):
        return RowState.UNATTRIBUTED, cause, True
    return RowState.DISPUTED, cause, True


def _is_accepted(day: Day) -> bool:
    return day.answer is not None and day.accepted == day.answer.revision


def _watched_names(day: Day) -> Iterator[str]:
    yield from day.known
    for (name, _), metered in day.metered.items():
        if metered.totals.high_ms:
            yield name


def _is_declared(accelerator_type: str, day: Day, missing: Mapping[str, int]) -> bool:
    """Tell whether declared commitments are large enough to be what the bill leaves out."""
    reserved_ms = day.reserved.get(accelerator_type, 0) * _length_ms(day)
    return 0 < missing.get(accelerator_type, 0) <= reserved_ms + reserved_ms // _CLOSE


def _cause(key: Key, day: Day, missing: Mapping[str, int]) -> Cause:
    """Name what most likely made the difference, the surest first."""
    metered = day.metered.get(key)
    billed_ms = day.billed[key].seconds * SECOND_MS if key in day.billed else 0
    if metered is None:
        return Cause.GAP if day.has_gap else Cause.RULE
    gpu_ms, length = metered.totals.gpu_ms, _length_ms(day)
    short = gpu_ms - billed_ms
    if metered.gap_ms * 2 * max(gpu_ms, billed_ms) >= abs(short) * length:
        return Cause.GAP
    left_out = missing.get(key[1], 0)
    if metered.preemptible or short <= 0 or not left_out:
        return Cause.RULE
    is_large = short * _DISPUTED_FROM > gpu_ms
    return Cause.RESERVATION if is_large or _is_whole(left_out, length) else Cause.RULE


def _is_whole(left_out: int, length: int) -> bool:
    """Tell whether *left_out* is nearly a whole number of GPUs, one or more, for all the day."""
    gpus = (2 * left_out + length) // (2 * length)
    return gpus > 0 and abs(left_out - gpus * length) * _CLOSE <= left_out


def _length_ms(day: Day) -> int:
    return (day.until - day.since) // timedelta(milliseconds=1)


def _adjustment(metered: Totals, billed: Billed) -> Adjustment:
    """Say what takes the point and both bounds to what was billed: then it is known."""
    billed_ms = billed.seconds * SECOND_MS
    return Adjustment(
        gpu_ms=billed_ms - metered.gpu_ms,
        low_ms=billed_ms - metered.low_ms,
        high_ms=billed_ms - metered.high_ms,
        money=_money(metered, billed),
    )


def _money(metered: Totals, billed: Billed) -> Money | None:
    """Price the adjustment as what was metered is priced, on the average of the day.

    The point is rounded to the micro-dollar; the bounds outward from it, so that they hold it.
    """
    if metered.unpriced_high_ms or metered.unpriced_ms:
        return None
    if metered.gpu_ms:
        units = _rounded(metered.cost_units * billed.seconds * SECOND_MS, metered.gpu_ms)
    elif billed.list_units is None:
        return None
    else:
        units = billed.list_units
    micro_usd = _rounded(units - metered.cost_units, MS_PER_HOUR)
    reached = metered.cost_units + micro_usd * MS_PER_HOUR
    return Money(
        micro_usd=micro_usd,
        low_micro_usd=(reached - metered.low_units) // MS_PER_HOUR,
        high_micro_usd=-((metered.high_units - reached) // MS_PER_HOUR),
    )


def _rounded(dividend: int, divisor: int) -> int:
    """Divide, a half rounded to the even neighbour."""
    whole, rest = divmod(dividend, divisor)
    return whole + (2 * rest > divisor or (2 * rest == divisor and whole % 2 == 1))
