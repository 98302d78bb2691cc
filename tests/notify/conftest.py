"""A post office's surroundings, on SQLite in memory."""

from collections.abc import Iterator

import pytest

from firewarden.store.engine import Database
from tests.notify.offices import Setting


@pytest.fixture
def setting() -> Iterator[Setting]:
    database = Database.open("sqlite://", upgrade=True)
    yield Setting(database=database)
    database.close()
