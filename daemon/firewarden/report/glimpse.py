"""What the story of a demo is made of: looks at the ledger, and scenes of one line each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum

from firewarden.model.action import Intent
from firewarden.model.ids import Uid
from firewarden.model.people import Override
from firewarden.model.verdict import Incident
from firewarden.report.status import FleetStatus


class Tone(Enum):
    """What a scene is about: told by its mark, and once more by its colour."""

    PLAIN = " "
    WARNED = "▲"
    CHANGED = "■"
    SPARED = "✓"


class Plot(Enum):
    """The kinds of scenes: what many of one kind are called together, and their tone."""

    WATCHED = "watched", Tone.PLAIN
    CAME = "new", Tone.PLAIN
    WENT = "gone", Tone.PLAIN
    STARTING = "starting", Tone.PLAIN
    SERVING = "serving", Tone.PLAIN
    AT_ZERO = "at zero by themselves", Tone.PLAIN
    GOING_IDLE = "going idle", Tone.PLAIN
    IN_USE_AGAIN = "in use again", Tone.PLAIN
    LEFT_ALONE = "idle, and left alone", Tone.SPARED
    WARNED = "warned of", Tone.WARNED
    HELD = "due, and held back", Tone.PLAIN
    STOPPED = "stopped", Tone.CHANGED
    NOT_STOPPED = "not stopped", Tone.PLAIN
    CANCELLED = "called off", Tone.SPARED
    KEPT = "kept by people", Tone.SPARED
    PUT_BACK = "given their old bounds", Tone.SPARED
    OVERRULED = "changed by people, and left so", Tone.SPARED
    BLIND = "not seen", Tone.PLAIN
    SEEING = "seen again", Tone.PLAIN

    @property
    def together(self) -> str:
        """What many of this kind are called."""
        return self.value[0]

    @property
    def tone(self) -> Tone:
        """How it is marked."""
        return self.value[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One line of the story; *subject* is the deployment it is about, or ""."""

    plot: Plot
    subject: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """What the ledger held at one look.

    Attributes:
        incidents, intents, overrides: all there have been since the story began.
        idle_usd: what each deployment has cost while idle since then; unpriced ones are absent.
    """

    status: FleetStatus
    incidents: tuple[Incident, ...] = ()
    intents: tuple[Intent, ...] = ()
    overrides: tuple[Override, ...] = ()
    idle_usd: Mapping[Uid, Decimal] = field(default_factory=dict)
