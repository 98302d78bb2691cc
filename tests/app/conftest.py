"""Tests of the daemon's parts that need a database of their own."""

from tests.support.databases import new_url

__all__ = ["new_url"]
