"""The fields of a deployment that its owner may write: names, types and limits of the contract."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from firewarden.providers.simulated.gateway import invalid
from firewarden.providers.simulated.instants import parse_duration, parse_instant
from firewarden.providers.simulated.paging import camel
from firewarden.providers.simulated.plan import Json

LARGEST_INT32 = 2**31 - 1
LARGEST_NAME = 63
LARGEST_TAG = 128
LARGEST_TAGS = 64
LARGEST_SCHEDULES = 5

ACCELERATORS = frozenset({
    "ACCELERATOR_TYPE_UNSPECIFIED", "NVIDIA_A100_80GB", "NVIDIA_H100_80GB", "AMD_MI300X_192GB",
    "NVIDIA_A10G_24GB", "NVIDIA_A100_40GB", "NVIDIA_L4_24GB", "NVIDIA_H200_141GB",
    "NVIDIA_B200_180GB", "AMD_MI325X_256GB", "AMD_MI350X_288GB", "NVIDIA_B300_288GB",
    "NVIDIA_GB200", "NVIDIA_GB300",
})  # fmt: skip
_PRECISIONS = frozenset({
    "PRECISION_UNSPECIFIED", "FP16", "FP8", "FP8_MM", "FP8_AR", "FP8_MM_KV_ATTN", "FP8_KV",
    "FP8_MM_V2", "FP8_V2", "FP8_MM_KV_ATTN_V2", "NF4", "FP4", "BF16", "FP4_BLOCKSCALED_MM",
    "FP4_MX_MOE",
})  # fmt: skip
_MULTI_REGIONS = frozenset({"MULTI_REGION_UNSPECIFIED", "GLOBAL", "US", "EUROPE", "APAC", "CANADA"})
_REGIONS = frozenset({
    "REGION_UNSPECIFIED", "US_IOWA_1", "US_VIRGINIA_1", "US_ILLINOIS_1", "US_TEXAS_1",
    "US_TEXAS_2", "US_ARIZONA_1", "US_WASHINGTON_1", "US_GEORGIA_1", "US_OHIO_1",
    "EU_FRANKFURT_1", "EU_ICELAND_1", "EU_NETHERLANDS_1", "AP_TOKYO_1", "AP_TOKYO_2",
})  # fmt: skip
_ROUTES = frozenset({
    "DIRECT_ROUTE_TYPE_UNSPECIFIED", "INTERNET", "GCP_PRIVATE_SERVICE_CONNECT", "AWS_PRIVATELINK",
})  # fmt: skip
_BUCKETS = frozenset({"BUCKET_TYPE_UNSPECIFIED", "MINIO", "S3", "NEBIUS", "FW_HOSTED"})
_TRANSITIONS = frozenset({"HOT_LOAD_TRANSITION_TYPE_UNSPECIFIED", "UNSPECIFIED", "ASYNC", "SYNC"})
_TAG_KEY = re.compile(r"custom/[A-Za-z0-9]([A-Za-z0-9_./-]*[A-Za-z0-9])?")

Check = Callable[[str, Any], Any]


def _integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_INT32:
        raise invalid(f"{name}: {value!r} is not a non-negative int32")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise invalid(f"{name}: {value!r} is not a string")
    return value


def _short_text(name: str, value: Any) -> str:
    if len(_text(name, value)) > LARGEST_NAME:
        raise invalid(f"{name}: must have fewer than 64 characters")
    return str(value)


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise invalid(f"{name}: {value!r} is not a boolean")
    return value


def _instant(name: str, value: Any) -> str:
    if parse_instant(_text(name, value)) is None:
        raise invalid(f"{name}: {value!r} is not a timestamp")
    return str(value)


def _duration(name: str, value: Any) -> str:
    if parse_duration(_text(name, value)) is None:
        raise invalid(f"{name}: {value!r} is not a duration")
    return str(value)


def _member(members: frozenset[str]) -> Check:
    def check(name: str, value: Any) -> str:
        if _text(name, value) not in members:
            raise invalid(f"{name}: {value!r} is not a known value")
        return str(value)

    return check


def _list_of(check: Check) -> Check:
    def check_all(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise invalid(f"{name}: {value!r} is not a list")
        return [check(name, item) for item in value]

    return check_all


def _map_of(check: Check, *, most: int = LARGEST_INT32) -> Check:
    def check_all(name: str, value: Any) -> Json:
        if not isinstance(value, dict) or len(value) > most:
            raise invalid(f"{name}: {value!r} is not a map of at most {most} entries")
        return {key: check(f"{name}.{key}", item) for key, item in value.items()}

    return check_all


def _message(checks: Mapping[str, Check], *, needs: frozenset[str] = frozenset()) -> Check:
    def check_all(name: str, value: Any) -> Json:
        if not isinstance(value, dict):
            raise invalid(f"{name}: {value!r} is not a message")
        found = {
            key: checks[key](f"{name}.{key}", item)
            for key, item in _known(value, checks, name).items()
        }
        if missing := needs - found.keys():
            raise invalid(f"{name}: {', '.join(sorted(missing))} is required")
        return found

    return check_all


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LARGEST_INT32:
        raise invalid(f"{name}: {value!r} is not a number")
    return value


_SCHEDULE = _message(
    {
        "minReplicaCount": _integer,
        "schedule": _text,
        "duration": _duration,
        "timezone": _text,
        "description": _text,
        "disabled": _boolean,
    },
    needs=frozenset({"minReplicaCount", "schedule", "duration", "timezone"}),
)
_AUTOSCALING = _message(
    {
        "scaleUpWindow": _duration,
        "scaleDownWindow": _duration,
        "scaleToZeroWindow": _duration,
        "loadTargets": _map_of(_number),
        "scalingSchedules": _map_of(_SCHEDULE, most=LARGEST_SCHEDULES),
    }
)
_PLACEMENT = _message(
    {
        "region": _member(_REGIONS),
        "multiRegion": _member(_MULTI_REGIONS),
        "regions": _list_of(_member(_REGIONS)),
    }
)


def _annotations(name: str, value: Any) -> Json:
    return {key: tag_value(key, item) for key, item in _map_of(_text)(name, value).items()}


WRITABLE: Mapping[str, Check] = {
    **dict.fromkeys(
        (
            "minReplicaCount", "maxReplicaCount", "maxWithRevocableReplicaCount",
            "acceleratorCount", "draftTokenCount", "ngramSpeculationLength",
            "numPeftDeviceCached", "maxContextLength", "maxConcurrencyPerReplica",
        ),
        _integer,
    ),
    **dict.fromkeys(
        (
            "description", "baseModel", "draftModel", "deploymentTemplate", "hotLoadBucketUrl",
            "hotLoadTrainerJob", "deploymentShape", "activeModelVersion", "targetModelVersion",
            "pricingPlanId",
        ),
        _text,
    ),
    **dict.fromkeys(
        (
            "enableAddons", "enableSessionAffinity", "disableDeploymentSizeValidation",
            "enableMtp", "enableHotLoad", "enableHotReloadLatestAddon", "preemptible",
            "forTraining",
        ),
        _boolean,
    ),
    "displayName": _short_text,
    "expireTime": _instant,
    "annotations": _annotations,
    "autoscalingPolicy": _AUTOSCALING,
    "acceleratorType": _member(ACCELERATORS),
    "precision": _member(_PRECISIONS),
    "directRouteApiKeys": _list_of(_text),
    "directRouteType": _member(_ROUTES),
    "autoTune": _message({"longPrompt": _boolean}),
    "placement": _PLACEMENT,
    "hotLoadBucketType": _member(_BUCKETS),
    "hotLoadTransitionType": _member(_TRANSITIONS),
}  # fmt: skip
IMMUTABLE = frozenset({"placement", "preemptible"})
_READ_ONLY = frozenset({
    "name", "createTime", "updateTime", "deleteTime", "purgeTime", "state", "status",
    "desiredReplicaCount", "replicaCount", "replicaStats", "cluster", "region",
    "directRouteHandle",
})  # fmt: skip


def read_fields(body: Json) -> Json:
    """Check the body of a create or a PATCH and keep what may be written; null is left out."""
    content = {key: value for key, value in body.items() if camel(key) not in _READ_ONLY}
    found = {
        key: WRITABLE[key](key, value)
        for key, value in _known(content, WRITABLE, "deployment").items()
    }
    if not found.get("baseModel"):
        raise invalid("base_model is required")
    placement = found.get("placement", {})
    if len(placement) > 1:
        raise invalid("placement: exactly one of region, multi_region and regions")
    return found


def check_bounds(fields: Json) -> None:
    """Refuse a floor above the ceiling."""
    if fields.get("minReplicaCount", 0) > fields.get("maxReplicaCount", 0):
        raise invalid("min_replica_count must not be greater than max_replica_count")


def read_mask(text: str) -> list[str]:
    """Read a comma-separated mask of top-level fields, in snake or camel case."""
    names = [camel(part.strip()) for part in text.split(",") if part.strip()]
    for name in names:
        if name not in WRITABLE:
            raise invalid(f"update_mask: {name!r} is not a field that can be updated")
    return names


def tag_key(key: str) -> str:
    """Check the key of a tag."""
    if len(key) > LARGEST_TAG or not _TAG_KEY.fullmatch(key):
        raise invalid(f"tag key {key!r}: custom/ and up to 121 of A-Z a-z 0-9 _ . / -")
    return key


def tag_value(key: str, value: Any) -> str:
    """Check the value of a tag."""
    text = _text(key, value)
    is_plain = text.isprintable() and text == text.strip()
    if not text or len(text) > LARGEST_TAG or not is_plain:
        raise invalid(f"tag {key!r}: 1 to 128 characters, no control ones, no space at the edges")
    return text


def _known(content: Json, checks: Mapping[str, Check], where: str) -> Json:
    """Give the fields that were set, in camelCase; refuse unknown names, as protojson does."""
    found: Json = {}
    for key, value in content.items():
        name = key if key in checks else camel(key)
        if name not in checks:
            raise invalid(f'{where}: unknown field "{key}"')
        if value is not None:
            found[name] = value
    return found
