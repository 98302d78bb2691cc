"""Whose a deployment was, from hour to hour."""

from decimal import Decimal

import pytest

from firewarden.errors import StoreError
from firewarden.model.attributes import Attributes
from firewarden.store.attributes import read_attributes, read_owners, write_attributes
from firewarden.store.engine import Database
from firewarden.store.ledger import write_change
from tests.store.values import ACCOUNT, HOUR, T0, met, uid_of

SEARCH = uid_of("search")
OURS = Attributes(team="search", env="prod", service="search")
SHARED = Attributes(split={"a": Decimal("0.6"), "b": Decimal("0.4")}, owner="ü\0")


@pytest.fixture
def ledger(database: Database) -> Database:
    with database.writing() as session:
        write_change(session, ACCOUNT, met("search"), at=T0)
        write_attributes(session, {SEARCH: OURS}, hour=T0)
    return database


def test_what_was_said_is_kept_beside_what_is_said_now(ledger: Database) -> None:
    with ledger.writing() as session:
        write_attributes(session, {SEARCH: SHARED}, hour=T0 + 2 * HOUR)
    with ledger.reading() as session:
        owners, now = read_owners(session, ACCOUNT), read_attributes(session, ACCOUNT)

    kept = Attributes(split=SHARED.split, owner="ü\N{REPLACEMENT CHARACTER}")
    assert owners == {SEARCH: ((T0, OURS), (T0 + 2 * HOUR, kept))}
    assert now == {SEARCH: kept}


def test_the_newest_word_of_an_hour_counts_for_all_of_it(ledger: Database) -> None:
    with ledger.writing() as session:
        write_attributes(session, {SEARCH: Attributes(team="ads")}, hour=T0)
    with ledger.reading() as session:
        assert read_owners(session, ACCOUNT) == {SEARCH: ((T0, Attributes(team="ads")),)}


def test_the_same_again_is_no_other_row(ledger: Database) -> None:
    with ledger.writing() as session:
        write_attributes(session, {SEARCH: OURS}, hour=T0 + HOUR)
    with ledger.reading() as session:
        assert read_owners(session, ACCOUNT) == {SEARCH: ((T0, OURS),)}


def test_a_deployment_that_was_never_met_is_refused(ledger: Database) -> None:
    with ledger.writing() as session, pytest.raises(StoreError):
        write_attributes(session, {uid_of("other"): OURS}, hour=T0)
