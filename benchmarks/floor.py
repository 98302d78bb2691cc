"""The least that a cycle can cost: the same answers fetched and decoded, and nothing made of them.

It fetches every page and the metrics with the same HTTP client, decodes each page with
msgspec into the same wire fields, and finds the lines of the metrics that tell use. It
checks nothing, compares nothing, remembers nothing, writes nothing.
"""

import re
from collections.abc import Callable, Coroutine

import httpx
import msgspec

from firewarden.providers.fireworks.wire import DeploymentWire

NAMES = (
    b"request_counter_total:sum_by_deployment",
    b"requests_error_total:sum_by_deployment",
    b"tokens_prompt_total:sum_by_deployment",
    b"requests_coordinator_concurrent_count:avg_by_deployment",
)
_WANTED = re.compile(rb"\n(?:request|tokens_prompt_total:)")


class _Page(msgspec.Struct, rename="camel"):
    """One page of the listing."""

    deployments: list[DeploymentWire]
    next_page_token: str = ""


_DECODER = msgspec.json.Decoder(_Page, strict=False)


def floor(
    url: str, key: str, *, transport: httpx.AsyncBaseTransport | None = None
) -> Callable[[], Coroutine[None, None, tuple[int, int]]]:
    """Make a cycle that gives how many deployments and wanted lines it came by."""
    http = httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=120,
        trust_env=False,
        transport=transport,
    )

    async def cycle() -> tuple[int, int]:
        return await _list(http), await _scan(http)

    return cycle


async def _list(http: httpx.AsyncClient) -> int:
    count, token = 0, ""
    while True:
        params = {"pageSize": "200", "pageToken": token} if token else {"pageSize": "200"}
        answer = await http.get("/v1/accounts/acme/deployments", params=params)
        page = _DECODER.decode(answer.raise_for_status().content)
        count += len(page.deployments)
        token = page.next_page_token
        if not token:
            return count


async def _scan(http: httpx.AsyncClient) -> int:
    answer = await http.get("/v1/accounts/acme/metrics")
    text = answer.raise_for_status().content
    lines = []
    for found in _WANTED.finditer(text):
        start = found.start() + 1
        line = text[start : text.find(b"\n", start)]
        if line.startswith(NAMES):
            lines.append(line)
    return len(lines)
