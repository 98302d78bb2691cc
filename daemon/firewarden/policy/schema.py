"""What a policy file may say, as strict types; what is not here is an error."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from firewarden.model.deployment import State
from firewarden.model.verdict import Blocker, Mode, Verb
from firewarden.policy.durations import Duration
from firewarden.policy.fields import (
    Channel,
    Count,
    Counts,
    ModeWord,
    Name,
    NamePatterns,
    Names,
    Patterns,
    Secret,
    Share,
    Text,
    UsdOrAny,
    Zone,
    as_list,
    as_text,
    chosen,
    one_or_more,
    refuse,
)

ATTRIBUTES = frozenset({"team", "owner", "project", "env", "service", "cost_center"})
PLACEMENTS = ("global", "multi_region", "region")
LIFTABLE = (
    Blocker.HOT_LOAD,
    Blocker.DIRECT_ROUTE,
    Blocker.OWN_CLUSTER,
    Blocker.PREEMPTIBLE,
    Blocker.PUBLISHED_MODEL,
    Blocker.ROUTER_MEMBER,
    Blocker.ADDONS,
    Blocker.PROVIDER_SCHEDULE,
    Blocker.NOT_READY,
    Blocker.COLD_START,
    Blocker.DEFAULT_MODEL,
)
"""Built-in protections that a policy's ``allow`` may lift in this version."""


class Strict(BaseModel):
    """One map of a policy file; `later` names keys of the language that come in later versions."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True
    )
    later: ClassVar[frozenset[str]] = frozenset()


def _states(given: object) -> tuple[str, ...]:
    return tuple(chosen(item, list(State), "state") for item in one_or_more(given))


def _placements(given: object) -> tuple[str, ...]:
    for item in (texts := tuple(as_text(item) for item in one_or_more(given))):
        kind, _, rest = item.partition(":")
        chosen(kind, PLACEMENTS, "placement")
        if not rest and ":" in item:
            refuse("nothing after the colon", "for example multi_region:US")
    return texts


def _tags(given: object) -> object:
    if not isinstance(given, dict) or not given:
        refuse("a map of tags is expected", "for example {team: research}")
    return given


class Match(Strict):
    """What a policy applies to: keys are ANDed, the items of a list ORed."""

    later: ClassVar[frozenset[str]] = ATTRIBUTES
    nothing: ClassVar[str] = "an empty match: nothing says what it applies to"

    name: NamePatterns | None = None
    display_name: NamePatterns | None = None
    tags: Annotated[dict[str, Patterns] | None, BeforeValidator(_tags)] = None
    model: NamePatterns | None = None
    accelerator: Patterns | None = None
    state: Annotated[tuple[str, ...] | None, BeforeValidator(_states)] = None
    placement: Annotated[tuple[str, ...] | None, BeforeValidator(_placements)] = None
    region: Patterns | None = None
    min_replicas: Counts | None = None
    max_replicas: Counts | None = None
    shape: Patterns | None = None
    account: Patterns | None = None
    all_: bool = Field(default=False, alias="all")
    not_: "Match | None" = Field(default=None, alias="not")
    any_: Annotated[tuple["Match", ...] | None, BeforeValidator(as_list)] = Field(
        default=None, alias="any"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = self.selectors()
        if not given:
            refuse(self.nothing, "everything is `all: true`, written out")
        if "all" in given and (not self.all_ or given - {"all", "not"}):
            refuse("`all` is only ever `true`, and stands alone or beside `not`")
        return self

    def selectors(self) -> set[str]:
        """Name the keys that are given."""
        fields = set(Match.model_fields)
        return {name.rstrip("_") for name in self.model_fields_set & fields}


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


class LimitsEntry(Strict):
    """How much may be done at once; what is left out comes from the defaults."""

    later: ClassVar[frozenset[str]] = frozenset({"per_day"})

    per_cycle: Count | None = None
    per_hour: Count | None = None
    share_per_hour: Share | None = None
    on_exceed: Literal["trickle", "hold"] | None = None


class RequireDataEntry(Strict):
    """What evidence must be like before idle time is believed."""

    fresh_within: Duration | None = None
    coverage: Share | None = None


def _slack(given: object) -> object:
    return given if isinstance(given, dict) else {"channel": given}


class SlackTarget(Strict):
    """One channel, or one for each value of an attribute."""

    channel: Channel | None = None
    by: Text | None = None
    map: dict[str, Channel] | None = None
    else_: Channel | None = Field(default=None, alias="else")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.channel is not None and len(self.model_fields_set) > 1:
            refuse("either a channel, or by, map and else")
        if self.channel is None and None in {self.by, self.else_}:
            refuse("`by`, `map` and `else` are needed together")
        return self


class Route(Strict):
    """One way to reach people; parsed and checked here, delivered by what is installed."""

    slack: Annotated[SlackTarget | None, BeforeValidator(_slack)] = None
    dm: Literal["owner"] | None = None
    else_: Text | None = Field(default=None, alias="else")
    slack_webhook: Secret | None = None
    webhook: Secret | None = None
    secret: Secret | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = self.model_fields_set & {"slack", "dm", "slack_webhook", "webhook"}
        if len(ways) != 1:
            refuse("exactly one of slack, dm, slack_webhook and webhook is needed")
        if self.secret is not None and "webhook" not in ways:
            refuse("`secret` belongs to webhook")
        if (self.else_ is not None) != ("dm" in ways):
            refuse("`dm` needs `else`, and nothing else has it", "for example {dm: owner, else: x}")
        return self


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


def _until(given: object) -> object:
    text = as_text(given)
    try:
        datetime.fromisoformat(text)
    except ValueError:
        refuse("neither a date nor an instant", 'for example "2026-12-15"')
    return text


class ProtectionEntry(Match):
    """What is never touched: keys of `match`, and who says so for how long."""

    later: ClassVar[frozenset[str]] = (ATTRIBUTES - {"owner"}) | {"floor", "allow"}
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


def _allowed(given: object) -> tuple[Blocker, ...]:
    found = []
    for item in as_list(given):
        text = as_text(item)
        if text == Blocker.TRAINING:
            refuse("`training` is legal only with trainer_gone_for, which comes later")
        if text in {"not_at_zero", "unknown_env"}:
            refuse(f"`{text}` belongs to delete and park, which come later")
        found.append(Blocker(chosen(text, LIFTABLE, "built-in protection")))
    return tuple(found)


class PolicyEntry(Strict):
    """One named policy."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "during",
            "except_during",
            "after",
            "restore",
            "approval",
            "provider_delete",
            "even_if_active",
            "awake_for",
            "regrets",
            "claim_for",
        }
    )

    description: Text = ""
    mode: ModeWord | None = None
    match: Match
    when: When
    stages: Annotated[tuple[Stage, ...], BeforeValidator(as_list), AfterValidator(_in_sequence)]
    allow: Annotated[tuple[Blocker, ...], BeforeValidator(_allowed)] = ()
    limits: LimitsEntry = LimitsEntry()
    require_data: RequireDataEntry = RequireDataEntry()
    notify: Names | None = None


class Defaults(Strict):
    """What holds for the policies of the same file where they say nothing."""

    later: ClassVar[frozenset[str]] = frozenset({"except_during", "regrets", "restore"})

    mode: ModeWord = Mode.OBSERVE
    limits: LimitsEntry = LimitsEntry()
    require_data: RequireDataEntry = RequireDataEntry()
    notify: Names = ()


def _version(given: object) -> int:
    if isinstance(given, bool) or given != 1:
        refuse("only version 1 of the policy language is known", "write `version: 1`")
    return 1


class PolicyFile(Strict):
    """One file."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"alerts", "snooze", "schedules", "budgets", "commitments", "attribution"}
    )

    version: Annotated[int, BeforeValidator(_version)]
    timezone: Zone = "UTC"
    defaults: Defaults = Defaults()
    notify: dict[Name, Route] = Field(default_factory=dict)
    protect: Annotated[tuple[ProtectionEntry, ...], BeforeValidator(as_list)] = ()
    policies: dict[Name, PolicyEntry] = Field(default_factory=dict)
