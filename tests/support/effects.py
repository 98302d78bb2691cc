"""What nobody may ever ask of a control plane, found in the simulator's own log.

It knows nothing of the code that is meant to prevent it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

_ONE = r"/v1/accounts/[^/?#]+/deployments/[^/?#:]+"
_MASKABLE = {
    "min_replica_count": "minReplicaCount",
    "max_replica_count": "maxReplicaCount",
    "autoscaling_policy": "autoscalingPolicy",
}
_NEVER = re.compile(r"\b(hard|ignore_?checks)\b", re.IGNORECASE)


def find_forbidden(requests: Sequence[Mapping[str, Any]]) -> list[str]:
    """List every sin in *requests*, which are rows of ``/_log``, with its request."""
    return [
        f"{each['at']} {each['method']} {each['path']}?{each['query']}: {sin}"
        for each in requests
        for sin in _sins(each)
    ]


def demand_no_forbidden(requests: Sequence[Mapping[str, Any]]) -> None:
    """Demand no hard delete, skipped check, unmasked PATCH, inference, or unknown change."""
    found = find_forbidden(requests)
    assert not found, "\n".join(found)


def _sins(request: Mapping[str, Any]) -> Iterator[str]:
    query, body = request["query"], request.get("body", "")
    if not re.match(r"/v1/accounts(/|$)", request["path"]):
        yield "not the control plane"
    if found := _NEVER.search(query) or _NEVER.search(" ".join(_names(body))):
        yield f"{found[0]} is never sent"
    if request["method"] != "GET" and not _is_ours(request["method"], request["path"], query, body):
        yield "a change that is none of ours"


def _is_ours(method: str, path: str, query: str, body: str) -> bool:
    if method == "PATCH" and re.fullmatch(_ONE, path):
        return _is_masked(query, body)
    match method, path.removeprefix(found[0] if (found := re.match(_ONE, path)) else ""):
        case "PATCH", ":scale":
            return not query and list(_names(body)) == ["replicaCount"]
        case "DELETE", "":
            return not query and not body
        case "POST", ":undelete":
            return not query and body in {"", "{}"}
        case _:
            return False


def _is_masked(query: str, body: str) -> bool:
    parameters = parse_qsl(query, keep_blank_values=True)
    if [name for name, _ in parameters] != ["updateMask"]:
        return False
    mask = parameters[0][1].split(",")
    if not set(mask) <= _MASKABLE.keys() or not body:
        return False
    return set(json.loads(body)) == {"baseModel", *(_MASKABLE[name] for name in mask)}


def _names(body: str) -> Iterator[str]:
    """Give every name in a JSON text."""
    left = [json.loads(body)] if body else []
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield from part
            left += part.values()
        elif isinstance(part, list):
            left += part
