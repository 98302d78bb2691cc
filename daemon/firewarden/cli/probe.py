"""Asks a running daemon whether it is alive, with nothing but the standard library."""

import http.client
from typing import TYPE_CHECKING

from firewarden.errors import WorldError

if TYPE_CHECKING:
    from firewarden.app.settings import Settings

TIMEOUT_S = 3.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to
_WELL = 200


def probe(settings: "Settings") -> str:
    """Say that the daemon of *settings* is well.

    Raises:
        WorldError: it does not answer, or answers that it is not.
    """
    address = settings.listen
    host = _EVERYWHERE.get(address.host, address.host)
    connection = http.client.HTTPConnection(host, address.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise WorldError(
            f"does not answer ({error})", where=str(address), mend="is `firewarden run` running?"
        ) from error
    finally:
        connection.close()
    if status != _WELL:
        raise WorldError(
            f"is not well (HTTP {status})", where=str(address), mend="look into its log"
        )
    return f"{address}: well"
