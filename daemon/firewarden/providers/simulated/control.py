"""What a test may ask of the simulator itself: the truth, the log, edits at run time."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firewarden.providers.simulated import truth
from firewarden.providers.simulated.account import Account
from firewarden.providers.simulated.faults import Faults
from firewarden.providers.simulated.instants import from_ms, instant_text, parse_instant, to_ms
from firewarden.providers.simulated.log import Log
from firewarden.providers.simulated.plan import Json
from firewarden.providers.simulated.world import World

Advance = Callable[[], int]


def control_routes(world: World, *, log: Log, advance: Advance, faults: Faults) -> list[Route]:
    """Make the routes of ``/_truth``, ``/_log`` and ``/_world``; they need no key."""

    async def tell_truth(request: Request) -> Response:
        now = advance()
        try:
            since = _instant(request, "from", to_ms(world.start))
            until = min(_instant(request, "to", now), now)
            accounts = _accounts(world, request.query_params.get("account", ""))
        except (ValueError, KeyError) as error:
            return _refuse(error)
        return JSONResponse(
            {
                "from": instant_text(since),
                "to": instant_text(until),
                "now": instant_text(now),
                "start": instant_text(to_ms(world.start)),
                "seed": world.seed,
                "deployments": [
                    row for account in accounts for row in truth.deployments(account, since, until)
                ],
                "faults": faults.counts(),
                "sins": [row for account in accounts for row in truth.sins(account, now)],
            }
        )

    async def tell_log(request: Request) -> Response:
        advance()
        try:
            since = _instant(request, "since", 0)
        except ValueError as error:
            return _refuse(error)
        return JSONResponse({"requests": [entry.written() for entry in log.since(since)]})

    async def edit(request: Request) -> Response:
        advance()
        try:
            _edit(world, await request.json())
        except (ValueError, KeyError, TypeError) as error:
            return _refuse(error)
        return JSONResponse({})

    return [
        Route("/_truth", tell_truth),
        Route("/_log", tell_log),
        Route("/_world", edit, methods=["POST"]),
    ]


def _edit(world: World, content: Json) -> None:
    """Do what *content* says: ``do``, ``deployment_id``, and ``at``, ``fields``, ``count``."""
    at = parse_instant(str(content.get("at", "")))
    instant = world.now if at is None else from_ms(at)
    name = str(content["deployment_id"])
    account = str(content.get("account", ""))
    match content["do"]:
        case "patch":
            world.human_patch(name, instant, account=account, **content["fields"])
        case "request":
            world.request(name, instant, int(content.get("count", 1)), account=account)
        case "delete":
            world.delete(name, instant, account=account)
        case "recreate":
            world.recreate(name, instant, account=account)
        case "restart":
            world.restart(name, instant, account=account)
        case "vanish":
            world.vanish(name, instant, account=account)
        case unknown:
            raise ValueError(f"cannot do {unknown!r}")
    world.advance(world.now)


def _accounts(world: World, name: str) -> list[Account]:
    """Give the account named, the first one, or all for ``*``."""
    return list(world.accounts.values()) if name == "*" else [world.account(name)]


def _instant(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    parsed = parse_instant(text)
    if parsed is None:
        raise ValueError(f"{name}: {text!r} is not an RFC 3339 instant")
    return parsed


def _refuse(error: Exception) -> Response:
    return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)
