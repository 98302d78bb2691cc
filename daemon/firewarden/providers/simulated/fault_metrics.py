"""Faults of the metrics text: empty, partial, NaN, frozen, all zero, series absent."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from firewarden.providers.simulated import metrics
from firewarden.providers.simulated.fault_types import Fault, Kind, Scene
from firewarden.providers.simulated.gateway import Call, Reply
from firewarden.providers.simulated.seeds import digest
from firewarden.providers.simulated.world import World

_DEPLOYMENT = re.compile(r'deployment_id="([^"]*)"')
_ABSENT = ("tokens_prompt_total", "requests_coordinator_concurrent_count")
_OK = 200

Line = Callable[[Scene, str, str], str]


def _by_line(change: Line) -> Callable[[Scene], Reply]:
    """Make an effect of a change to each line about a deployment that the fault is about."""

    def effect(scene: Scene) -> Reply:
        reply = scene.run()
        if reply.status != _OK:
            return reply
        lines = []
        for line in reply.body.decode().splitlines():
            match = _DEPLOYMENT.search(line)
            name = match[1] if match else ""
            meant = scene.fault.deployment in {"", name}
            lines.append(change(scene, name, line) if meant else line)
        body = "".join(f"{line}\n" for line in lines if line)
        return Reply(body=body.encode(), media_type=reply.media_type)

    return effect


def _empty(scene: Scene) -> Reply:
    """A good answer without a line."""
    reply = scene.run()
    return Reply(body=b"", media_type=reply.media_type) if reply.status == _OK else reply


def _partial(scene: Scene, name: str, line: str) -> str:
    """Every second deployment is left out; the one that is named, if one is."""
    if scene.fault.deployment or digest(0, "partial", name) % 2:
        return ""
    return line


def _all(value: str) -> Line:
    """Every value is *value*."""

    def change(_scene: Scene, _name: str, line: str) -> str:
        return f"{line.rpartition(' ')[0]} {value}"

    return change


def _absent(scene: Scene, _name: str, line: str) -> str:
    """The series of ``families`` are left out."""
    families = tuple(scene.fault.options.get("families", _ABSENT))
    return "" if line.startswith(families) else line


def _remember(world: World, _fault: Fault, memory: dict[str, Any]) -> bool:
    """Keep the text as it is when the window begins."""
    for account in world.accounts.values():
        memory[account.account_id] = metrics.text(account, account.now).encode()
    return False


def _frozen(scene: Scene) -> Reply:
    """The text of the window's beginning, again and again."""
    reply = scene.run()
    if reply.status != _OK:
        return reply

    def old(call: Call) -> Reply:
        return Reply(body=scene.memory[call.account.account_id], media_type=reply.media_type)

    return scene.run(old)


KINDS: Mapping[str, Kind] = {
    "metrics-empty": Kind(on="metrics", effect=_empty),
    "metrics-partial": Kind(on="metrics", effect=_by_line(_partial)),
    "metrics-nan": Kind(on="metrics", effect=_by_line(_all("NaN"))),
    "metrics-zero": Kind(on="metrics", effect=_by_line(_all("0"))),
    "metrics-frozen": Kind(on="metrics", effect=_frozen, begin=_remember),
    "metrics-absent": Kind(on="metrics", effect=_by_line(_absent), options=frozenset({"families"})),
}
