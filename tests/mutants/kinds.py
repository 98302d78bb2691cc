"""A change of the safety code made by hand, and the tests that have to notice."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Put *new* in the place of *old*, which stands exactly once in *file* of the package."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One defence taken away.

    Attributes:
        promise: the one that it breaks, by its number.
        tests: those of the layer itself, one of which has to fail.
        off: defences of other layers that stand before those tests, and are taken away too;
            without the mutant the tests pass all the same.
    """

    promise: str
    name: str
    edit: Edit
    tests: Sequence[str]
    off: Sequence[Edit] = ()


def mutant(
    promise: str,
    name: str,
    file: str,
    old: str,
    new: str,
    where: str,
    *tests: str,
    off: Sequence[Edit] = (),
) -> Mutant:
    """Write one down whose *tests* stand in the file *where*."""
    return Mutant(
        promise=promise,
        name=name,
        edit=Edit(file=file, old=old, new=new),
        tests=[f"{where}::{test}" for test in tests],
        off=off,
    )
