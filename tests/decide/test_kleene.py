from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.decide.kleene import conjunction, disjunction, negation, truth_of
from firewarden.model.verdict import Truth

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
values = st.lists(st.sampled_from(Truth), max_size=5)


@pytest.mark.parametrize(
    ("given_values", "both", "either"),
    [
        pytest.param((), T, F, id="nothing"),
        pytest.param((T, T), T, T, id="true and true"),
        pytest.param((T, F), F, T, id="true and false"),
        pytest.param((F, F), F, F, id="false and false"),
        pytest.param((T, U), U, T, id="true and unknown"),
        pytest.param((F, U), F, U, id="false and unknown"),
        pytest.param((U, U), U, U, id="unknown and unknown"),
    ],
)
def test_unknown_counts_only_where_nothing_else_decides(
    given_values: tuple[Truth, ...], both: Truth, either: Truth
) -> None:
    assert conjunction(given_values) is both
    assert disjunction(given_values) is either
    assert conjunction(reversed(given_values)) is both
    assert disjunction(reversed(given_values)) is either


def test_unknown_stays_unknown_through_not() -> None:
    assert [negation(value) for value in (T, F, U)] == [F, T, U]
    assert [truth_of(value) for value in (True, False)] == [T, F]


@given(one=values, other=values)
def test_de_morgan_holds_with_three_values(one: list[Truth], other: list[Truth]) -> None:
    whole = [*one, *other]

    assert negation(conjunction(whole)) is disjunction(negation(value) for value in whole)
    assert negation(negation(conjunction(whole))) is conjunction(whole)
    assert conjunction([conjunction(one), conjunction(other)]) is conjunction(whole)


@given(known=st.lists(st.sampled_from([T, F]), max_size=4), holes=st.integers(1, 3))
def test_learning_more_never_contradicts_what_was_concluded(known: list[Truth], holes: int) -> None:
    """What is concluded with unknown parts stays so, whatever these turn out to be."""
    for combine in (conjunction, disjunction):
        concluded = combine([*known, *[U] * holes])
        if concluded is not U:
            assert all(
                combine([*known, *filled]) is concluded for filled in product([T, F], repeat=holes)
            )
