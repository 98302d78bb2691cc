"""How far the rung of a budget can go: can it keep the limit, whatever its scope does?"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from firewarden.decide.caps import Reach
from firewarden.decide.ladder import Ladder
from firewarden.decide.scoped import Member
from firewarden.model.vocabulary import Mode, Verb

_GOES_ON = {
    Verb.HOLD_GROWTH: "what runs goes on",
    Verb.SCALE_TO_ZERO: "a request wakes what it stops",
}


def reach_of(ladder: Ladder) -> Reach:
    """Part the scope of *ladder* into what it may stop and what it may not."""
    rest = [(one, why) for one, why in ladder.sifted if why and not one.is_leaving]
    stoppable = _sum(one.now for one in ladder.takeable)
    protected = _sum(one.now for one, _ in rest)
    reasons = (*_of_the_rung(ladder), *_of_the_scope(ladder, rest, protected, stoppable))
    return Reach(stoppable=stoppable, protected=protected, why_soft=next(iter(reasons), ""))


def _of_the_rung(ladder: Ladder) -> Iterator[str]:
    rung = ladder.rung
    if ladder.mode < Mode.APPROVE:
        yield f"it only {'warns' if ladder.mode is Mode.WARN else 'observes'}"
    if ladder.asks and not rung.acts_unanswered:
        yield "a person has to say yes"
    if rung.verb in _GOES_ON:
        yield _GOES_ON[rung.verb]
    if not ladder.standing.budget.stop_early:
        yield "it acts once the limit is reached, and stopping takes minutes"
    if not ladder.is_armed:
        yield "it was passed when it was written, and acts from the next window on"
    if rung.at > 1:
        yield "it acts above the limit"
    if (day := ladder.standing.disputed) is not None:
        yield f"the bill disputes {day}, so at most half is stopped; see `firewarden trueup`"


def _of_the_scope(
    ladder: Ladder, rest: Sequence[tuple[Member, str]], protected: Decimal, stoppable: Decimal
) -> Iterator[str]:
    reasons = ", ".join(sorted({why for _, why in rest}))
    if any(one.per_gpu is None for one, _ in rest):
        yield "part of its scope has no known price"
    if protected:
        unit = "USD/h" if ladder.standing.budget.is_money else "GPUs"
        yield (
            f"{protected:,.2f} of {protected + stoppable:,.2f} {unit} is out of its reach "
            f"({reasons}); this ladder can stop {stoppable:,.2f}"
        )
    if any(one.most for one, _ in rest):
        yield f"what is out of its reach can grow ({reasons})"


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
