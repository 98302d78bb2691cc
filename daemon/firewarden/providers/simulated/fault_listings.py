"""Faults of listings: items missing, repeated, moved, stale; pages that end early or never."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from firewarden.model.vocabulary import State
from firewarden.providers.simulated.fault_types import Fault, Kind, Scene
from firewarden.providers.simulated.gateway import Call, Reply, dump
from firewarden.providers.simulated.paging import Listing, answer
from firewarden.providers.simulated.plan import Json
from firewarden.providers.simulated.render import deployment_bytes
from firewarden.providers.simulated.world import World

_LOOP = "bG9vcA=="
_TOTAL = frozenset({"total"})
_OK = 200

Change = Callable[[Scene, Json, list[Json]], list[Json]]


def _changing(change: Change) -> Callable[[Scene], Reply]:
    """Make an effect of a change to the items of a page; *change* may write to the page too."""

    def effect(scene: Scene) -> Reply:
        reply = scene.run()
        if reply.status != _OK or reply.media_type != "application/json":
            return reply
        page: Json = json.loads(reply.body)
        name = next((key for key, value in page.items() if isinstance(value, list)), "deployments")
        page[name] = change(scene, page, list(page.get(name, [])))
        return Reply(body=dump(page))

    return effect


def _missing(scene: Scene, page: Json, items: list[Json]) -> list[Json]:
    """One item is left out: the deployment that is named, or one that is drawn."""
    index = _chosen(scene, items)
    if index is None:
        return items
    if scene.fault.options.get("total") == "adjusted":
        page["totalSize"] = page.get("totalSize", 1) - 1
    return [*items[:index], *items[index + 1 :]]


def _repeated(scene: Scene, page: Json, items: list[Json]) -> list[Json]:
    """One item comes twice."""
    index = _chosen(scene, items)
    if index is None:
        return items
    if scene.fault.options.get("total") == "adjusted":
        page["totalSize"] = page.get("totalSize", 0) + 1
    return [*items, items[index]]


def _moved(scene: Scene, page: Json, items: list[Json]) -> list[Json]:
    """The last item of a page is not on it but on the next; of a single page, at its front."""
    carried: list[Json] = scene.memory.pop("carried", [])
    if not items:
        return carried
    if page.get("nextPageToken"):
        scene.memory["carried"] = items[-1:]
        return [*carried, *items[:-1]]
    return [*carried, *items] if carried else [*items[-1:], *items[:-1]]


def _empty(_scene: Scene, page: Json, _items: list[Json]) -> list[Json]:
    """Nothing is on the page, and no page follows."""
    page.clear()
    return []


def _short(scene: Scene, page: Json, items: list[Json]) -> list[Json]:
    """The page holds half of its items and looks like the last."""
    page.pop("nextPageToken", None)
    kept = items[: len(items) // 2]
    if scene.fault.options.get("total") == "adjusted":
        page["totalSize"] = len(kept)
    return kept


def _wrong_total(_scene: Scene, page: Json, items: list[Json]) -> list[Json]:
    """The total is three more than there are."""
    page["totalSize"] = page.get("totalSize", 0) + 3
    return items


def _token_loop(scene: Scene) -> Reply:
    """Each page names the same next page, for ever."""
    reply = scene.run(drop=("pageToken",))
    if reply.status != _OK:
        return reply
    return Reply(body=dump({**json.loads(reply.body), "nextPageToken": _LOOP}))


def _disagree(scene: Scene) -> Reply:
    """GET tells of one more replica, wanted and ready, than the listing does."""
    reply = scene.run()
    if reply.status != _OK:
        return reply
    item: Json = json.loads(reply.body)
    stats = dict(item.get("replicaStats", {}))
    stats["readyReplicaCount"] = stats.get("readyReplicaCount", 0) + 1
    more = {name: item.get(name, 0) + 1 for name in ("desiredReplicaCount", "replicaCount")}
    return Reply(body=dump({**item, **more, "replicaStats": stats}))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remembered:
    """One deployment as it was when a window began."""

    place: tuple[int | str, ...]
    name: str
    body: bytes


def _remember(world: World, _fault: Fault, memory: dict[str, Any]) -> bool:
    """Keep the fleet as it is, to show it as the newest for the length of the window."""
    for account in world.accounts.values():
        memory[account.account_id] = [
            _Remembered(
                place=(inc.created, inc.deployment_id),
                name=inc.deployment_id,
                body=deployment_bytes(inc),
            )
            for inc in sorted(account.present(), key=lambda inc: (inc.created, inc.deployment_id))
            if inc.state is not State.DELETED
        ]
    return False


def _stale_list(scene: Scene) -> Reply:
    """The listing shows the fleet of the window's beginning; GET shows the present."""

    def old(call: Call) -> Reply:
        kept: list[_Remembered] = scene.memory[call.account.account_id]
        source = Listing(
            collection="deployments",
            items=kept,
            places=[item.place for item in kept],
            render=lambda item: item.body,
        )
        return answer(call, source, orders=("create_time",))

    return scene.run(old)


def _stale_get(scene: Scene) -> Reply:
    """GET shows the deployment of the window's beginning; the listing shows the present."""

    def old(call: Call) -> Reply:
        for item in scene.memory[call.account.account_id]:
            if item.name == call.params["deployment_id"]:
                return Reply(body=item.body)
        return scene.run()

    return scene.run(old)


KINDS: Mapping[str, Kind] = {
    "missing-item": Kind(on="list", effect=_changing(_missing), options=_TOTAL),
    "repeated-item": Kind(on="list", effect=_changing(_repeated), options=_TOTAL),
    "moved-item": Kind(on="list", effect=_changing(_moved)),
    "empty-page": Kind(on="list", effect=_changing(_empty)),
    "short-page": Kind(on="list", effect=_changing(_short), options=_TOTAL),
    "token-loop": Kind(on="list", effect=_token_loop),
    "wrong-total": Kind(on="list", effect=_changing(_wrong_total)),
    "stale-list": Kind(on="list", effect=_stale_list, begin=_remember),
    "stale-get": Kind(on="get", effect=_stale_get, begin=_remember),
    "list-get-disagree": Kind(on="get", effect=_disagree),
}


def _chosen(scene: Scene, items: list[Json]) -> int | None:
    """Give the index of the deployment that the fault names, or of one that is drawn."""
    wanted = scene.fault.deployment
    if not wanted:
        return scene.rng.randrange(len(items)) if items else None
    names = [str(item.get("name", "")).rpartition("/")[2] for item in items]
    return names.index(wanted) if wanted in names else None
