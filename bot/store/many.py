"""Statements over many rows: the same text on every database, and little of SQLAlchemy at run time.

A text is made once for each number of rows, with SQLAlchemy's placeholders and casts of the dialect; its values then go
to the driver directly, because binding them by name costs more than the database needs to write them. Lists are cut
where few numbers of rows serve them all, so that few texts have to stay prepared in the driver.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

Values = tuple[Any, ...]

MOST_ROWS = 256
"""In one statement; with 30 columns they are far from the 32,766 values that databases take."""
KEPT = 512
"""Statements that a driver should keep prepared: some dozen texts for each list, each in a few lengths."""
CONSTANT = re.compile(r":(\w+)")


def types_of(table: type[SQLModel], *names: str) -> list[TypeEngine[Any]]:
    """Return the types of the columns NAMES."""
    columns: sa.Table = table.__table__  # type: ignore[attr-defined] # SQLModel adds it
    return [columns.c[name].type for name in names]


@dataclass(frozen=True)
class _Compiled:
    text: str
    head: Sequence[str]
    """Names of the constants before the rows, in the order in which the driver wants their values."""
    tail: Sequence[str]


class Many:
    """A statement with `{rows}` where a list of VALUES is to stand, and `:name` where a constant is."""

    def __init__(self, text: str, *columns: TypeEngine[Any], **constants: TypeEngine[Any]) -> None:
        """COLUMNS are the types of a row's values in their order, CONSTANTS those of the other values."""
        self._text = text
        self._columns = columns
        self._constants = constants
        self._compiled: dict[tuple[str, int], _Compiled] = {}
        self._processors: dict[str, tuple[Sequence[tuple[int, _Processor]], dict[str, _Processor]]] = {}

    def run(self, db: Session, rows: Sequence[Values], **constants: Any) -> list[Any]:
        """Run it over ROWS, and return what it returns, as the driver gives it; nothing happens without rows."""
        if not rows:
            return []
        connection = db.connection()
        typed, named = self._processors_of(connection.dialect)
        given = {name: named[name](value) if name in named else value for name, value in constants.items()}
        if typed:
            rows = [_processed(row, typed) for row in rows]
        returned: list[Any] = []
        for part in _parts(rows):
            compiled = self._compile(connection.dialect, len(part))
            head, tail = (tuple(given[name] for name in names) for names in (compiled.head, compiled.tail))
            returned += _ask(connection, compiled.text, (*head, *itertools.chain.from_iterable(part), *tail))
        return returned

    def _compile(self, dialect: Dialect, count: int) -> _Compiled:
        known = self._compiled.get((dialect.name, count))
        if known is None:
            known = self._compiled[dialect.name, count] = self._compile_anew(dialect, count)
        return known

    def _compile_anew(self, dialect: Dialect, count: int) -> _Compiled:
        numbers = itertools.count(1)
        places = [_placeholder(kind, dialect) for kind in self._columns]
        named = {name: _placeholder(kind, dialect) for name, kind in self._constants.items()}

        def numbered(place: str) -> str:
            return place.replace("$1", f"${next(numbers)}")

        def compiled(part: str) -> str:
            return CONSTANT.sub(lambda found: numbered(named[found[1]]), part)

        before, after = self._text.split("{rows}")
        head = compiled(before)
        rows = ", ".join("(" + ", ".join(map(numbered, places)) + ")" for _ in range(count))
        return _Compiled(head + rows + compiled(after), head=CONSTANT.findall(before), tail=CONSTANT.findall(after))

    def _processors_of(self, dialect: Dialect) -> tuple[Sequence[tuple[int, "_Processor"]], dict[str, "_Processor"]]:
        known = self._processors.get(dialect.name)
        if known is None:
            columns = [(n, _processor(kind, dialect)) for n, kind in enumerate(self._columns)]
            named = {name: _processor(kind, dialect) for name, kind in self._constants.items()}
            known = self._processors[dialect.name] = (
                [(n, process) for n, process in columns if process is not None],
                {name: process for name, process in named.items() if process is not None},
            )
        return known


def _ask(connection: sa.Connection, text: str, values: Values) -> Sequence[Values]:
    """Run TEXT in the driver and return what it returns: what SQLAlchemy does around a statement costs more than most.

    Raises what SQLAlchemy raises, and lets go of a connection that is lost, as it does.
    """
    dialect = connection.dialect
    cursor = connection.connection.cursor()
    try:
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else ()
    except dialect.loaded_dbapi.Error as error:
        lost = dialect.is_disconnect(error, connection.connection, cursor)
        if lost:
            connection.invalidate(error)
        raise sa.exc.DBAPIError.instance(
            text,
            values,
            error,
            dialect.loaded_dbapi.Error,
            hide_parameters=connection.engine.hide_parameters,
            connection_invalidated=lost,
        ) from error
    finally:
        cursor.close()


_Processor = Callable[[Any], Any]


def _placeholder(kind: TypeEngine[Any], dialect: Dialect) -> str:
    """Return what stands for a value of KIND, `?` or `$1::TEXT`."""
    return str(sa.text(":value").bindparams(sa.bindparam("value", type_=kind)).compile(dialect=dialect))


def _processor(kind: TypeEngine[Any], dialect: Dialect) -> _Processor | None:
    """Return what makes a value of KIND one of the driver's; times are remembered, because most come many times."""
    if isinstance(kind, sa.JSON):
        return lambda value: to_json(value).decode()
    process = kind.dialect_impl(dialect).bind_processor(dialect)
    return lru_cache(4096)(process) if process is not None and isinstance(kind, UTCDateTime) else process


def _processed(row: Values, typed: Sequence[tuple[int, _Processor]]) -> Values:
    values = list(row)
    for n, process in typed:
        if values[n] is not None:
            values[n] = process(values[n])
    return tuple(values)


def _parts(rows: Sequence[Values]) -> Iterator[Sequence[Values]]:
    """Cut ROWS into pieces, as long as numbers are of which only the first three binary digits may be 1."""
    first = 0
    while first < len(rows):
        left = min(MOST_ROWS, len(rows) - first)
        zeros = max(0, left.bit_length() - 3)
        count = left >> zeros << zeros
        yield rows[first : first + count]
        first += count
