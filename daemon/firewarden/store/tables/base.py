"""What all tables share: exact integers, rows in the order of their keys, named constraints."""

from typing import Final, TypedDict

from sqlalchemy import CheckConstraint, Index, MetaData, Table, text
from sqlalchemy.sql.schema import SchemaItem
from sqlmodel import SQLModel


class Clustered(TypedDict):
    """Table options: rows lie in the order of the primary key, without a second tree."""

    sqlite_with_rowid: bool


CLUSTERED: Final[Clustered] = {"sqlite_with_rowid": False}


def integers(*columns: str, nullable: tuple[str, ...] = ()) -> SchemaItem:
    """Have SQLite refuse what is no integer in *columns* (or no NULL either in *nullable*)."""
    tests = [f"typeof({column}) = 'integer'" for column in columns]
    tests += [f"typeof({column}) IN ('integer', 'null')" for column in nullable]
    check = CheckConstraint(" AND ".join(tests), name="integers")
    return check.ddl_if(dialect="sqlite")


def unique_while(name: str, *columns: str, where: str) -> Index:
    """Let at most one row for *columns* exist among those that satisfy *where*."""
    return Index(
        name, *columns, unique=True, sqlite_where=text(where), postgresql_where=text(where)
    )


class Row(SQLModel):
    """A table of the ledger, apart from any other SQLModel tables of the process."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def table(row: type[Row]) -> Table:
    """Core's view of *row*, for statements that take a list of rows."""
    return Row.metadata.tables[str(row.__tablename__)]
