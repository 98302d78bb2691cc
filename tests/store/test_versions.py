"""Since when a budget is written as it is."""

from firewarden.store.engine import Database
from firewarden.store.versions import Version, read_versions, write_versions
from tests.store.values import ACCOUNT, HOUR, T0


def write(database: Database, hashes: dict[str, str], *, hours: int = 0) -> None:
    with database.writing() as session:
        write_versions(session, ACCOUNT, hashes, at=T0 + hours * HOUR)


def read(database: Database) -> dict[str, Version]:
    with database.reading() as session:
        return read_versions(session, ACCOUNT)


def test_a_budget_is_written_so_since_it_was_first_seen_so(database: Database) -> None:
    for hours in range(3):
        write(database, {"month": "a", "day": "x"}, hours=hours)

    assert read(database) == {
        "month": Version(budget_hash="a", since=T0),
        "day": Version(budget_hash="x", since=T0),
    }


def test_an_edit_begins_a_version_and_one_taken_back_another(database: Database) -> None:
    for hours, budget_hash in enumerate("aba"):
        write(database, {"month": budget_hash}, hours=hours)

    assert read(database) == {"month": Version(budget_hash="a", since=T0 + 2 * HOUR)}


def test_a_budget_that_is_gone_for_a_while_is_as_old_as_it_was(database: Database) -> None:
    write(database, {"month": "a"})
    write(database, {}, hours=1)
    write(database, {"month": "a"}, hours=2)

    assert read(database)["month"].since == T0


def test_accounts_have_versions_of_their_own(database: Database) -> None:
    write(database, {"month": "a"})

    with database.reading() as session:
        assert read_versions(session, ACCOUNT) != {}
        assert read_versions(session, type(ACCOUNT)("other")) == {}
