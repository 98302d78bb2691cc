"""What a change did to a deployment, field by field, from two readings of it."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from hashlib import blake2b
from typing import Any, Final

from firewarden.model.action import Effect
from firewarden.model.deployment import Deployment

PROVIDER_S_OWN: Final = frozenset({
    "name", "createTime", "updateTime", "deleteTime", "purgeTime", "state", "status",
    "desiredReplicaCount", "replicaCount", "replicaStats", "cluster", "region",
    "directRouteHandle",
})  # fmt: skip
"""Fields that change by themselves, or never (Fireworks gateway spec 4.259.0: readOnly).

Every other one is somebody's, those included that nobody has heard of.
"""

WINDOW: Final = "autoscalingPolicy.scaleToZeroWindow"

_UNSPECIFIED: Final = re.compile(r"[A-Z0-9_]*UNSPECIFIED")
_DIGEST_BYTES: Final = 16

Fields = Mapping[str, bytes]
"""The digest of each field that says something, so that no secret is kept."""


def fields_of(content: Mapping[str, Any]) -> Fields:
    """Take the digest of each mutable field; the window to zero stands for itself."""
    own = {name: value for name, value in content.items() if name not in PROVIDER_S_OWN}
    policy = own.get("autoscalingPolicy")
    if isinstance(policy, dict):
        own["autoscalingPolicy"] = {**policy, "scaleToZeroWindow": None}
        own[WINDOW] = policy.get("scaleToZeroWindow")
    said = {name: _plain(value) for name, value in own.items()}
    return {name: _digest(value) for name, value in said.items() if _says_something(value)}


def strayed(before: Fields, after: Fields, deployment: Deployment, effect: Effect) -> set[str]:
    """Name the fields that changed unasked, and those that are not as *effect* wants them.

    *deployment* is the later reading, of which *after* are the fields.
    """
    wanted = {
        "minReplicaCount": (effect.min_replica_count, deployment.min_replica_count),
        "maxReplicaCount": (effect.max_replica_count, deployment.max_replica_count),
        WINDOW: (effect.scale_to_zero_window, deployment.scale_to_zero_window),
    }
    asked = {name for name, (want, _) in wanted.items() if want is not None}
    missed = {name for name in asked if wanted[name][0] != wanted[name][1]}
    moved = {
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    } - asked
    return moved | missed


def duration_text(span: timedelta) -> str:
    """Write a duration as protobuf's JSON does: ``300s``, ``1.5s``."""
    micros = span // timedelta(microseconds=1)
    whole, rest = divmod(micros, 1_000_000)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".") + "s" if rest else f"{whole}s"


def _plain(value: Any) -> Any:
    """Leave out what proto3 may leave out: it is the same whether it is said or not."""
    if isinstance(value, dict):
        parts = {name: _plain(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if _says_something(part)}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _says_something(value: Any) -> bool:
    return bool(value) and not (isinstance(value, str) and _UNSPECIFIED.fullmatch(value))


def _digest(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()
