"""Slack's own client, as one way to call its methods, without retries of its own."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from firewarden.errors import NotDelivered
from firewarden.notify.slack.answers import judge_answer

TIMEOUT: Final = timedelta(seconds=10)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_WRITES: Final = frozenset({"chat.postMessage", "chat.update", "conversations.open"})


class WebDoor:
    """The real Slack, or what speaks its protocol at another address."""

    def __init__(self, *, token: Callable[[], str], base_url: str) -> None:
        """Call *base_url* with what *token* gives at that time; asks nobody yet.

        Each call has a connection of its own: there is nothing to close.
        """
        quiet = logging.getLogger("firewarden.slack_sdk")
        quiet.setLevel(logging.WARNING)  # below that it writes whole messages
        self._token = token
        self._client = AsyncWebClient(
            base_url=f"{base_url.rstrip('/')}/",
            timeout=int(TIMEOUT.total_seconds()),
            retry_handlers=[],  # its own re-sends after a reset, and knows of no duplicate
            logger=quiet,
        )
        if (urlsplit(base_url).hostname or "") in _LOOPBACK:
            self._client.proxy = None  # which it took from the environment

    async def call(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call *method*; reads take their arguments in the address, writes as JSON."""
        self._client.token = self._token()
        given: dict[str, Any] = dict(arguments)
        try:
            if method in _WRITES:
                answer = await self._client.api_call(method, json=given)
            else:
                answer = await self._client.api_call(method, http_verb="GET", params=given)
        except SlackApiError as error:
            status, body, headers = _answer_in(error)
            return judge_answer(status, body, method=method, retry_after=headers.get("Retry-After"))
        except aiohttp.ClientConnectorError as error:
            raise _lost(method, error, unknown=False) from error
        except (aiohttp.ClientError, SlackClientError, TimeoutError, ValueError) as error:
            raise _lost(method, error, unknown=True) from error
        except AttributeError as error:  # its reading of a 200 that is text, or a list
            raise _lost(method, error, unknown=True) from error
        return judge_answer(200, answer.data, method=method, retry_after=None)


def _answer_in(error: SlackApiError) -> tuple[int, object, Mapping[str, str]]:
    """Find the answer in *error*: the library's reading of it, or the answer as it came."""
    answer = error.response
    if isinstance(answer, aiohttp.ClientResponse):
        return answer.status, None, answer.headers
    return answer.status_code, answer.data, answer.headers


def _lost(method: str, error: Exception, *, unknown: bool) -> NotDelivered:
    return NotDelivered(
        f"no answer ({type(error).__name__})", where=f"Slack {method}", unknown=unknown
    )
