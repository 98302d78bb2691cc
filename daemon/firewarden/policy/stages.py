"""The stages of a policy: what it does, in which order."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from firewarden.model.vocabulary import Verb
from firewarden.policy.durations import Duration, format_duration, parse_duration
from firewarden.policy.fields import Names, as_list, chosen, refuse, whole_number
from firewarden.policy.problems import shown
from firewarden.policy.strict import Strict

DELETE_GRACE = timedelta(hours=1)
"""The least time between the warning of a delete and the delete."""


def _lead(given: object) -> timedelta | None:
    if given == "auto":
        return None
    try:
        return (
            parse_duration(given)
            if isinstance(given, str)
            else refuse("a duration is expected", "for example 20m, or the word auto")
        )
    except ValueError as error:
        refuse(str(error), "or the word auto")


class WarnStage(Strict):
    """Tell people; the grace that follows counts from the delivery.

    ``before``: so long before the hours of the policy begin, and at least so long before it acts.
    """

    to: Names | None = None
    before: Duration | None = None


class WaitStage(Strict):
    """Let time pass, in which the conditions must go on holding."""

    for_: Duration = Field(alias="for")
    within: Names | None = None


class EffectStage(Strict):
    """A stage that changes the deployment; `stops`: no replica is left after it."""

    later: ClassVar[frozenset[str]] = frozenset({"when", "mode", "warn"})
    stops: ClassVar[bool] = True


class ScaleToZeroStage(EffectStage):
    """Minimum to 0, then scale to 0; a request wakes it."""


class ParkStage(EffectStage):
    """Minimum and maximum to 0: no request wakes it."""


class HoldGrowthStage(EffectStage):
    """The maximum becomes what is ready now."""

    stops: ClassVar[bool] = False


class DeleteStage(EffectStage):
    """Deleted so that it can be brought back for a while; never for good."""


class RestoreStage(Strict):
    """Put back what the effect has set when the hours are over, early enough to serve by then."""

    at_end: bool = True
    lead: Annotated[timedelta | None, BeforeValidator(_lead)] = None


class Bound(Strict):
    """One bound to set: `to` a value, the same but never raised to it, or what is ready now."""

    to: int | None = None
    lower_to: int | None = None
    now: bool = False

    @property
    def value(self) -> int | None:
        """The number that is written, in either form; None: there is none."""
        return self.lower_to if self.to is None else self.to


def _bound(given: object, *, at_least: int) -> Bound:
    if isinstance(given, dict):
        if set(given) != {"lower_to"}:
            refuse("what is not a number is relative", "for example {lower_to: 2}")
        return Bound(lower_to=whole_number(given["lower_to"], at_least=at_least))
    return Bound(to=whole_number(given, at_least=at_least))


def _least(given: object) -> Bound:
    return _bound(given, at_least=0)


def _most(given: object) -> Bound:
    if isinstance(given, str):
        if given != "now":
            refuse(f"{shown(given)} is no maximum", "a number, now, or for example {lower_to: 2}")
        return Bound(now=True)
    if given in (0, {"lower_to": 0}):
        refuse("with max 0 no request wakes it", "that is the stage `park`")
    return _bound(given, at_least=1)


class SetAutoscalingStage(EffectStage):
    """Bounds and the provider's own idle timer; what is not named stays as it is."""

    stops: ClassVar[bool] = False

    min: Annotated[Bound | None, BeforeValidator(_least)] = None
    max: Annotated[Bound | None, BeforeValidator(_most)] = None
    scale_to_zero_window: Duration | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        least = None if self.min is None else self.min.value
        most = None if self.max is None else self.max.value
        if not self.model_fields_set:
            refuse("nothing is set", "for example {set_autoscaling: {min: {lower_to: 1}}}")
        if least is not None and most is not None and least > most:
            refuse("min is above max", "the other way round", at="min")
        if least and self.scale_to_zero_window is not None:
            refuse(
                "scale_to_zero_window counts only where min is 0",
                "take one of them out",
                at="scale_to_zero_window",
            )
        return self


class Stage(Strict):
    """One step of a policy: exactly one verb."""

    later: ClassVar[frozenset[str]] = frozenset({"tag"})

    warn: WarnStage | None = None
    wait: WaitStage | None = None
    scale_to_zero: ScaleToZeroStage | None = None
    park: ParkStage | None = None
    set_autoscaling: SetAutoscalingStage | None = None
    hold_growth: HoldGrowthStage | None = None
    delete: DeleteStage | None = None
    restore: RestoreStage | None = None

    @property
    def verb(self) -> Verb:
        """The verb that is given."""
        return Verb(next(iter(self.model_fields_set)))

    @property
    def effect(self) -> EffectStage | None:
        """What it changes; None where it tells or waits."""
        detail = getattr(self, self.verb)
        return detail if isinstance(detail, EffectStage) else None

    @property
    def sets_min_to_zero(self) -> bool:
        """The minimum is 0 after it, whatever it was."""
        bounds = self.set_autoscaling
        if bounds is not None:
            return bounds.min is not None and bounds.min.value == 0
        return self.verb in {Verb.SCALE_TO_ZERO, Verb.PARK}

    @property
    def lasts(self) -> timedelta:
        """How long it waits, of the time that counts."""
        if self.warn is not None:
            return self.warn.before or timedelta(0)
        return timedelta(0) if self.wait is None else self.wait.for_

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, given: object) -> object:
        words = [*cls.model_fields, *cls.later]
        if isinstance(given, str):
            given = {chosen(given, words, "stage"): None}
        if not isinstance(given, dict):
            refuse("a stage is expected", "for example warn, {wait: 15m} or scale_to_zero")
        if "restore" in given and set(given) <= {"restore", "lead"}:
            chosen(given["restore"], ("at_end",), "time to put back")
            lead = {"lead": given["lead"]} if "lead" in given else {}
            return {"restore": lead}
        if len(given) != 1:
            refuse("one verb a stage", "begin each with `- `")
        ((verb, detail),) = given.items()
        if verb == "wait" and not isinstance(detail, dict):
            detail = {"for": detail}
        return {verb: {} if detail is None else detail}


def told_in_time(stages: Sequence[Stage]) -> tuple[int, ...]:
    """Name the warnings after which a delete may follow *stages*: enough is waited after them."""
    return tuple(
        index
        for index, stage in enumerate(stages)
        if stage.warn is not None
        and sum((later.lasts for later in stages[index:]), timedelta(0)) >= DELETE_GRACE
    )


def _in_sequence(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    verbs = [stage.verb for stage in stages]
    first = next((at for at, stage in enumerate(stages) if stage.effect is not None), None)
    if first is None:
        if Verb.WARN not in verbs:
            refuse("nothing ever happens", "add warn, or scale_to_zero")
        return stages
    _check_before(stages[first], stages[:first])
    after = verbs[first + 1 :]
    if after and after != [Verb.RESTORE]:
        refuse(f"nothing follows {verbs[first]} in this version", "make it the last stage")
    waits = [stage for stage in stages if stage.lasts]
    if len(waits) > 1 and any(stage.wait and stage.wait.within for stage in waits):
        refuse("a wait `within` hours stands alone", "make it the only wait")
    return stages


def _check_before(stage: Stage, before: Sequence[Stage]) -> None:
    if stage.delete is not None:
        if all(each.warn is None for each in before):
            refuse("delete without a warning before it", "for example [warn, {wait: 8h}, delete]")
        if not told_in_time(before):
            grace = format_duration(DELETE_GRACE)
            refuse(
                f"less than {grace} between the warning and delete",
                "for example [warn, {wait: 8h}, delete]",
            )
    elif stage.effect is not None and stage.effect.stops and not any(each.lasts for each in before):
        refuse(
            f"{stage.verb} without a wait before it",
            f"for example [warn, {{wait: 15m}}, {stage.verb}]",
        )


Stages = Annotated[tuple[Stage, ...], BeforeValidator(as_list), AfterValidator(_in_sequence)]
"""At least one stage, in an order that is safe."""
