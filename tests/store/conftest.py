"""Every test of the store runs on SQLite and on PostgreSQL."""

from tests.support.databases import database, database_url, new_url

__all__ = ["database", "database_url", "new_url"]
