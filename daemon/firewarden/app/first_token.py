"""Makes the token of the port where a file is named for it and is not there yet."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

_VARIABLE = "FIREWARDEN_HTTP_TOKEN_FILE"
_BYTES = 32


def make_http_token(environ: Mapping[str, str]) -> str | None:
    """Make the file that ``FIREWARDEN_HTTP_TOKEN_FILE`` names, readable by us alone.

    Twice is once: a file that is there is left as it is, and so is a folder that cannot be
    written; reading the settings then says what is wrong. None where nothing was made, else
    one line that tells the token, for the only time.
    """
    name = environ.get(_VARIABLE, "")
    if not name:
        return None
    token = secrets.token_urlsafe(_BYTES)
    try:
        file = os.open(Path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=0o600)
    except OSError:
        return None
    with os.fdopen(file, "w", encoding="ascii") as opened:
        opened.write(f"{token}\n")
    return f"made {name}; the token of the port, told only now: {token}"
