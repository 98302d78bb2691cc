"""What must not be touched, says the operator, a tag, or the deployment's own nature."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone

from firewarden.decide import facts
from firewarden.decide.matching import Matcher, Whose, compile_match
from firewarden.decide.seen import Seen
from firewarden.model.deployment import Deployment, Surroundings, Trait
from firewarden.model.ids import Uid
from firewarden.model.verdict import Truth
from firewarden.model.vocabulary import Blocker, State, Verb
from firewarden.policy.durations import format_duration, parse_duration
from firewarden.policy.problems import shown
from firewarden.policy.rules import Protection

COLD_START = timedelta(minutes=20)
"""How long a start may take; younger than that nothing is judged by its quiet."""

REQUEST_WITHIN = timedelta(days=7)
"""A default deployment used within it keeps serving its model's bare name."""

Blocked = tuple[Blocker, str]

_RESERVED = "firewarden."
_ENDS_LATEST = timezone(timedelta(hours=-12))
"""Where a day ends last; a date in a tag names no zone."""

_TRAITS = (
    (Blocker.HOT_LOAD, Trait.HOT_LOAD, "its weights are loaded while it serves"),
    (Blocker.TRAINING, Trait.TRAINING, "a trainer uses it"),
    (Blocker.DIRECT_ROUTE, Trait.DIRECT_ROUTE, "its direct route may carry traffic nobody counts"),
    (Blocker.OWN_CLUSTER, Trait.OWN_CLUSTER, "it runs on your own hardware"),
    (Blocker.PREEMPTIBLE, Trait.PREEMPTIBLE, "it is preemptible"),
)


class ProtectionList:
    """The ``protect`` entries of all files, ready to be asked.

    Which of them mean a deployment follows from its description, and is remembered as long
    as that is the same object.
    """

    def __init__(self, protections: Sequence[Protection], whose: Whose) -> None:
        """Prepare *protections*."""
        self._entries: list[tuple[Matcher, Protection]] = [
            (compile_match(entry.match, whose, either_name=True), entry) for entry in protections
        ]
        self._meant: dict[Uid, tuple[Deployment, tuple[tuple[Truth, Protection], ...]]] = {}

    def find(self, deployment: Deployment, *, now: datetime) -> str:
        """Say why *deployment* is protected; "" where it is not. An unknown match protects."""
        for truth, entry in self._meaning(deployment):
            if entry.until is not None and now >= entry.until:
                continue
            may = "" if truth is Truth.TRUE else "it may be meant by "
            reason = entry.reason or "no reason given"
            return f"{may}protect at {entry.path}:{entry.line}: {reason}"
        return ""

    def forget(self, count: int) -> None:
        """Remember nothing of deployments that are gone, once most are: *count* are there."""
        if len(self._meant) > 2 * count + 100:
            self._meant.clear()

    def _meaning(self, deployment: Deployment) -> tuple[tuple[Truth, Protection], ...]:
        entry = self._meant.get(deployment.uid)
        if entry is None or entry[0] is not deployment:
            judged = ((matches(deployment), protection) for matches, protection in self._entries)
            found = tuple(each for each in judged if each[0] is not Truth.FALSE)
            entry = self._meant[deployment.uid] = (deployment, found)
        return entry[1]


def tag_protection(tags: Mapping[str, str], *, now: datetime) -> Blocked | None:
    """Read the reserved tags ``firewarden.*`` in any case; what is malformed protects."""
    wakes: Blocked | None = None
    for key, given in sorted(tags.items()):
        name, text = key.casefold(), given.strip().casefold()
        if not name.startswith(_RESERVED):
            continue
        match name.removeprefix(_RESERVED):
            case "protect":
                if why := _protects(text, now):
                    return Blocker.PROTECTED, why
            case "wake" if text in {"no", "false"}:
                wakes = Blocker.WAKE_NO, f"its tag {key} says {given}"
            case "wake" if text in {"yes", "true"}:
                continue
            case "ttl" if _is_duration(text):
                continue
            case _:
                return Blocker.PROTECTED, f"its tag {key}={given} is not understood, so it protects"
    return wakes


def _protects(text: str, now: datetime) -> str:
    if text == "true":
        return "its tag firewarden.protect says true"
    try:
        day = date.fromisoformat(text)
        end = datetime.combine(day, time.min, _ENDS_LATEST) + timedelta(days=1)
    except (ValueError, OverflowError):
        if _is_duration(text):
            return f"its tag firewarden.protect={text} does not say since when, so it protects"
        return f"its tag firewarden.protect={text} is not understood, so it protects"
    return f"its tag firewarden.protect says until {day}" if now < end else ""


def _is_duration(text: str) -> bool:
    try:
        parse_duration(text)
    except ValueError:
        return False
    return True


def built_in_protection(
    seen: Seen, allow: frozenset[Blocker], verb: Verb = Verb.SCALE_TO_ZERO
) -> Blocked | None:
    """Find the first built-in protection from *verb* that *allow* does not lift, in their order."""
    deployment = seen.deployment
    for blocker, trait, why in _TRAITS:
        if trait in deployment.traits and blocker not in allow:
            return blocker, why
    if deployment.trainer_job and Blocker.TRAINING not in allow:
        return Blocker.TRAINING, f"it belongs to {deployment.trainer_job}"
    around = seen.situation.surroundings_of(deployment)
    for blocker, find in _CHECKS:
        if blocker not in allow and (why := find(seen, around, verb)):
            return blocker, why
    return None


def unknown_surroundings(seen: Seen, allow: frozenset[Blocker]) -> Blocked | None:
    """Say so where what leans on it is not known and not all of that is lifted."""
    if allow >= _OF_SURROUNDINGS or seen.situation.surroundings_of(seen.deployment) is not None:
        return None
    return Blocker.SURROUNDINGS_UNKNOWN, "routers and models that lean on it are not known"


def _published(_: Seen, around: Surroundings | None, _verb: Verb) -> str:
    return "other accounts may call its model" if around and around.is_published else ""


def _routed(_: Seen, around: Surroundings | None, _verb: Verb) -> str:
    return f"router {around.routers[0]} lists it" if around and around.routers else ""


def _loaded(_: Seen, around: Surroundings | None, _verb: Verb) -> str:
    return f"{around.addon_count} add-ons are loaded" if around and around.addon_count else ""


def _scheduled(seen: Seen, _: Surroundings | None, _verb: Verb) -> str:
    scheduled = Trait.PROVIDER_SCHEDULE in seen.deployment.traits
    return "a scaling schedule of the provider is active" if scheduled else ""


def _not_ready(seen: Seen, _: Surroundings | None, _verb: Verb) -> str:
    deployment = seen.deployment
    if deployment.state != State.READY:
        return f"its state is {shown(deployment.state)}"
    return "its replicas are changing" if deployment.is_changing else ""


def _cold(seen: Seen, _: Surroundings | None, _verb: Verb) -> str:
    if seen.deployment.ready_replica_count == 0:
        return ""
    since = facts.ready_since(seen)
    if since is None:
        return "since when it is ready is not known"
    age = seen.now - since
    if age >= COLD_START:
        return ""
    return f"known to be ready for {format_duration(age)}, a start takes up to 20m"


def _still_held(seen: Seen, _: Surroundings | None, verb: Verb) -> str:
    deployment = seen.deployment
    held = (
        deployment.ready_replica_count
        + deployment.starting_replica_count
        + deployment.desired_replica_count
    )
    return "it is not at zero" if verb is Verb.DELETE and held else ""


def _unknown_env(seen: Seen, _: Surroundings | None, verb: Verb) -> str:
    if verb not in _ENDS or seen.attributes.env:
        return ""
    return "its env is not known, so it counts as production"


def _default(seen: Seen, around: Surroundings | None, verb: Verb) -> str:
    if around is None or not around.default_models:
        return ""
    if verb in _ENDS:
        return f"the bare name {around.default_models[0]} is routed to it"
    if around.default_alternatives < 1:
        return ""
    first, used = facts.first_seen(seen), seen.quiet.active_at
    watched_whole = first is not None and seen.now - first >= REQUEST_WITHIN
    if watched_whole and (used is None or seen.now - used >= REQUEST_WITHIN):
        return ""
    return f"the bare name {around.default_models[0]} is routed to it"


_ENDS = frozenset({Verb.PARK, Verb.DELETE})
"""Verbs after which no request brings it back."""

_CHECKS: tuple[tuple[Blocker, Callable[[Seen, Surroundings | None, Verb], str]], ...] = (
    (Blocker.PUBLISHED_MODEL, _published),
    (Blocker.ROUTER_MEMBER, _routed),
    (Blocker.ADDONS, _loaded),
    (Blocker.PROVIDER_SCHEDULE, _scheduled),
    (Blocker.NOT_READY, _not_ready),
    (Blocker.COLD_START, _cold),
    (Blocker.NOT_AT_ZERO, _still_held),
    (Blocker.DEFAULT_MODEL, _default),
    (Blocker.UNKNOWN_ENV, _unknown_env),
)
_OF_SURROUNDINGS = frozenset(
    {Blocker.PUBLISHED_MODEL, Blocker.ROUTER_MEMBER, Blocker.ADDONS, Blocker.DEFAULT_MODEL}
)
