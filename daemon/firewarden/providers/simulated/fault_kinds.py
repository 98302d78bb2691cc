"""Every kind of fault there is, by the name that fault files use."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from firewarden.providers.simulated import fault_listings, fault_metrics
from firewarden.providers.simulated.broken import Break, Broken
from firewarden.providers.simulated.fault_types import Effect, Fault, Kind, Scene, duration
from firewarden.providers.simulated.gateway import CODES, Refusal, Reply, dump
from firewarden.providers.simulated.plan import Json
from firewarden.providers.simulated.world import World

_HTML = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"
_OK = 200
_SERVER_CODES = {
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def _throttle(scene: Scene) -> Reply:
    """429; ``retry_after``: seconds, ``date``, ``absurd``, ``negative``, ``garbage``, absent."""
    reply = Refusal("RESOURCE_EXHAUSTED", "rate limit exceeded").reply()
    wanted = str(scene.fault.options.get("retry_after", ""))
    later = scene.world.now + timedelta(seconds=20)
    spelled = {
        "date": format_datetime(later.replace(microsecond=0), usegmt=True),
        "absurd": "99999999999",
        "negative": "-30",
        "garbage": "soon",
    }.get(wanted, wanted)
    headers = {"Retry-After": spelled} if spelled else {}
    return Reply(body=reply.body, status=reply.status, headers=headers)


def _server_error(scene: Scene) -> Reply:
    """5xx with a body of the gateway; ``status`` is 500, 502, 503 or 504."""
    status = int(scene.fault.options.get("status", 503))
    code = _SERVER_CODES.get(status, "UNAVAILABLE")
    return Refusal(code, "upstream connect error", status=status).reply()


def _refused(code: str, message: str, *, status: int | None = None) -> Effect:
    def effect(scene: Scene) -> Reply:
        account = scene.world.account().account_id
        return Refusal(code, message.format(account=account), status=status).reply()

    return effect


def _error_shape(scene: Scene) -> Reply:
    """503 in a ``shape`` of its own: ``nested``, ``text``, ``inference`` or ``status``."""
    number, status = CODES["UNAVAILABLE"]
    message = "the service is unavailable"
    shapes: Mapping[str, Json] = {
        "nested": {"error": {"code": number, "message": message, "details": []}},
        "text": {"error": message},
        "inference": {
            "error": {"message": message, "code": "DEPLOYMENT_SCALING_UP", "type": "error"}
        },
        "status": {"code": number, "message": message, "status": "UNAVAILABLE"},
    }
    return Reply.of(shapes[str(scene.fault.options.get("shape", "nested"))], status=status)


def _html(scene: Scene) -> Reply:
    """A page for people with status 200 (or ``status``), where JSON was asked for."""
    status = int(scene.fault.options.get("status", 200))
    return Reply(body=_HTML, status=status, media_type="text/html")


def _breaks(how: Break, *, applied: bool) -> Effect:
    def effect(scene: Scene) -> Broken:
        reply = scene.run() if applied else Reply(body=b"")
        wait = duration(str(scene.fault.options.get("wait", "1h" if how is Break.HANG else "5s")))
        return Broken(how=how, reply=reply, wait=wait)

    return effect


def _truncated(scene: Scene) -> Reply:
    """A body that ends in the middle, with a length that matches."""
    reply = scene.run()
    return Reply(
        body=reply.body[: max(1, len(reply.body) * 2 // 3)],
        status=reply.status,
        media_type=reply.media_type,
    )


def _wrong_types(scene: Scene) -> Reply:
    """Numbers become words, texts become numbers, lists become objects."""
    return _rewritten(scene.run(), _twist)


def _unknown_fields(scene: Scene) -> Reply:
    """Fields nobody has heard of, and members of enums that came later."""
    return _rewritten(scene.run(), _enrich)


def _rewritten(reply: Reply, change: Callable[[Any], Any]) -> Reply:
    if reply.media_type != "application/json":
        return reply
    return Reply(body=dump(change(json.loads(reply.body))), status=reply.status)


def _twist(content: Any) -> Any:
    if isinstance(content, bool):
        return "perhaps"
    if isinstance(content, int | float):
        return f"about {content}"
    if isinstance(content, str):
        return len(content)
    return _mapped(content, _twist)


def _enrich(content: Any) -> Any:
    mapped = _mapped(content, _enrich)
    if not isinstance(mapped, dict):
        return mapped
    if "acceleratorType" in mapped:
        mapped["acceleratorType"] = "NVIDIA_Q1_1TB"
    return {**mapped, "novelty": {"spin": ["up", None]}}


def _mapped(content: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(content, dict):
        return {key: change(value) for key, value in content.items()}
    return [change(item) for item in content] if isinstance(content, list) else content


def _reverts(scene: Scene) -> Reply:
    """Somebody puts back what a PATCH changed, ``after`` a while."""
    deployment_id = scene.arrival.deployment_id
    account = scene.world.account(scene.arrival.account_id)
    inc = account.find(deployment_id)
    before = None if inc is None else dict(inc.fields)
    reply = scene.run()
    if before is not None and reply.status == _OK:
        after = duration(str(scene.fault.options.get("after", "5m")))
        scene.world.human_patch(
            deployment_id, scene.world.now + after, account=account.account_id, **before
        )
    return reply


def _recreates(world: World, fault: Fault, _memory: dict[str, Any]) -> bool:
    """At the start of its window the deployment is created again under its name."""
    world.recreate(fault.deployment, world.now)
    return True


_SUSPENDED = (
    "Account {account} is suspended, possibly due to reaching the monthly spending limit "
    "or failure to pay past invoices"
)
_DEPLOYMENT = frozenset({"deployment"})

KINDS: Mapping[str, Kind] = {
    "throttle": Kind(on="any", effect=_throttle, options=frozenset({"retry_after"})),
    "server-error": Kind(on="any", effect=_server_error, options=frozenset({"status"})),
    "unauthorized": Kind(
        on="any", effect=_refused("UNAUTHENTICATED", "The API key you provided is invalid.")
    ),
    "forbidden": Kind(on="any", effect=_refused("PERMISSION_DENIED", "permission denied")),
    "suspended": Kind(on="any", effect=_refused("FAILED_PRECONDITION", _SUSPENDED, status=412)),
    "precondition": Kind(
        on="any", effect=_refused("FAILED_PRECONDITION", "shape unavailable", status=412)
    ),
    "error-shape": Kind(on="any", effect=_error_shape, options=frozenset({"shape"})),
    "html": Kind(on="any", effect=_html, options=frozenset({"status"})),
    "hang": Kind(on="any", effect=_breaks(Break.HANG, applied=False), options=frozenset({"wait"})),
    "slow": Kind(on="any", effect=_breaks(Break.SLOW, applied=True), options=frozenset({"wait"})),
    "reset": Kind(on="any", effect=_breaks(Break.RESET, applied=False)),
    "cut": Kind(on="any", effect=_breaks(Break.CUT, applied=True)),
    "lost-answer": Kind(on="write", effect=_breaks(Break.RESET, applied=True)),
    "truncated": Kind(on="any", effect=_truncated),
    "wrong-types": Kind(on="any", effect=_wrong_types),
    "unknown-fields": Kind(on="any", effect=_unknown_fields),
    "reverted": Kind(on="write", effect=_reverts, options=frozenset({"after"})),
    "recreated": Kind(on="any", begin=_recreates, needs=_DEPLOYMENT),
    **fault_listings.KINDS,
    **fault_metrics.KINDS,
}
