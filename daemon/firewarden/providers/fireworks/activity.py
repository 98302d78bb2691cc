"""The account's metrics: a long text of which a few lines are wanted, read as it comes.

Names and labels: Fireworks docs, exporting-metrics. All are gauges; what ends in ``_total``
is a rate per second over the last minute.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from firewarden.model.activity import Sample

LONGEST_LINE: Final = 1024 * 1024
MOST_SERIES: Final = 1_000_000
BLOCK: Final = 1024 * 1024
"""Bytes that are gathered before they are searched: fewer, longer searches are cheaper."""

REMEMBERED: Final = 32_768
LONGEST_REMEMBERED: Final = 1_024
"""So many sets of labels, of so many bytes each, are kept from scrape to scrape."""

_FIELDS: Final = {
    b"request_counter_total:sum_by_deployment": "request_rate",
    b"requests_error_total:sum_by_deployment": "error_rate",
    b"tokens_prompt_total:sum_by_deployment": "prompt_token_rate",
    b"requests_coordinator_concurrent_count:avg_by_deployment": "concurrency",
}
_NAMES: Final = tuple(_FIELDS)
_CANDIDATE: Final = re.compile(rb"\n(?:request|tokens_prompt_total:)")
_LINE: Final = re.compile(
    rb"([a-zA-Z_:][a-zA-Z0-9_:]*)"
    rb"[ \t]*\{([^\"}]*(?:\"(?:[^\"\\]|\\.)*\"[^\"}]*)*)\}"
    rb"[ \t]*([^ \t\r]+)(?:[ \t]+-?[0-9]+)?[ \t]*\r?"
)
_LABEL: Final = re.compile(
    rb"[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*\"((?:[^\"\\]|\\.)*)\"[ \t]*(?:,|\Z)"
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_NUMBER: Final = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a text of metrics came to; without samples where it is not *whole*."""

    whole: bool
    samples: Mapping[str, Sample]
    fingerprint: str
    problem: str


class Scan:
    """Finds the wanted series in a text that comes in pieces, cut anywhere.

    Only lines that begin with a wanted name are looked at; the others, some ninety-five in a
    hundred, are passed over by one search.
    """

    def __init__(self) -> None:
        self._tail = b"\n"
        self._parts: list[bytes] = []
        self._gathered = 0
        self._series: dict[tuple[str, str], dict[str, float]] = {}
        self._first = b""
        self._problem = ""

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the text."""
        self._first = self._first or piece.lstrip()[:1]
        self._parts.append(piece)
        self._gathered += len(piece)
        if self._gathered >= BLOCK:
            self._search()

    def finish(self) -> Reading:
        """Tell what was found.

        A text whose last line has no end was cut, even where its length is the promised
        one: the format demands that end, and a rate of 0.25 that was cut reads as 0.
        """
        self._search()
        if self._first == b"<":
            self._object("a page of HTML instead of metrics")
        if not self._series:
            self._object("none of the series that tell use is in it")
        if self._tail[1:].strip():
            self._object("the text broke off within a line")
        samples = {} if self._problem else self._samples()
        return Reading(
            whole=not self._problem,
            samples=samples,
            fingerprint=fingerprint(samples),
            problem=self._problem,
        )

    def failed(self, problem: str) -> Reading:
        """Tell that the text did not come to its end; what came of it is not used."""
        return Reading(whole=False, samples={}, fingerprint="", problem=problem)

    def _search(self) -> None:
        text = b"".join([self._tail, *self._parts])
        self._parts.clear()
        self._gathered = 0
        end = text.rfind(b"\n")
        for found in _CANDIDATE.finditer(text, 0, end):
            start = found.start() + 1
            self._line(text[start : text.find(b"\n", start)])
        self._tail = text[end:]
        if len(self._tail) > LONGEST_LINE:
            self._object("a line without end")
            self._tail = b"\n"

    def _line(self, line: bytes) -> None:
        found = _LINE.fullmatch(line)
        if found is None:
            if line.startswith(_NAMES):
                self._object(f"a line that cannot be read: {_shown(line)}")
            return
        name, labels, value = found.groups()
        field = _FIELDS.get(name)
        if field is None:
            return
        short = len(labels) <= LONGEST_REMEMBERED
        identity = _remembered_identity(labels) if short else _identity(labels)
        if identity is None:
            self._object(f"a series without the name of its deployment: {_shown(line)}")
            return
        self._note(identity, field, _number(value))

    def _note(self, identity: tuple[str, str], field: str, value: float) -> None:
        deployment, code = identity
        known = self._series.setdefault((deployment, field), {})
        part = code if field == "error_rate" else ""
        if part in known and known[part] != value:
            value = math.nan  # the same series twice with different values: nobody knows
        known[part] = value
        if len(self._series) > MOST_SERIES:
            self._object(f"more than {MOST_SERIES} series")

    def _object(self, problem: str) -> None:
        self._problem = self._problem or problem

    def _samples(self) -> dict[str, Sample]:
        rates: dict[str, dict[str, float]] = {}
        for (deployment, field), parts in self._series.items():
            rates.setdefault(deployment, {})[field] = sum(parts.values())
        return {deployment: Sample(**found) for deployment, found in rates.items()}


def fingerprint(samples: Mapping[str, Sample]) -> str:
    """Digest all values that are not zero, in an order of their own; "" where there is none."""
    digest = blake2b(digest_size=16)
    is_empty = True
    for name in sorted(samples):
        sample = samples[name]
        rates = (
            sample.request_rate,
            sample.error_rate,
            sample.prompt_token_rate,
            sample.concurrency,
        )
        if any(rates):
            is_empty = False
            digest.update(f"{name} {rates}\n".encode())
    return "" if is_empty else digest.hexdigest()


@lru_cache(maxsize=REMEMBERED)
def _remembered_identity(labels: bytes) -> tuple[str, str] | None:
    """Find the same as `_identity`: from scrape to scrape the labels are alike."""
    return _identity(labels)


def _identity(labels: bytes) -> tuple[str, str] | None:
    """Find the deployment's full name and the HTTP code; None where it cannot be told."""
    found: dict[bytes, str] = {}
    position = 0
    while position < len(labels) and (label := _LABEL.match(labels, position)):
        found[label[1]] = _unescaped(label[2])
        position = label.end()
    if labels[position:].strip():
        return None
    code = found.get(b"http_code", "")
    if found.get(b"deployment", "").startswith("accounts/"):
        return found[b"deployment"], code
    account, short = found.get(b"deployment_account"), found.get(b"deployment_id")
    return (f"accounts/{account}/deployments/{short}", code) if account and short else None


def _unescaped(value: bytes) -> str:
    plain = value.decode("utf-8", "replace")
    if "\\" not in plain:
        return plain
    return _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], plain)


def _number(value: bytes) -> float:
    """Read a rate; what can be none (no number, infinite, negative) is NaN: unknown."""
    number = float(value) if _NUMBER.fullmatch(value) else math.nan
    return number if 0 <= number < math.inf else math.nan


def _shown(line: bytes) -> str:
    return repr(line[:80].decode("utf-8", "replace"))
