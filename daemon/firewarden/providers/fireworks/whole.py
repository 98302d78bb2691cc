"""Everything the provider says of a deployment, to be kept before it is parked or deleted."""

from typing import Any, Final

import msgspec

from firewarden.errors import ProviderRejected
from firewarden.model.ids import AccountId
from firewarden.providers.fireworks.answers import not_json
from firewarden.providers.fireworks.client import Client
from firewarden.providers.fireworks.limits import Limits
from firewarden.providers.fireworks.paging import Page, split_page, walk
from firewarden.providers.fireworks.surroundings import full_name
from firewarden.providers.fireworks.wire import DeployedModel, Unreadable, decode, decoder_of

LONGEST: Final = 1024 * 1024
"""Of the text, in bytes; what is longer is not kept, and what is not kept is not deleted."""

_CONTENT: Final = decoder_of(dict[str, Any])
_ROW: Final = decoder_of(DeployedModel)
_SECRET: Final = "directRouteApiKeys"  # noqa: S105 - the name of a field
_LEFT_OUT: Final = "image-tag-reason"


async def read_whole(client: Client, body: bytes, *, name: str, limits: Limits) -> str:
    """Write the deployment called *name*, read as *body*, and its deployed models, as JSON.

    Keys are sorted. Secrets are replaced by their count.

    Raises:
        ProviderError: a part cannot be read, or all of it is too long.
    """
    where = f"GET /v1/{name}"
    try:
        deployment = decode(_CONTENT, body)
    except Unreadable as error:
        raise not_json(body, str(error), where=where) from error
    if deployment.get("name") != name:
        raise ProviderRejected("an answer about another deployment", where=where)
    models = await _models(client, name, limits)
    whole = _without_secrets({"deployedModels": models, "deployment": deployment})
    text = msgspec.json.encode(whole, order="sorted")
    if len(text) > LONGEST:
        raise ProviderRejected(f"too long to be kept: {len(text)} bytes", where=where)
    return text.decode()


async def _models(client: Client, name: str, limits: Limits) -> list[dict[str, Any]]:
    account = AccountId(name.split("/")[1])
    path = f"/v1/accounts/{account}/deployedModels"

    def read(body: bytes) -> Page[dict[str, Any]]:
        raw, token, total = split_page(body, "deployedModels")
        rows = [row for row in raw if _is_of(decode(_ROW, row), name, account)]
        items = tuple(decode(_CONTENT, row) for row in rows)
        return Page(items=items, count=len(raw), next_token=token, total=total)

    listing = await walk(client, path, read, limits=limits)
    return listing.whole(f"GET {path}")


def _is_of(row: DeployedModel, name: str, account: AccountId) -> bool:
    return bool(row.deployment) and full_name(row.deployment or "", account) == name


def _without_secrets(content: Any) -> Any:
    if isinstance(content, dict):
        return {
            key: _count(part) if key == _SECRET else _without_secrets(part)
            for key, part in content.items()
            if key != _LEFT_OUT
        }
    return [_without_secrets(part) for part in content] if isinstance(content, list) else content


def _count(secrets: Any) -> int:
    return len(secrets) if isinstance(secrets, list) else int(bool(secrets))
