"""What a policy file may say, as strict types; what is not here is an error."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from firewarden.model.vocabulary import Mode, PutBack
from firewarden.policy.attribution import AttributionEntry
from firewarden.policy.budgets import BudgetEntry
from firewarden.policy.commitments import Commitments
from firewarden.policy.durations import Duration
from firewarden.policy.fields import (
    Allowed,
    Count,
    ModeWord,
    Name,
    Names,
    ProviderDeleteWord,
    PutBackWord,
    Share,
    Text,
    UsdOrAny,
    UsualPutBackWord,
    Zone,
    as_list,
    as_text,
    refuse,
)
from firewarden.policy.match import Match, Target
from firewarden.policy.people import AlertsEntry, ApprovalEntry, SnoozeEntry
from firewarden.policy.routes import Route
from firewarden.policy.schedules import ScheduleEntry
from firewarden.policy.stages import RestoreStage, Stage, Stages
from firewarden.policy.strict import Strict, WhenRead


class When(Strict):
    """What must hold: keys are ANDed; true, false or unknown."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "no_traffic_since_creation_for",
            "requests_below",
            "load_below",
            "cost_above",
            "gpu_hours_above",
            "idle_share_above",
            "missing",
            "trainer_gone_for",
            "superseded_for",
            "ttl_expired",
        }
    )

    idle_for: Duration | None = None
    quiet_for: Duration | None = None
    at_zero_for: Duration | None = None
    older_than: Duration | None = None
    replicas_at_least: Count | None = None
    gpus_at_least: Count | None = None
    failed_for: Duration | None = None
    starting_for: Duration | None = None
    provider_deletes_within: Duration | None = None
    saves_at_least: UsdOrAny | None = None
    not_: "When | None" = Field(default=None, alias="not")
    any_: Annotated[tuple["When", ...] | None, BeforeValidator(as_list)] = Field(
        default=None, alias="any"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            refuse("no condition is given", "write at least one, for example idle_for: 45m")
        return self


class LimitsEntry(Strict):
    """How much may be done at once; what is left out comes from the defaults."""

    per_cycle: Count | None = None
    per_hour: Count | None = None
    per_day: Count | None = None
    share_per_hour: Share | None = None
    on_exceed: Literal["trickle", "hold"] | None = None


class RequireDataEntry(Strict):
    """What evidence must be like before idle time is believed."""

    fresh_within: Duration | None = None
    coverage: Share | None = None


def _until(given: object) -> object:
    text = as_text(given)
    try:
        datetime.fromisoformat(text)
    except ValueError:
        refuse("neither a date nor an instant", 'for example "2026-12-15"')
    return text


class ProtectionEntry(Target):
    """What is never touched: keys of `match`, and who says so for how long."""

    later: ClassVar[frozenset[str]] = frozenset({"floor", "allow"})
    apart: ClassVar[frozenset[str]] = frozenset({"reason", "owner", "until", "forever"})
    nothing: ClassVar[str] = "nothing says what is protected: at least one key of match is needed"

    reason: Text = ""
    owner: Text = ""
    until: Annotated[str | None, BeforeValidator(_until)] = None
    forever: bool = False

    @model_validator(mode="after")
    def _for_how_long(self) -> Self:
        if self.forever == (self.until is not None):
            refuse("say how long", 'either until: "2026-12-15" or forever: true')
        return self


class PolicyEntry(Strict):
    """One named policy."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "after",
            "regrets",
            "claim_for",
        }
    )

    description: Text = ""
    mode: ModeWord | None = None
    match: Match
    when: When = When.model_construct()
    during: Names | None = None
    except_during: Names | None = None
    even_if_active: bool = False
    awake_for: Duration | None = None
    stages: Stages
    restore: PutBackWord | None = None
    provider_delete: ProviderDeleteWord | None = None
    approval: ApprovalEntry | None = None
    allow: Allowed = ()
    limits: LimitsEntry = LimitsEntry()
    require_data: RequireDataEntry = RequireDataEntry()
    notify: Names | None = None

    @property
    def effect(self) -> Stage | None:
        """The stage that changes something; None where it only tells."""
        return next((stage for stage in self.stages if stage.effect is not None), None)

    @property
    def effect_at(self) -> int:
        """The place of that stage, or of the last one."""
        found = (index for index, each in enumerate(self.stages) if each.effect is not None)
        return next(found, len(self.stages) - 1)

    @property
    def puts_back_at_end(self) -> RestoreStage | None:
        """The stage that says so; None where none does."""
        return self.stages[-1].restore

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if self.during is None:
            if "when" not in self.model_fields_set:
                refuse(
                    "nothing says when: `when` or `during` is missing",
                    "for example when: {idle_for: 45m}",
                )
            if own := self.model_fields_set & {"even_if_active", "awake_for"}:
                refuse(f"`{min(own)}` belongs to `during`", "take it out", at=min(own))
            if any(stage.warn and stage.warn.before for stage in self.stages):
                refuse(
                    "`before` counts from the hours of `during`",
                    "write `wait` instead",
                    at="stages",
                )
            if self.puts_back_at_end or self.restore is PutBack.AT_END:
                refuse(
                    "`at_end` is the end of the hours of `during`",
                    "write `during` too",
                    at="restore" if self.restore is PutBack.AT_END else "stages",
                )
        return self


class Defaults(Strict):
    """What holds for the policies of the same file where they say nothing."""

    later: ClassVar[frozenset[str]] = frozenset({"regrets"})

    except_during: Names = ()
    mode: ModeWord = Mode.OBSERVE
    restore: UsualPutBackWord | None = None
    limits: LimitsEntry = LimitsEntry()
    require_data: RequireDataEntry = RequireDataEntry()
    notify: Names = ()


def _version(given: object) -> int:
    if isinstance(given, bool) or given != 1:
        refuse("only version 1 of the policy language is known", "write `version: 1`")
    return 1


class PolicyFile(Strict):
    """One file."""

    version: Annotated[int, BeforeValidator(_version)]
    timezone: Zone = "UTC"
    defaults: Defaults = Defaults()
    notify: dict[Name, Route] = Field(default_factory=dict)
    alerts: AlertsEntry = AlertsEntry()
    snooze: SnoozeEntry = SnoozeEntry()
    schedules: dict[Name, Annotated[ScheduleEntry, WhenRead()]] = Field(default_factory=dict)
    protect: Annotated[tuple[ProtectionEntry, ...], BeforeValidator(as_list)] = ()
    attribution: Annotated[
        tuple[Annotated[AttributionEntry, WhenRead()], ...], BeforeValidator(as_list)
    ] = ()
    commitments: Commitments = None
    budgets: dict[Name, Annotated[BudgetEntry, WhenRead()]] = Field(default_factory=dict)
    policies: dict[Name, PolicyEntry] = Field(default_factory=dict)
