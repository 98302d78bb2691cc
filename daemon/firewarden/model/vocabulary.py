"""The words that policy files, judgements and the ledger share; each list of them is closed."""

from enum import IntEnum, StrEnum
from typing import Final

UNITS: Final = ("hour", "day", "week", "month", "quarter", "year")
"""Units of local time, the shortest first."""


ATTRIBUTES: Final = ("team", "owner", "project", "env", "service", "cost_center")
"""Every attribute, in the order in which people see them."""


class Mode(IntEnum):
    """How far a policy may go; a ceiling lowers by ``min``, nothing raises."""

    DISABLED = 0
    OBSERVE = 1
    WARN = 2
    APPROVE = 3
    ENFORCE = 4

    @property
    def label(self) -> str:
        """The word used in policy files, settings and output."""
        return self.name.lower()


class Verb(StrEnum):
    """What a stage of a policy does, or a person asks for (``undelete`` only a person)."""

    WARN = "warn"
    WAIT = "wait"
    SCALE_TO_ZERO = "scale_to_zero"
    PARK = "park"
    SET_AUTOSCALING = "set_autoscaling"
    HOLD_GROWTH = "hold_growth"
    DELETE = "delete"
    RESTORE = "restore"
    UNDELETE = "undelete"


class Blocker(StrEnum):
    """Why something due is not done; the order of members is the order they are reported in."""

    PAUSED = "paused"
    PROTECTED = "protected"
    HOT_LOAD = "hot_load"
    TRAINING = "training"
    DIRECT_ROUTE = "direct_route"
    OWN_CLUSTER = "own_cluster"
    PREEMPTIBLE = "preemptible"
    PUBLISHED_MODEL = "published_model"
    ROUTER_MEMBER = "router_member"
    ADDONS = "addons"
    PROVIDER_SCHEDULE = "provider_schedule"
    NOT_READY = "not_ready"
    COLD_START = "cold_start"
    NOT_AT_ZERO = "not_at_zero"
    DEFAULT_MODEL = "default_model"
    UNKNOWN_ENV = "unknown_env"
    WAKE_NO = "wake_no"
    SURROUNDINGS_UNKNOWN = "surroundings_unknown"
    CONTESTED = "contested"
    NEEDS_OWNER = "needs_owner"
    SNOOZED = "snoozed"
    FREEZE = "freeze"
    DATA_MISSING = "data_missing"
    LISTING_INCOMPLETE = "listing_incomplete"
    TOO_FEW_CYCLES = "too_few_cycles"
    REQUESTS_IN_FLIGHT = "requests_in_flight"
    COOLDOWN = "cooldown"
    FLAPPING = "flapping"
    MODE = "mode"
    BREAKER = "breaker"
    LIMITS = "limits"
    EVIDENCE_BRAKE = "evidence_brake"
    SAVES_NOTHING = "saves_nothing"
    UNDELIVERED = "undelivered"
    APPROVAL = "approval"


class PutBack(StrEnum):
    """When a change of bounds is undone by itself."""

    ON_WAKE = "on_wake"
    AT_END = "at_end"
    AT_WINDOW_START = "at_window_start"
    NEVER = "never"


class First(StrEnum):
    """Which deployments of its scope a budget stops first."""

    LONGEST_IDLE = "longest_idle"
    MOST_EXPENSIVE = "most_expensive"
    NEWEST = "newest"


class ProviderDelete(StrEnum):
    """What to do before the provider deletes what our change put on its clock (7 days at min 0)."""

    RESTORE = "restore"
    ASK = "ask"
    LET_GO = "let_go"


class State(StrEnum):
    """The provider's states; an unknown one stays the text it came as."""

    CREATING = "CREATING"
    READY = "READY"
    UPDATING = "UPDATING"
    DELETING = "DELETING"
    DELETED = "DELETED"
    FAILED = "FAILED"


class Severity(StrEnum):
    """How much a notice asks of people."""

    INFO = "info"
    WARN = "warn"
    PAGE = "page"


class CommitmentKind(StrEnum):
    """What was committed to.

    CAPACITY: GPUs, billed used or not. SPEND: at least so much is paid over the whole
    stretch. CREDIT: what is left of it pays before money does, until it ends.
    """

    CAPACITY = "capacity"
    SPEND = "spend"
    CREDIT = "credit"
