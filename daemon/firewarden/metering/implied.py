"""What the provider's dollars and GPU-seconds say of our prices and of our metering as a whole."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from firewarden.metering.totals import Totals
from firewarden.model.price import MICRO, MS_PER_HOUR
from firewarden.model.trueup import BilledMoney

_OFF_BY = 100
"""A price is another one where it differs by more than one part in so many."""

_OTHER_UNIT = 100
_RATIO = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceCheck:
    """A GPU-hour of one accelerator: as the bill's dollars have it, and as we priced the same day.

    Both in micro-USD, averaged over all that is priced; None where one of them is not known.
    """

    accelerator_type: str
    implied_micro_usd: int | None
    own_micro_usd: int | None

    @classmethod
    def of(cls, billed: BilledMoney, *, own_micro_usd: int | None) -> "PriceCheck":
        """Compare what *billed* comes to by the hour with our own price."""
        return cls(
            accelerator_type=billed.accelerator_type,
            implied_micro_usd=_per_hour(billed.micro_usd * MS_PER_HOUR, billed.gpu_ms),
            own_micro_usd=own_micro_usd,
        )

    @property
    def is_off(self) -> bool:
        """Both are known, and they are not the same price.

        So little that it is less than a hundredth, and yet something, is of another unit: what
        the provider's quantities count is not documented.
        """
        implied, own = self.implied_micro_usd, self.own_micro_usd
        if implied is None or own is None or 0 < implied * _OTHER_UNIT < own:
            return False
        return abs(implied - own) * _OFF_BY > own

    @property
    def implied_usd(self) -> Decimal | None:
        """The bill's price in dollars."""
        return None if self.implied_micro_usd is None else Decimal(self.implied_micro_usd) / MICRO

    @property
    def own_usd(self) -> Decimal | None:
        """Ours in dollars."""
        return None if self.own_micro_usd is None else Decimal(self.own_micro_usd) / MICRO


def own_price(metered: Totals) -> int | None:
    """Average our own price over the priced part of *metered*, in micro-USD per GPU-hour."""
    return _per_hour(metered.cost_units, metered.gpu_ms - metered.unpriced_ms)


def _per_hour(units: int, gpu_ms: int) -> int | None:
    """Average a price over at least one GPU-hour: below it rounding is most of what is seen."""
    return None if gpu_ms < MS_PER_HOUR else units // gpu_ms


def calibrate(rows: Iterable[tuple[str, int, int]]) -> Mapping[str, Decimal | None]:
    """Divide billed by metered for each accelerator; *rows* are (accelerator, metered, billed).

    None where nothing was metered. It is looked at by people, and applied to nothing.
    """
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for accelerator_type, metered_ms, billed_ms in rows:
        sums[accelerator_type][0] += metered_ms
        sums[accelerator_type][1] += billed_ms
    return {
        accelerator_type: (Decimal(billed) / metered).quantize(_RATIO) if metered else None
        for accelerator_type, (metered, billed) in sorted(sums.items())
    }
