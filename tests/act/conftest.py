"""A scene on a ledger in memory for every test of what is carried out."""

from collections.abc import Iterator

import pytest

from firewarden.store.engine import Database
from tests.act.cloud import Scene


@pytest.fixture
def scene() -> Iterator[Scene]:
    """exp-1 runs with min 1, and its stop is due."""
    database = Database.open("sqlite://", upgrade=True)
    yield Scene(database)
    database.close()
