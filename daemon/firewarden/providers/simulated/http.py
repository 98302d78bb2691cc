"""The simulated control plane as an ASGI application; its world follows the clock it is given."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firewarden.ports import Clock
from firewarden.providers.simulated import (
    routes_accounts,
    routes_billing,
    routes_deployments,
    routes_models,
)
from firewarden.providers.simulated.control import control_routes
from firewarden.providers.simulated.gateway import Call, Handler, Refusal, Reply
from firewarden.providers.simulated.keys import Key, default_keys
from firewarden.providers.simulated.log import Entry, Log
from firewarden.providers.simulated.world import World

_PREFIX = "/v1/accounts/{account_id}"
_HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("GET", "/v1/accounts"): routes_accounts.list_accounts,
    **{
        (method, f"{_PREFIX}{path}"): handler
        for module in (routes_billing, routes_deployments, routes_models, routes_accounts)
        for (method, path), handler in module.HANDLERS.items()
    },
}
_ASKING_POSTS = (":query",)
_SHARED_ACCOUNTS = frozenset({"-", "fireworks"})
_ANY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def application(world: World, *, clock: Clock, keys: Mapping[str, Key] | None = None) -> Starlette:
    """Serve *world* as the provider would, and its truth under ``/_truth`` and ``/_log``.

    At every request the world advances to ``clock.now()``; compressed time is in the clock.
    """
    plane = ControlPlane(world, clock=clock, keys=keys or default_keys(tuple(world.accounts)))
    routes = [
        Route(path, plane.endpoint(path, handler), methods=[method])
        for (method, path), handler in _HANDLERS.items()
    ]
    routes += control_routes(world, log=plane.log, advance=plane.advance)
    routes.append(Route("/{rest:path}", plane.endpoint("", _unknown), methods=_ANY_METHOD))
    return Starlette(routes=routes)


class ControlPlane:
    """Lets calls in, carries them out on the world, remembers them."""

    def __init__(self, world: World, *, clock: Clock, keys: Mapping[str, Key]) -> None:
        self.log = Log()
        self._world = world
        self._clock = clock
        self._keys = keys

    def advance(self) -> int:
        """Bring the world to the clock's now, and tell it in milliseconds."""
        self._world.advance(self._clock.now())
        return self._world.agenda.now

    def endpoint(self, path: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Make the endpoint of one route."""

        async def respond(request: Request) -> Response:
            body = await request.body()
            now = self.advance()
            reply = self._answer(request, path, handler, body)
            self._remember(request, reply, body, at=now)
            return Response(
                reply.body, reply.status, headers=dict(reply.headers), media_type=reply.media_type
            )

        return respond

    def _answer(self, request: Request, path: str, handler: Handler, body: bytes) -> Reply:
        query = {name: tuple(request.query_params.getlist(name)) for name in request.query_params}
        try:
            key = self._let_in(request, path)
            call = Call(
                world=self._world,
                key=key,
                params={name: str(value) for name, value in request.path_params.items()},
                query=query,
                body=body,
            )
            return handler(call)
        except Refusal as refusal:
            return refusal.reply()

    def _let_in(self, request: Request, path: str) -> Key:
        """Give the key of *request* if it may do this; refuse it else."""
        if not path:
            return Key(role="", accounts=(), user_id="")
        key = self._keys.get(_token(request))
        if key is None:
            raise Refusal("UNAUTHENTICATED", "The API key you provided is invalid.")
        if key.is_suspended:
            raise _suspended(key.accounts[0])
        account_id = str(request.path_params.get("account_id", ""))
        if account_id in _SHARED_ACCOUNTS and "/deploymentShapes" in path:
            return key
        if account_id and account_id not in key.accounts:
            raise _not_seen(account_id, exists=account_id in self._world.accounts)
        if account_id and (self._world.accounts[account_id].plan.suspend_state != "UNSUSPENDED"):
            raise _suspended(account_id)
        is_read = request.method == "GET" or path.endswith(_ASKING_POSTS)
        if not is_read and not key.may_write:
            raise Refusal("PERMISSION_DENIED", f"role {key.role!r} may not {request.method}")
        return key

    def _remember(self, request: Request, reply: Reply, body: bytes, *, at: int) -> None:
        entry = Entry(
            at=at,
            method=request.method,
            path=request.url.path,
            query=request.url.query,
            status=reply.status,
            body=b"" if request.method == "GET" else body,
        )
        self.log.add(entry)


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")


def _suspended(account_id: str) -> Refusal:
    return Refusal(
        "FAILED_PRECONDITION",
        f"Account {account_id} is suspended, possibly due to reaching the monthly spending limit "
        "or failure to pay past invoices",
        status=412,
    )


def _not_seen(account_id: str, *, exists: bool) -> Refusal:
    if exists:
        return Refusal("PERMISSION_DENIED", f"no access to account {account_id!r}")
    return Refusal("NOT_FOUND", f"account {account_id!r} not found")


def _unknown(call: Call) -> Reply:
    """Answer what is no path of ours: malformed control-plane paths, and inference."""
    if call.params["rest"].startswith("v1/accounts"):
        raise Refusal("UNIMPLEMENTED", "Method Not Allowed")
    raise Refusal("NOT_FOUND", "no such path; nothing is inferred here")
