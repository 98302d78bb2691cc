"""The stages of a policy: what it does, in which order."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from firewarden.model.verdict import Verb
from firewarden.policy.durations import Duration
from firewarden.policy.fields import Names, as_list, chosen, refuse
from firewarden.policy.strict import Strict


class WarnStage(Strict):
    """Tell people; the grace that follows counts from the delivery."""

    later: ClassVar[frozenset[str]] = frozenset({"before"})

    to: Names | None = None


class WaitStage(Strict):
    """Let time pass, in which the conditions must go on holding."""

    later: ClassVar[frozenset[str]] = frozenset({"within"})

    for_: Duration = Field(alias="for")


class ScaleToZeroStage(Strict):
    """Minimum to 0, then scale to 0; a request wakes it."""

    later: ClassVar[frozenset[str]] = frozenset({"when", "mode", "warn"})


class Stage(Strict):
    """One step of a policy: exactly one verb."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"park", "set_autoscaling", "hold_growth", "delete", "restore", "tag"}
    )

    warn: WarnStage | None = None
    wait: WaitStage | None = None
    scale_to_zero: ScaleToZeroStage | None = None

    @property
    def verb(self) -> Verb:
        """The verb that is given."""
        return Verb(next(iter(self.model_fields_set)))

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, given: object) -> object:
        words = [*cls.model_fields, *cls.later]
        if isinstance(given, str):
            given = {chosen(given, words, "stage"): None}
        if not isinstance(given, dict):
            refuse("a stage is expected", "for example warn, {wait: 15m} or scale_to_zero")
        if len(given) != 1:
            refuse("one verb a stage", "begin each with `- `")
        ((verb, detail),) = given.items()
        if verb == "wait" and not isinstance(detail, dict):
            detail = {"for": detail}
        return {verb: {} if detail is None else detail}


def _in_sequence(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    verbs = [stage.verb for stage in stages]
    if Verb.SCALE_TO_ZERO in verbs:
        first = verbs.index(Verb.SCALE_TO_ZERO)
        if Verb.WAIT not in verbs[:first]:
            refuse(
                "scale_to_zero without a wait before it",
                "for example [warn, {wait: 15m}, scale_to_zero]",
            )
        if verbs[first + 1 :]:
            refuse("nothing follows scale_to_zero in this version", "make it the last stage")
    elif Verb.WARN not in verbs:
        refuse("nothing ever happens", "add warn, or scale_to_zero")
    return stages


Stages = Annotated[tuple[Stage, ...], BeforeValidator(as_list), AfterValidator(_in_sequence)]
"""At least one stage, in an order that is safe."""
