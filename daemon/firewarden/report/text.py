"""How numbers, instants and names are written, for people and for programs.

For programs: durations in seconds, instants RFC 3339 in UTC, money as decimal strings,
GPU-seconds as numbers with at most three decimals. For people: every number has its unit.
"""

import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

UNPRICED = "unpriced"
NOTHING = "–"

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LONGEST_NAME = 200
_NANO = Decimal(1).scaleb(-9)
_CENT = Decimal("0.01")
_MS_PER_SECOND = 1_000
_MS_PER_HOUR = 3_600_000
_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def clean(text: str) -> str:
    r"""Make text that came from outside safe to show: one line, no control characters.

    Whatever could move the cursor, hide or reorder letters becomes ``\ufffd``, so that a
    hostile name looks odd instead of like another one.
    """
    return "".join(
        "\ufffd" if unicodedata.category(letter) in _HIDDEN else letter for letter in text
    )


def brief(text: str) -> str:
    """Clean *text* and cut it to 200 letters, for a cell of a table."""
    shown = clean(text[: _LONGEST_NAME + 1])
    return shown if len(shown) <= _LONGEST_NAME else shown[: _LONGEST_NAME - 1] + "…"


def instant_json(at: datetime | None) -> str | None:
    """Write an instant for programs: RFC 3339, UTC, whole milliseconds only where needed."""
    if at is None:
        return None
    spec = "milliseconds" if at.microsecond else "seconds"
    return at.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")


def instant(at: datetime | None, *, zone: str = "UTC") -> str:
    """Write an instant for people, to the minute, with its zone: ``2026-11-22 14:05 CET``."""
    if at is None:
        return NOTHING
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"


def clock_time(at: datetime | None, *, now: datetime, zone: str = "UTC") -> str:
    """Write an instant near *now* shortly: ``14:05 CET``, with the date if it is not today's."""
    if at is None:
        return NOTHING
    here = ZoneInfo(zone)
    local = at.astimezone(here)
    if local.date() == now.astimezone(here).date():
        return f"{local:%H:%M} {local.tzname()}"
    return instant(at, zone=zone)


def seconds_json(duration: timedelta | None) -> float | int | None:
    """Write a duration for programs, in seconds with at most three decimals."""
    return None if duration is None else ms_json(round(duration / timedelta(milliseconds=1)))


def ms_json(milliseconds: int) -> float | int:
    """Write (GPU-)milliseconds as (GPU-)seconds; whole numbers stay whole."""
    whole, rest = divmod(milliseconds, _MS_PER_SECOND)
    return whole if rest == 0 else milliseconds / _MS_PER_SECOND


def duration(span: timedelta | None) -> str:
    """Write a duration for people, its two largest units: ``45s``, ``3h 10m``, ``4d 2h``."""
    if span is None:
        return NOTHING
    sign = "-" if span < timedelta(0) else ""
    seconds = int(abs(span).total_seconds())
    if seconds < _MINUTE:
        return f"{sign}{seconds}s"
    if seconds < _HOUR:
        return f"{sign}{seconds // _MINUTE}m"
    if seconds < _DAY:
        return sign + _two(seconds // _HOUR, "h", seconds % _HOUR // _MINUTE, "m")
    return sign + _two(seconds // _DAY, "d", seconds % _DAY // _HOUR, "h")


def _two(large: int, unit: str, small: int, small_unit: str) -> str:
    return f"{large}{unit} {small}{small_unit}" if small else f"{large}{unit}"


def usd_json(amount: Decimal | None) -> str | None:
    """Write money for programs: a decimal string, exact to the nano-dollar, at least cents."""
    if amount is None:
        return None
    exact = amount.quantize(_NANO, rounding=ROUND_HALF_EVEN)
    whole, _, fraction = f"{exact:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def usd(amount: Decimal | None, *, per: str = "") -> str:
    """Write money for people: ``1,234.50 USD``, or ``unpriced``; never 0 for unknown."""
    if amount is None:
        return UNPRICED
    rounded = amount.quantize(_CENT, rounding=ROUND_HALF_EVEN)
    return f"{rounded:,f} USD{f'/{per}' if per else ''}"


def gpu_hours(milliseconds: int) -> str:
    """Write GPU-milliseconds as GPU-hours for people: ``12.50``, thousands parted."""
    hours = Decimal(milliseconds) / _MS_PER_HOUR
    return f"{hours.quantize(_CENT, rounding=ROUND_HALF_EVEN):,f}"


def share(part: int | Decimal, whole: int | Decimal) -> str:
    """Write *part* of *whole* as a percentage, or a dash where there is no whole."""
    return f"{100 * Decimal(part) / Decimal(whole):.1f} %" if whole else NOTHING


def gpus(count: int, accelerator_type: str) -> str:
    """Write GPUs as people say them: ``8×H100``."""
    return f"{count}×{accelerator(accelerator_type)}"


def accelerator(accelerator_type: str) -> str:
    """Shorten the provider's name of a GPU: ``NVIDIA_H100_80GB`` is an ``H100``."""
    name = clean(accelerator_type)
    for maker in ("NVIDIA_", "AMD_"):
        name = name.removeprefix(maker)
    return name.rsplit("_", 1)[0] if name.endswith("GB") and "_" in name else name


def plural(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun: ``1 deployment``, ``2 deployments``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
