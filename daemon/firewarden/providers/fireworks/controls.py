"""Changes one Fireworks account's deployments, behind the `Controls` port: the only way out."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from firewarden.errors import AnswerLost, Forbidden, ProviderRejected
from firewarden.model.action import Effect
from firewarden.model.deployment import Deployment
from firewarden.model.ids import AccountId, DeploymentId, Uid
from firewarden.ports import Permit, Written
from firewarden.providers.fireworks.answers import READ_FIRST, not_json
from firewarden.providers.fireworks.client import Ask, Client
from firewarden.providers.fireworks.fleet import read_deployment
from firewarden.providers.fireworks.guard import (
    MASKABLE,
    MOST_BYTES,
    PLAIN_ID,
    Change,
    forbidden_name,
)
from firewarden.providers.fireworks.limits import Limits
from firewarden.providers.fireworks.readback import Fields, duration_text, fields_of, strayed
from firewarden.providers.fireworks.sender import Sender
from firewarden.providers.fireworks.whole import read_whole
from firewarden.providers.fireworks.wire import Unreadable, decode, decoder_of

MOST_KEPT: Final = 256
"""Deployments whose state before our last PATCH is remembered; older ones make room."""

_CONTENT: Final = decoder_of(dict[str, Any])


class FireworksControls:
    """Changes deployments of one account; each method sends one change at most, and once."""

    def __init__(
        self, sender: Sender, *, client: Client, account: AccountId, limits: Limits
    ) -> None:
        self._sender = sender
        self._client = client
        self._account = account
        self._limits = limits
        self._before: dict[Uid, Fields] = {}

    async def set_bounds(self, deployment: Deployment, effect: Effect, *, permit: Permit) -> None:
        """Set the bounds of *effect* by a PATCH whose mask names them and nothing else.

        The deployment is read right before, and kept for `read_back` to compare with.
        """
        if not effect.sets_bounds:
            raise Forbidden("a change of bounds without bounds", where=deployment.name)
        path = self._path(deployment)
        body = await self._read_once(path)
        content, _ = self._understood(body, deployment, path)
        fields = _masked(content, effect)
        mask = ",".join(name for name, member in MASKABLE.items() if member in fields)
        change = Change(
            method="PATCH",
            target=f"{path}?updateMask={mask}",
            body=_written({"baseModel": content.get("baseModel"), **fields}, where=path),
        )
        self._keep(deployment.uid, fields_of(content))
        await self._send(change, deployment, permit)

    async def read_back(self, deployment: Deployment, effect: Effect) -> Written:
        """Read what the last `set_bounds` did, and compare all mutable fields with before."""
        path = self._path(deployment)
        before = self._before.get(deployment.uid)
        if before is None:
            raise ProviderRejected(
                "how it was before the change is not known: there is nothing to compare with",
                where=f"GET {path}",
            )
        content, found = self._understood(await self._client.get(self._ask(path)), deployment, path)
        names = strayed(before, fields_of(content), found, effect)
        return Written(deployment=found, strayed=tuple(sorted(names)))

    async def scale(self, deployment: Deployment, replica_count: int, *, permit: Permit) -> None:
        """Ask for *replica_count* replicas now (``:scale``)."""
        change = Change(
            method="PATCH",
            target=f"{self._path(deployment)}:scale",
            body=msgspec.json.encode({"replicaCount": replica_count}),
        )
        await self._send(change, deployment, permit)

    async def delete(self, deployment: Deployment, *, permit: Permit) -> None:
        """Delete softly; the provider's own checks stay on."""
        change = Change(method="DELETE", target=self._path(deployment))
        await self._send(change, deployment, permit)

    async def undelete(self, deployment: Deployment, *, permit: Permit) -> None:
        """Bring back what was deleted softly."""
        target = f"{self._path(deployment)}:undelete"
        await self._send(Change(method="POST", target=target, body=b"{}"), deployment, permit)

    async def fetch_whole(self, deployment_id: DeploymentId) -> str:
        """Read everything the provider says of a deployment and its models, as JSON text.

        Secrets in it are replaced by how many there are (``directRouteApiKeys``).
        """
        name = f"accounts/{self._account}/deployments/{_checked(deployment_id)}"
        body = await self._client.get(self._ask(f"/v1/{name}"))
        return await read_whole(self._client, body, name=name, limits=self._limits)

    async def _send(self, change: Change, deployment: Deployment, permit: Permit) -> None:
        """Send *change*; an answer that is neither empty nor the deployment tells nothing."""
        body = await self._sender.send(change, permit=permit)
        try:
            content = decode(_CONTENT, body)
        except Unreadable as error:
            problem = not_json(body, str(error), where=change.where).problem
            raise AnswerLost(problem, where=change.where, mend=READ_FIRST) from error
        if content and content.get("name") != deployment.name:
            problem = "an answer about something else"
            raise AnswerLost(problem, where=change.where, mend=READ_FIRST)

    async def _read_once(self, path: str) -> bytes:
        """Read without repeating: what was seen must not grow old before it is acted on."""
        pieces: list[bytes] = []
        await self._client.stream(self._ask(path, within_s=self._limits.change_s), pieces.append)
        return b"".join(pieces)

    def _understood(
        self, body: bytes, deployment: Deployment, path: str
    ) -> tuple[Mapping[str, Any], Deployment]:
        """Decode a reading, which has to be of *deployment* and not of a namesake.

        Raises:
            ProviderRejected: it is not, or cannot be read.
        """
        try:
            content, found = decode(_CONTENT, body), read_deployment(body, self._account)
        except Unreadable as error:
            raise not_json(body, str(error), where=f"GET {path}") from error
        if found.uid != deployment.uid:
            raise ProviderRejected(
                "another deployment goes by this name now: it was created anew",
                where=f"GET {path}",
            )
        return content, found

    def _keep(self, uid: Uid, fields: Fields) -> None:
        self._before.pop(uid, None)
        while len(self._before) >= MOST_KEPT:
            del self._before[next(iter(self._before))]
        self._before[uid] = fields

    def _path(self, deployment: Deployment) -> str:
        if deployment.account != self._account:
            raise Forbidden("a deployment of another account", where=deployment.name)
        return f"/v1/accounts/{self._account}/deployments/{_checked(deployment.deployment_id)}"

    def _ask(self, path: str, *, within_s: float | None = None) -> Ask:
        return Ask(
            path=path,
            most_bytes=self._limits.body_bytes,
            within_s=self._limits.call_s if within_s is None else within_s,
        )


def _checked(deployment_id: DeploymentId) -> str:
    """Give an id that can stand in an address as it is.

    Raises:
        ProviderRejected: it holds something that could mean more there.
    """
    if not PLAIN_ID.fullmatch(deployment_id):
        raise ProviderRejected(f"{deployment_id!r} is no plain deployment id: it is not touched")
    return deployment_id


def _masked(content: Mapping[str, Any], effect: Effect) -> dict[str, Any]:
    """Write the fields that *effect* sets; of the autoscaling policy all that was read."""
    fields: dict[str, Any] = {}
    if effect.min_replica_count is not None:
        fields["minReplicaCount"] = effect.min_replica_count
    if effect.max_replica_count is not None:
        fields["maxReplicaCount"] = effect.max_replica_count
    if effect.scale_to_zero_window is not None:
        window = duration_text(effect.scale_to_zero_window)
        policy = content.get("autoscalingPolicy") or {}
        fields["autoscalingPolicy"] = {**policy, "scaleToZeroWindow": window}
    return fields


def _written(content: Mapping[str, Any], *, where: str) -> bytes:
    """Write the body of a PATCH.

    Raises:
        ProviderRejected: what was read, and has to be sent along, cannot be.
    """
    body = msgspec.json.encode(content)
    problem = ""
    if not content["baseModel"]:
        problem = "the provider does not say its base model, without which it takes no change"
    elif len(body) > MOST_BYTES:
        problem = f"its autoscaling policy is too long: {len(body)} bytes"
    elif name := forbidden_name(content):
        problem = f"its autoscaling policy has a member called {name}, which is never sent"
    if problem:
        raise ProviderRejected(problem, where=f"PATCH {where}")
    return body
