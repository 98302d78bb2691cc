"""The transaction that functions of the store work in, for those who only hand it on."""

from sqlalchemy import Connection as Session

__all__ = ["Session"]
