"""The transaction that functions of the store work in, for those who only hand it on."""

from sqlmodel import Session

__all__ = ["Session"]
