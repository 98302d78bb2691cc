"""Takes secrets out of everything that is about to be logged: by key, and by value."""

import base64
import re
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, unquote

from firewarden.app.secrets import Secret

REDACTED = "[redacted]"
_SHORTEST = 6
_DEEPEST = 8
_KEYS = re.compile(
    r"(^|_)(authorization|cookie|passw(or)?d|secret|api_?key|apikeys?|direct_?route_?api_?keys)$"
    r"|(^|_)(access|auth|bot|app|http|bearer)_token$|^token$",
    re.ASCII,
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+(?=\S*[0-9=])[A-Za-z0-9._~+/=-]{8,}")
_KNOWN_KEY = re.compile(
    r"\bfw_[A-Za-z0-9]{16,}|\bx(?:ox[a-z]|app)-[\w-]{8,}|(?<=\bhooks\.slack\.com/)[\w/-]{8,}",
    re.ASCII,
)
_LOGIN = re.compile(r"[a-z+]+://([^:/@]*):(.+)@")
_DATABASE = re.compile(r"(?:sqlite|postgres(?:ql)?)(?:\+[a-z]+)?://", re.ASCII)
_PASSWORD = re.compile(r"[?&][a-z]*pass[a-z]*=([^&]+)", re.ASCII | re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")


class Redactor:
    """Knows the secrets of this process, and replaces them wherever they turn up.

    What is registered is never forgotten: a key that was replaced is still a key.
    """

    def __init__(self) -> None:
        """Know of none yet."""
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def register(self, secret: str) -> None:
        """Replace *secret*, and the forms it takes in headers and addresses, from now on.

        Shorter ones than six letters are left: they would be found in ordinary words.
        """
        for form in _forms(secret):
            if len(form) >= _SHORTEST:
                self._secrets.add(form)
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def follow(self, secret: Secret) -> None:
        """Register *secret* now, and again whenever its file brings a new value."""
        secret.listen(self.register)

    def text(self, text: str) -> str:
        """Give *text* without the registered secrets, and without what looks like one.

        That is: credentials in addresses and headers, keys of the provider and of Slack.
        """
        if self._pattern is not None:
            text = self._pattern.sub(REDACTED, text)
        text = _KNOWN_KEY.sub(REDACTED, text)
        return _BEARER.sub(rf"\1 {REDACTED}", _USERINFO.sub(rf"\1:{REDACTED}@", text))

    def value(self, value: object, *, depth: int = 0) -> object:
        """Give *value* with every text inside it redacted; what is no plain value as its text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth > _DEEPEST:
            return REDACTED
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): self.item(str(key), part, depth=depth + 1)
                for key, part in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(part, depth=depth + 1) for part in value]
        if isinstance(value, bytes):
            value = value.decode("utf-8", "backslashreplace")
        return self.text(str(value))

    def item(self, key: str, value: object, *, depth: int = 0) -> object:
        """Give *value* redacted: all of it where its *key* says that it is a secret."""
        if value is not None and _KEYS.search(key.lower().replace("-", "_")):
            return REDACTED
        return self.value(value, depth=depth)

    def process(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Redact an event, as a processor of structlog."""
        return {
            self.text(key): part if key.startswith("_") else self.item(key, part)
            for key, part in event.items()
        }


def _forms(secret: str) -> set[str]:
    """List what *secret* looks like where it is used: plain, quoted, in base64, its password.

    Where a database is, is no secret: of its address only the passwords are one.
    """
    forms: set[str] = set()
    if not _DATABASE.match(secret):
        forms = {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()}
        forms.add(base64.b64encode(f":{secret}".encode()).decode())
    passwords = [found[1] for found in _PASSWORD.finditer(secret)]
    if (login := _LOGIN.match(secret)) and login[1] != login[2]:
        passwords.append(login[2])
    for password in passwords:
        forms |= {password, unquote(password), quote(unquote(password), safe="")}
    return forms
