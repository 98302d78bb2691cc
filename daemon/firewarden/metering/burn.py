"""Is a budget being burnt too fast: the burn rate over two windows, against the even pace."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from firewarden.metering.spending import Spent, hours_in


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnRule:
    """A burn of at least *multiple* times the even pace, over two windows that end now.

    The long window says that it matters, the short one that it still goes on.
    """

    multiple: Decimal
    over: timedelta
    also_over: timedelta


BURN_RULES: Sequence[BurnRule] = (
    BurnRule(multiple=Decimal("14.4"), over=timedelta(hours=1), also_over=timedelta(minutes=5)),
    BurnRule(multiple=Decimal(6), over=timedelta(hours=6), also_over=timedelta(minutes=30)),
    BurnRule(multiple=Decimal(2), over=timedelta(days=3), also_over=timedelta(hours=6)),
)
"""The defaults. Of a budget of 30 days they take 2 % in 1 hour, 5 % in 6 hours, 20 % in 3 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burning:
    """What a burn rule found.

    Attributes:
        fires: both windows hold and the floor is passed; None: cannot be told, as nobody
            watched, or usage has no price, and what is known is not enough.
        multiple, multiple_short: the burn multiples of the two windows; None: nobody watched.
        is_priced: False where usage without a price was held: the multiples leave it out.
    """

    fires: bool | None
    multiple: Decimal | None
    multiple_short: Decimal | None
    is_priced: bool


def burn_multiple(spent: Spent, *, limit: Decimal, window: timedelta) -> Decimal | None:
    """The burn rate over a stretch, as a multiple of the even pace; None: nobody watched.

    The even pace spends *limit* USD over a budget's *window*; both are more than 0.
    """
    if (rate := spent.usd_per_hour) is None:
        return None
    return rate * hours_in(window) / limit


def burning(
    rule: BurnRule,
    spent: tuple[Spent, Spent],
    *,
    limit: Decimal,
    window: timedelta,
    floor: Decimal,
) -> Burning:
    """Hold what was *spent* over the rule's long and short window to the rule.

    Fires where both burn multiples are at least the rule's, and the long window's spend at
    least *floor* USD. A window of which less than half was watched says nothing. Usage without
    a price can only add: it leaves open what would be calm, and calms nothing.
    """
    long, short = spent
    multiples = [burn_multiple(each, limit=limit, window=window) for each in spent]
    holds = [
        *(
            _is_at_least(multiple, rule.multiple, is_all=each.is_priced)
            if each.watched_for * 2 >= each.lasted
            else None
            for multiple, each in zip(multiples, spent, strict=True)
        ),
        _is_at_least(long.usd, floor, is_all=long.is_whole),
    ]
    return Burning(
        fires=False if False in holds else None if None in holds else True,
        multiple=multiples[0],
        multiple_short=multiples[1],
        is_priced=long.is_priced and short.is_priced,
    )


def _is_at_least(value: Decimal | None, bound: Decimal, *, is_all: bool) -> bool | None:
    """Compare; None where *value* is unknown, or below and not all there is."""
    if value is None or (value < bound and not is_all):
        return None
    return value >= bound
