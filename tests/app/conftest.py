"""Tests of the daemon's parts that need a database of their own."""

from tests.support.databases import database, database_url, new_url

__all__ = ["database", "database_url", "new_url"]
