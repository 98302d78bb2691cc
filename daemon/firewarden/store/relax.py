"""Trades safety against power loss for speed, for a ledger that can be made again."""

import sqlite3

from firewarden.store.engine import Database


def relax(database: Database) -> None:
    """Let commits of *database* return before they are on the disk, until it is closed.

    A crash of the process loses nothing; a crash of the machine may damage the file. Does
    nothing to PostgreSQL.
    """
    if not database.is_sqlite:
        return
    with database.writer.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("PRAGMA synchronous=OFF")
