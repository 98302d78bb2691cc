"""One call to the simulated control plane, one reply, and the refusals of a grpc-gateway."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from firewarden.errors import FirewardenError
from firewarden.providers.simulated.account import Account
from firewarden.providers.simulated.instants import parse_instant
from firewarden.providers.simulated.keys import Key
from firewarden.providers.simulated.plan import Json
from firewarden.providers.simulated.world import World

# Fireworks gateway spec 4.259.0: `Code`, each with its number and its HTTP status.
CODES: Mapping[str, tuple[int, int]] = {
    "CANCELLED": (1, 499),
    "UNKNOWN": (2, 500),
    "INVALID_ARGUMENT": (3, 400),
    "DEADLINE_EXCEEDED": (4, 504),
    "NOT_FOUND": (5, 404),
    "ALREADY_EXISTS": (6, 409),
    "PERMISSION_DENIED": (7, 403),
    "RESOURCE_EXHAUSTED": (8, 429),
    "FAILED_PRECONDITION": (9, 400),
    "ABORTED": (10, 409),
    "OUT_OF_RANGE": (11, 400),
    "UNIMPLEMENTED": (12, 501),
    "INTERNAL": (13, 500),
    "UNAVAILABLE": (14, 503),
    "DATA_LOSS": (15, 500),
    "UNAUTHENTICATED": (16, 401),
}


class Refusal(FirewardenError):
    """The control plane says no: *code* is a gRPC code, *status* overrides its HTTP status."""

    def __init__(self, code: str, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = CODES[code][1] if status is None else status

    def reply(self) -> "Reply":
        """Write it in the shape of ``googlerpcStatus``."""
        body = {"code": CODES[self.code][0], "message": self.problem, "details": []}
        return Reply.of(body, status=self.status)


def invalid(message: str) -> Refusal:
    """Refuse what the caller wrote."""
    return Refusal("INVALID_ARGUMENT", message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back to the client, before any fault has had its way with it."""

    body: bytes
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, content: object, *, status: int = 200) -> "Reply":
        """Write *content* as JSON."""
        return cls(body=dump(content), status=status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was let in: who asks, for which account, with what."""

    world: World
    key: Key
    params: Mapping[str, str]
    query: Mapping[str, tuple[str, ...]]
    body: bytes = b""

    @property
    def account(self) -> Account:
        """The account in the path, which the key sees."""
        return self.world.accounts[self.params["account_id"]]

    @property
    def now(self) -> int:
        """The world's instant in milliseconds."""
        return self.world.agenda.now

    def text(self, name: str, default: str = "") -> str:
        """Give the last value of a query parameter."""
        return self.query.get(name, (default,))[-1]

    def flag(self, name: str) -> bool:
        """Read a boolean query parameter."""
        value = self.text(name, "false")
        if value not in {"true", "false", "1", "0", ""}:
            raise invalid(f'parsing field "{name}": {value!r} is not a boolean')
        return value in {"true", "1"}

    def integer(self, name: str, default: int) -> int:
        """Read an int32 query parameter."""
        value = self.text(name, str(default))
        try:
            number = int(value)
        except ValueError:
            raise invalid(f'parsing field "{name}": {value!r} is not an integer') from None
        if not -(2**31) <= number < 2**31:
            raise invalid(f'parsing field "{name}": {value} is out of range')
        return number

    def instant(self, name: str) -> int | None:
        """Read an RFC 3339 query parameter in milliseconds; None where it was not given."""
        value = self.text(name)
        if not value:
            return None
        parsed = parse_instant(value)
        if parsed is None:
            raise invalid(f'parsing field "{name}": {value!r} is not a timestamp')
        return parsed

    def json(self) -> Json:
        """Read the body as one JSON object; an empty body is an empty object."""
        try:
            content: Any = json.loads(self.body or b"{}")
        except ValueError:
            raise invalid("the request body is not valid JSON") from None
        if not isinstance(content, dict):
            raise invalid("the request body must be a JSON object")
        return content


Handler = Callable[[Call], Reply]


def dump(content: object) -> bytes:
    """Write *content* as compact JSON."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def without_zeros(content: Json) -> Json:
    """Leave out what proto3 JSON leaves out: zeros, empty texts, false, empty lists and maps."""
    return {key: value for key, value in content.items() if value or isinstance(value, Kept)}


class Kept(dict[str, Any]):
    """A message that is present though empty: proto3 JSON writes it as ``{}``."""
