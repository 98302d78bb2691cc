"""How deployments looked last, and that looking changes nothing."""

from sqlalchemy import text

from firewarden.store.descriptions import read_descriptions
from firewarden.store.engine import Database
from tests.store.values import ACCOUNT


def test_of_an_account_nobody_has_met_nothing_is_known(database: Database) -> None:
    with database.reading() as session:
        described = read_descriptions(session, ACCOUNT)
        accounts = session.execute(text("SELECT count(*) FROM account")).scalar()

    assert (described.deployments, described.surroundings, described.surroundings_at) == (
        {},
        None,
        None,
    )
    assert accounts == 0
