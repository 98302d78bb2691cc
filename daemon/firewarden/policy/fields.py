"""The small types of a policy file: shares, money, patterns, names, secrets, zones."""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Annotated, Never, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from firewarden.model.vocabulary import Blocker, Mode, ProviderDelete, PutBack
from firewarden.policy.problems import did_you_mean, masked, shown

Given = TypeVar("Given")
Taken = TypeVar("Taken")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%", re.ASCII)
_CHANNEL = re.compile(r"[a-z0-9_-]{1,80}", re.ASCII)
_SECRET = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:/\S+", re.ASCII)
_CURLY = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"
_LONGEST_TEXT = 500
_MOST_ITEMS = 1_000
_MOST = 1_000_000
_MOST_USD = 1_000_000_000

LIFTABLE = (
    Blocker.HOT_LOAD,
    Blocker.DIRECT_ROUTE,
    Blocker.OWN_CLUSTER,
    Blocker.PREEMPTIBLE,
    Blocker.PUBLISHED_MODEL,
    Blocker.ROUTER_MEMBER,
    Blocker.ADDONS,
    Blocker.PROVIDER_SCHEDULE,
    Blocker.NOT_READY,
    Blocker.COLD_START,
    Blocker.NOT_AT_ZERO,
    Blocker.DEFAULT_MODEL,
    Blocker.UNKNOWN_ENV,
)
"""Built-in protections that a policy's ``allow`` may lift in this version."""


def refuse(message: str, suggestion: str, *, at: str = "") -> Never:
    """Reject a value with *message* and its mend, from inside a validator.

    *at* is the key of a map that it is about, where it is about one.
    """
    context = {"message": message, "suggestion": suggestion, "at": at}
    raise PydanticCustomError("policy", "{message}", context)


def each(items: Iterable[tuple[int | str, Given]], take: Callable[[Given], Taken]) -> list[Taken]:
    """Take the values of *items*; what is wrong with one is told at its own place, its key."""
    taken = []
    for key, value in items:
        try:
            taken.append(take(value))
        except PydanticCustomError as error:
            context = {**(error.context or {}), "item": key}
            raise PydanticCustomError("policy", "{message}", context) from None
    return taken


def each_of(given: object, take: Callable[[object], Taken]) -> tuple[Taken, ...]:
    """Take one thing, or each of a list."""
    if isinstance(given, list | tuple):
        return tuple(each(enumerate(as_list(given)), take))
    return (take(given),)


def as_text(given: object) -> str:
    """Take text as it is; refuse numbers and switches, which YAML made of unquoted text."""
    if isinstance(given, str):
        text = given
    elif given is None:
        refuse("empty: text is expected", "write it, or take the key out")
    elif isinstance(given, bool | int | Decimal):
        word = str(given).lower() if isinstance(given, bool) else str(given)
        refuse("text is expected", f'in quotes: "{word}"')
    else:
        refuse("text is expected, not a list or a map", "write one text")
    if not text.strip():
        refuse("empty: text is expected", "write it, or take the key out")
    if len(text) > _LONGEST_TEXT:
        refuse(f"longer than {_LONGEST_TEXT} characters", "shorten it")
    return text


def as_list(given: object) -> tuple[object, ...]:
    """Take a list of at least one thing."""
    if not isinstance(given, list | tuple):
        refuse("a list is expected", "begin each item with `- `")
    if not given:
        refuse("the list is empty", "take the key out, or write an item")
    if len(given) > _MOST_ITEMS:
        refuse(f"more than {_MOST_ITEMS} items", "use patterns such as `exp-*`")
    return tuple(given)


def chosen(word: object, choices: Iterable[str], what: str) -> str:
    """Take one word of a closed list, in any case; refuse others with the nearest."""
    text = as_text(word)
    known = {choice.casefold(): choice for choice in choices}
    found = known.get(text.casefold())
    if found is None:
        refuse(f"{shown(text)} is no {what}", did_you_mean(text, known.values()))
    return found


def _texts(given: object) -> tuple[str, ...]:
    return each_of(given, _pattern)


def _pattern(given: object) -> str:
    """Take text, but not in quotes of a word processor: to YAML they are letters, and match."""
    text = as_text(given)
    if text[0] in _CURLY:
        refuse(f"{shown(text)} is not in quotes that YAML knows", 'straight ones: "…"')
    return text


def _names(given: object) -> tuple[str, ...]:
    return each_of(given, _name_pattern)


def _name_pattern(given: object) -> str:
    text = _pattern(given)
    if set(text) <= {"*"}:
        refuse("`*` matches everything", "if everything is meant, write `all: true`")
    return text


def whole_number(given: object, *, at_least: int) -> int:
    """Take a whole number that is not absurd."""
    if isinstance(given, bool) or not isinstance(given, int):
        refuse("a whole number is expected", "without quotes")
    if not at_least <= given <= _MOST:
        refuse(
            f"must be at least {at_least} and at most {_MOST}", f"for example {max(at_least, 1)}"
        )
    return given


def _at_least_one(given: object) -> int:
    return whole_number(given, at_least=1)


def _numbers(given: object) -> tuple[int, ...]:
    return each_of(given, lambda item: whole_number(item, at_least=0))


def _share(given: object) -> Decimal:
    if isinstance(given, Decimal):
        return given
    found = _SHARE.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        refuse("not a share", "write a number and a percent sign, for example 20%")
    ratio = Decimal(found[1]) / 100
    if not 0 < ratio <= 1:
        refuse("a share lies above 0% and is at most 100%", "for example 20%")
    return ratio


def _amount(given: object, *, most: int) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        refuse("an amount in US dollars is expected", "for example 5 or 12.50")
    amount = Decimal(given)
    if not 0 < amount <= most:
        refuse(f"must lie above 0 and be at most {most} USD", "for example 5 or 12.50")
    return amount


def as_amount(given: object) -> Decimal:
    """Take a number above nothing as it is: an amount of a budget."""
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        refuse("a number is expected", "for example 5000 or 12.50")
    amount = Decimal(given)
    if not 0 < amount <= _MOST_USD:
        refuse(f"must lie above 0 and be at most {_MOST_USD}", "for example 5000 or 12.50")
    return amount


def _usd(given: object) -> Decimal:
    return _amount(given, most=_MOST)


def _money(given: object) -> Decimal:
    return _amount(given, most=_MOST_USD)


def _usd_or_any(given: object) -> Decimal:
    return Decimal(0) if given == "any" else _usd(given)


def _mode(given: object) -> Mode:
    if isinstance(given, Mode):
        return given
    if isinstance(given, bool):
        refuse("a mode is expected", f"one of {', '.join(mode.label for mode in Mode)}")
    return Mode[chosen(given, [mode.label for mode in Mode], "mode").upper()]


def _put_back(given: object) -> PutBack:
    words = (PutBack.ON_WAKE, PutBack.AT_END, PutBack.NEVER)
    return PutBack(chosen(given, words, "time to put back"))


def _usual_put_back(given: object) -> PutBack:
    if given == PutBack.AT_END:
        refuse("`at_end` is the end of a policy's own hours", "write it into the policy")
    return _put_back(given)


def _provider_delete(given: object) -> ProviderDelete:
    return ProviderDelete(chosen(given, list(ProviderDelete), "answer to the provider's delete"))


def _name(given: object) -> str:
    text = as_text(given)
    if not _NAME.fullmatch(text):
        refuse(
            f"{shown(text)} cannot be a name",
            "letters, digits, `-`, `_` and `.`, at most 64, a letter or digit first",
        )
    return text


def _secret(given: object) -> str:
    text = as_text(given)
    if not _SECRET.fullmatch(text):
        refuse("a secret never stands in a policy file", "write env:NAME or file:/path")
    return text


def _channel(given: object) -> str:
    text = as_text(given)
    if masked(text) != text:
        refuse("this looks like a secret, not like a channel", "take it out and revoke it")
    if not _CHANNEL.fullmatch(text):
        refuse(f"{shown(text)} is no channel name", "lower case, without the #")
    return text


def _zone(given: object) -> str:
    text = as_text(given)
    try:
        ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        refuse(f"{shown(text)} is no time zone", _near_zones(text))
    return text


def _near_zones(text: str) -> str:
    hint = did_you_mean(text, available_timezones())
    return hint if hint.startswith("did") else "an IANA name, for example Europe/Berlin or UTC"


def _allowed(given: object) -> tuple[Blocker, ...]:
    return tuple(each(enumerate(as_list(given)), _liftable))


def _liftable(given: object) -> Blocker:
    text = as_text(given)
    if text == Blocker.TRAINING:
        refuse("`training` is legal only with trainer_gone_for, which comes later", "take it out")
    return Blocker(chosen(text, LIFTABLE, "built-in protection"))


Text = Annotated[str, BeforeValidator(as_text)]
Patterns = Annotated[tuple[str, ...], BeforeValidator(_texts)]
"""One glob or a list of them; case does not matter."""
NamePatterns = Annotated[tuple[str, ...], BeforeValidator(_names)]
"""Patterns of which none is ``*`` alone."""
Names = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Name = Annotated[str, BeforeValidator(_name)]
Count = Annotated[int, BeforeValidator(_at_least_one)]
Counts = Annotated[tuple[int, ...], BeforeValidator(_numbers)]
Share = Annotated[Decimal, BeforeValidator(_share)]
Usd = Annotated[Decimal, BeforeValidator(_usd)]
Money = Annotated[Decimal, BeforeValidator(_money)]
"""Dollars of a contract or a budget, not of an hour."""
UsdOrAny = Annotated[Decimal, BeforeValidator(_usd_or_any)]
"""0 stands for ``any``."""
ModeWord = Annotated[Mode, BeforeValidator(_mode)]
PutBackWord = Annotated[PutBack, BeforeValidator(_put_back)]
UsualPutBackWord = Annotated[PutBack, BeforeValidator(_usual_put_back)]
ProviderDeleteWord = Annotated[ProviderDelete, BeforeValidator(_provider_delete)]
Secret = Annotated[str, BeforeValidator(_secret)]
Channel = Annotated[str, BeforeValidator(_channel)]
Zone = Annotated[str, BeforeValidator(_zone)]
Allowed = Annotated[tuple[Blocker, ...], BeforeValidator(_allowed)]
"""Built-in protections that are lifted."""
