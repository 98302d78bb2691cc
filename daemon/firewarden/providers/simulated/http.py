"""The simulated control plane as an ASGI application; its world follows the clock it is given."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.utils import format_datetime

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
from firewarden.providers.simulated.broken import Broken, BrokenResponse
from firewarden.providers.simulated.control import control_routes
from firewarden.providers.simulated.fault_types import Arrival
from firewarden.providers.simulated.faults import Faults
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
_TARGETS = (
    ("/deployments/", "get"),
    ("/deployments", "list"),
    ("/metrics", "metrics"),
    ("/billing", "bill"),
    ("/usageCosts", "bill"),
    ("/pricingPlans", "prices"),
    ("/quotas", "quotas"),
    ("/auditLogs", "audit"),
    ("/users", "accounts"),
    ("/deployedModels", "models"),
    ("/routers", "models"),
    ("/rlorTrainerJobs", "models"),
)
_SHARED_ACCOUNTS = frozenset({"-", "fireworks"})
_ANY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def application(
    world: World,
    *,
    clock: Clock,
    faults: Faults | None = None,
    keys: Mapping[str, Key] | None = None,
    log: Log | None = None,
) -> Starlette:
    """Serve *world* as the provider would, and its truth under ``/_truth`` and ``/_log``.

    At every request the world advances to ``clock.now()``; compressed time is in the clock.
    """
    struck = faults or Faults(())
    struck.bind(world)
    plane = ControlPlane(
        world,
        clock=clock,
        faults=struck,
        keys=keys or default_keys(tuple(world.accounts)),
        log=log or Log(),
    )
    routes = [
        Route(path, plane.endpoint(path, handler), methods=[method])
        for (method, path), handler in _HANDLERS.items()
    ]
    routes += control_routes(world, log=plane.log, advance=plane.advance, faults=struck)
    routes.append(Route("/{rest:path}", plane.endpoint("", _unknown), methods=_ANY_METHOD))
    return Starlette(routes=routes)


class ControlPlane:
    """Lets calls in, carries them out on the world or breaks them, remembers them."""

    def __init__(
        self, world: World, *, clock: Clock, faults: Faults, keys: Mapping[str, Key], log: Log
    ) -> None:
        self.log = log
        self._world = world
        self._clock = clock
        self._faults = faults
        self._keys = keys

    def advance(self) -> int:
        """Bring the world to the clock's now, and tell it in milliseconds."""
        self._world.advance(self._clock.now())
        return self._world.agenda.now

    def endpoint(self, path: str, own: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Make the endpoint of one route."""

        async def respond(request: Request) -> Response:
            body = await request.body()
            now = self.advance()

            def run(handler: Handler | None = None, *, drop: Sequence[str] = ()) -> Reply:
                return self._answer(request, path, handler or own, body, drop)

            reply, fault = self._faults.strike(self._world, _arrival(request, path), run)
            if isinstance(reply, Broken):
                self._remember(request, body, at=now, status=0, fault=fault)
                return BrokenResponse(reply, clock=self._clock)
            self._remember(request, body, at=now, status=reply.status, fault=fault)
            headers = {"date": format_datetime(self._world.now, usegmt=True), **reply.headers}
            return Response(reply.body, reply.status, headers=headers, media_type=reply.media_type)

        return respond

    def _answer(
        self, request: Request, path: str, handler: Handler, body: bytes, drop: Sequence[str]
    ) -> Reply:
        asked = request.query_params
        query = {name: tuple(asked.getlist(name)) for name in asked if name not in drop}
        params = {name: str(value) for name, value in request.path_params.items()}
        try:
            key = self._let_in(request, path)
            call = Call(world=self._world, key=key, params=params, query=query, body=body)
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
        if account_id:
            self._check_account(account_id, key)
        if not _is_read(request.method, path) and not key.may_write:
            raise Refusal("PERMISSION_DENIED", f"role {key.role!r} may not {request.method}")
        return key

    def _check_account(self, account_id: str, key: Key) -> None:
        if account_id not in key.accounts:
            raise _not_seen(account_id, exists=account_id in self._world.accounts)
        if self._world.accounts[account_id].plan.suspend_state != "UNSUSPENDED":
            raise _suspended(account_id)

    def _remember(self, request: Request, body: bytes, *, at: int, status: int, fault: str) -> None:
        entry = Entry(
            at=at,
            method=request.method,
            path=request.url.path,
            query=request.url.query,
            status=status,
            fault=fault,
            body=b"" if request.method == "GET" else body,
        )
        self.log.add(entry)


def _arrival(request: Request, path: str) -> Arrival:
    return Arrival(
        method=request.method,
        target=_target(request.method, path),
        query=dict(request.query_params),
        account_id=str(request.path_params.get("account_id", "")),
        deployment_id=str(request.path_params.get("deployment_id", "")),
    )


def _target(method: str, path: str) -> str:
    """Name the class of a path, as fault files do."""
    if not _is_read(method, path):
        return "write"
    rest = path.removeprefix(_PREFIX)
    for prefix, target in _TARGETS:
        if rest.startswith(prefix):
            return target
    return "accounts" if rest in {"", "/v1/accounts"} else "other"


def _is_read(method: str, path: str) -> bool:
    return method in {"GET", "HEAD"} or path.endswith(":query")


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token if scheme.lower() == "bearer" else ""
    return bearer or request.headers.get("x-api-key", "")


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
