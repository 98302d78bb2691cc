"""Does a policy or a protection mean this deployment? By its description, and whose it is."""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import translate

from firewarden.decide.kleene import conjunction, disjunction, negation, truth_of
from firewarden.model.attributes import Attributes
from firewarden.model.deployment import Deployment
from firewarden.model.verdict import Truth
from firewarden.policy.match import Description

Matcher = Callable[[Deployment], Truth]
Whose = Callable[[Deployment], Attributes]

_NOT_SAID = {"", "STATE_UNSPECIFIED", "ACCELERATOR_TYPE_UNSPECIFIED", "REGION_UNSPECIFIED"}


def compile_match(match: Description, whose: Whose, *, either_name: bool = False) -> Matcher:
    """Turn *match* into a function; text is compared without regard to case.

    A fact that the provider does not tell (region, placement, accelerator, state, model)
    is unknown, and so is the match, also inside ``not``; so is an attribute that *whose* is
    unsure of, while one that nobody has said is no match. With *either_name* the patterns
    of ``name`` may match the display name as well.
    """
    tests = tuple(_tests(match, whose, either_name=either_name))

    def matches(deployment: Deployment) -> Truth:
        return conjunction(test(deployment) for test in tests)

    return matches


def _tests(match: Description, whose: Whose, *, either_name: bool) -> Iterator[Matcher]:
    yield from _described(match, either_name=either_name)
    for name, patterns in match.attributes().items():
        yield _attributed(name, patterns, whose)
    if match.not_ is not None:
        inner = compile_match(match.not_, whose, either_name=either_name)
        yield lambda deployment: negation(inner(deployment))
    if match.any_ is not None:
        choices = tuple(compile_match(each, whose, either_name=either_name) for each in match.any_)
        yield lambda deployment: disjunction(choice(deployment) for choice in choices)


def _described(match: Description, *, either_name: bool) -> Iterator[Matcher]:
    if match.name is not None:
        yield _named(match.name, either_name=either_name)
    yield from _texts(match)
    if match.min_replicas is not None:
        yield _number(match.min_replicas, lambda deployment: deployment.min_replica_count)
    if match.max_replicas is not None:
        yield _number(match.max_replicas, lambda deployment: deployment.max_replica_count)
    for key, patterns in (match.tags or {}).items():
        yield _tagged(key, patterns)
    if match.placement is not None:
        yield _placed(match.placement)


def _texts(match: Description) -> Iterator[Matcher]:
    facts: Mapping[str, tuple[tuple[str, ...] | None, Callable[[Deployment], str]]] = {
        "display_name": (match.display_name, lambda deployment: deployment.display_name),
        "model": (match.model, lambda deployment: deployment.base_model),
        "accelerator": (match.accelerator, lambda deployment: deployment.accelerator_type),
        "state": (match.state, lambda deployment: deployment.state),
        "region": (match.region, lambda deployment: deployment.region),
        "shape": (match.shape, lambda deployment: deployment.shape),
        "account": (match.account, lambda deployment: deployment.account),
    }
    for key, (patterns, fact) in facts.items():
        if patterns is not None:
            yield _text(patterns, fact, may_be_empty=key in {"display_name", "shape"})


def _glob(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    alternatives = "|".join(f"(?:{translate(pattern.casefold())})" for pattern in patterns)
    matches = re.compile(alternatives).match
    return lambda text: matches(text.casefold()) is not None


def _text(
    patterns: tuple[str, ...], fact: Callable[[Deployment], str], *, may_be_empty: bool
) -> Matcher:
    matches = _glob(patterns)

    def test(deployment: Deployment) -> Truth:
        text = fact(deployment)
        if text in _NOT_SAID and not (may_be_empty and text == ""):
            return Truth.UNKNOWN
        return truth_of(matches(text))

    return test


def _named(patterns: tuple[str, ...], *, either_name: bool) -> Matcher:
    matches = _glob(patterns)

    def test(deployment: Deployment) -> Truth:
        found = matches(deployment.deployment_id)
        return truth_of(found or (either_name and matches(deployment.display_name)))

    return test


def _number(numbers: tuple[int, ...], fact: Callable[[Deployment], int]) -> Matcher:
    return lambda deployment: truth_of(fact(deployment) in numbers)


def _tagged(key: str, patterns: tuple[str, ...]) -> Matcher:
    matches, wanted = _glob(patterns), key.casefold()

    def test(deployment: Deployment) -> Truth:
        return truth_of(
            any(tag.casefold() == wanted and matches(text) for tag, text in deployment.tags.items())
        )

    return test


def _attributed(name: str, patterns: tuple[str, ...], whose: Whose) -> Matcher:
    matches = _glob(patterns)

    def test(deployment: Deployment) -> Truth:
        attributes = whose(deployment)
        if name in attributes.unsure:
            return Truth.UNKNOWN
        return truth_of(any(matches(value) for value in attributes.values(name)))

    return test


def _placed(patterns: tuple[str, ...]) -> Matcher:
    whole = _glob(patterns)

    def test(deployment: Deployment) -> Truth:
        if deployment.placement == "":
            return Truth.UNKNOWN
        kind = deployment.placement.partition(":")[0]
        return truth_of(whole(deployment.placement) or whole(kind))

    return test
