"""How each day stands against the provider's bill, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from rich.console import Group, RenderableType

from firewarden.model.trueup import RowState
from firewarden.report.encode import JsonObject
from firewarden.report.tables import Column, line, make_table
from firewarden.report.text import NOTHING, accelerator, gpu_hours, ms_json, usd, usd_json

BACKFILLED = "backfilled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One deployment's day on one accelerator, where bill and metering are not the same."""

    deployment_id: str
    accelerator_type: str
    state: RowState
    cause: str
    metered_ms: int
    billed_ms: int
    adjusted_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedDay:
    """One local day from both sides.

    Attributes:
        state: of the day, or ``backfilled`` where nobody watched it.
        revised: the bill says something else since it was judged, and is waited for.
        adjustment_usd: of the priced part; None where none of it has a price.
        accepted_by, accepted_reason: who took the bill's word for it, and why.
    """

    day: date
    state: str
    revised: bool
    metered_ms: int
    billed_ms: int
    adjusted_ms: int
    adjustment_usd: Decimal | None
    causes: tuple[str, ...]
    accepted_by: str
    accepted_reason: str
    rows: tuple[ComparedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedGpu:
    """One accelerator over all settled days; prices are those of the newest day that has dollars.

    ``calibration`` is billed ÷ metered. It is shown, and applied to nothing.
    """

    accelerator_type: str
    calibration: Decimal | None
    implied_usd: Decimal | None
    own_usd: Decimal | None
    is_off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trueup:
    """The days whose bill is read again and again, the oldest first."""

    account: str
    timezone: str
    days: tuple[ComparedDay, ...]
    gpus: tuple[ComparedGpu, ...]


def trueup_json(found: Trueup) -> JsonObject:
    """Give the stable keys of ``trueup --json``."""
    return {
        "account": found.account,
        "timezone": found.timezone,
        "days": [_day_json(each) for each in found.days],
        "accelerators": [
            {
                "accelerator_type": each.accelerator_type,
                "calibration": None if each.calibration is None else f"{each.calibration:f}",
                "implied_usd_per_gpu_hour": usd_json(each.implied_usd),
                "own_usd_per_gpu_hour": usd_json(each.own_usd),
                "price_differs": each.is_off,
            }
            for each in found.gpus
        ],
    }


def _day_json(day: ComparedDay) -> JsonObject:
    return {
        "day": day.day.isoformat(),
        "state": day.state,
        "revised": day.revised,
        "metered_gpu_seconds": ms_json(day.metered_ms),
        "billed_gpu_seconds": ms_json(day.billed_ms),
        "adjusted_gpu_seconds": ms_json(day.adjusted_ms),
        "adjustment_usd": usd_json(day.adjustment_usd),
        "causes": list(day.causes),
        "accepted_by": day.accepted_by or None,
        "accepted_reason": day.accepted_reason or None,
        "deployments": [
            {
                "deployment_id": row.deployment_id,
                "accelerator_type": row.accelerator_type,
                "state": row.state.value,
                "cause": row.cause or None,
                "metered_gpu_seconds": ms_json(row.metered_ms),
                "billed_gpu_seconds": ms_json(row.billed_ms),
                "adjusted_gpu_seconds": ms_json(row.adjusted_ms),
            }
            for row in day.rows
        ],
    }


_DAYS = (
    Column(name="day"),
    Column(name="metered", number=True),
    Column(name="billed", number=True),
    Column(name="adjusted", number=True),
    Column(name="USD", number=True),
    Column(name="state"),
    Column(name="likely cause"),
    Column(name="accepted by"),
)
_GPUS = (
    Column(name="accelerator"),
    Column(name="billed ÷ metered", number=True),
    Column(name="USD/GPU-h by the bill", number=True),
    Column(name="ours", number=True),
)


def trueup_view(found: Trueup) -> RenderableType:
    """Lay both sides out for people, in GPU-hours and US dollars."""
    first = found.days[0].day.isoformat() if found.days else NOTHING
    return Group(
        line(f"{found.account}: metered and billed since {first}, {found.timezone}", style="bold"),
        line("GPU-hours, without own hardware; an adjustment is what the bill adds to ours"),
        make_table(_DAYS, [_cells(each) for each in found.days]),
        make_table(_GPUS, [_gpu_cells(each) for each in found.gpus]),
        *_disputes(found.days),
    )


def _cells(day: ComparedDay) -> Sequence[str]:
    return (
        day.day.isoformat(),
        gpu_hours(day.metered_ms),
        gpu_hours(day.billed_ms),
        gpu_hours(day.adjusted_ms) if day.adjusted_ms else NOTHING,
        usd(day.adjustment_usd).removesuffix(" USD") if day.adjusted_ms else NOTHING,
        f"{day.state}, revised since" if day.revised else day.state,
        ", ".join(day.causes) or NOTHING,
        day.accepted_by or NOTHING,
    )


def _gpu_cells(gpu: ComparedGpu) -> Sequence[str]:
    return (
        accelerator(gpu.accelerator_type),
        NOTHING if gpu.calibration is None else f"{gpu.calibration:f}",
        NOTHING if gpu.implied_usd is None else f"{gpu.implied_usd:.4f}",
        NOTHING if gpu.own_usd is None else f"{gpu.own_usd:.4f}{' !' if gpu.is_off else ''}",
    )


def _disputes(days: Sequence[ComparedDay]) -> Sequence[RenderableType]:
    """Name what is disputed, and the way out."""
    rows = [(day, row) for day in days for row in day.rows if row.state is RowState.DISPUTED]
    return [
        line(
            f"disputed: {day.day} {row.deployment_id} {accelerator(row.accelerator_type)}:"
            f" {gpu_hours(row.billed_ms)} billed, {gpu_hours(row.metered_ms)} metered, likely"
            f" {row.cause}; `firewarden trueup accept {day.day} --reason TEXT` takes the bill's"
        )
        for day, row in rows
    ]
