"""Many rows at once: every database bounds how many values one statement may name."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

T = TypeVar("T")
MOST = 500


def in_parts(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists of at most 500; no list if there are none."""
    rest = iter(values)
    while part := list(islice(rest, MOST)):
        yield part


def insert_all(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """New rows, each with these columns in order: in as few statements as can be.

    A driver that is given rows one by one lets go of the interpreter's lock for each, and must get it back.
    """
    quoted = connection.dialect.identifier_preparer.quote
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    named = ", ".join(quoted(column) for column in columns)
    row = f"({', '.join([mark] * len(columns))})"
    for some in in_parts(rows):
        connection.exec_driver_sql(
            f"INSERT INTO {quoted(table.name)} ({named}) VALUES {', '.join([row] * len(some))}",  # noqa: S608
            tuple(chain.from_iterable(some)),
        )
