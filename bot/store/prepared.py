"""Statements that are built once, where people or the loop wait: SQLAlchemy builds one slower than it runs it."""

from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any, Concatenate, ParamSpec, TypeVar, TypeVarTuple, overload

from sqlalchemy import CompoundSelect, CursorResult, ScalarResult, Update, bindparam
from sqlalchemy.engine import TupleResult
from sqlmodel import Session
from sqlmodel.sql.expression import Select, SelectOfScalar

ESCAPE = "/"
P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@overload
def prepared(build: Callable[P, SelectOfScalar[T]]) -> Callable[Concatenate[Session, P], ScalarResult[T]]: ...
@overload
def prepared(
    build: Callable[P, Select[*Ts] | CompoundSelect[*Ts]],
) -> Callable[Concatenate[Session, P], TupleResult[tuple[*Ts]]]: ...
@overload
def prepared(build: Callable[P, Update]) -> Callable[Concatenate[Session, P], CursorResult[Any]]: ...


def prepared(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return what runs the statement of BUILD, `run(db, ...)`, with the arguments of BUILD in their order.

    BUILD itself is called once, with a parameter of the statement for each of its arguments: so it may only put them
    where a value may stand, a list with `in_`. A value that is None is NULL there, which equals nothing.
    """
    names = [f"{name}_" for name in signature(build).parameters]  # a plain name could be a column's

    @cache
    def statement() -> tuple[Any, bool]:
        built = build(*map(bindparam, names))
        return built, _is_plain(built)

    def run(db: Session, *given: Any) -> Any:
        query, plain = statement()
        params = dict(zip(names, given, strict=True))
        if not plain:
            return db.exec(query, params=params)
        if db.autoflush:
            db.flush()
        found = db.connection().execute(query, params)
        return found.scalars() if isinstance(query, SelectOfScalar) else found

    return run


def _is_plain(built: Any) -> bool:
    """Return whether it selects columns only: without the ORM, which has nothing to make of them, it costs half."""
    if isinstance(built, CompoundSelect):
        return True
    return isinstance(built, Select | SelectOfScalar) and not any(
        isinstance(column["type"], type) for column in built.column_descriptions
    )


def like(text: str) -> str:
    """Return TEXT for a prepared `startswith(..., escape=ESCAPE)`, its wildcards taken literally."""
    for sign in (ESCAPE, "%", "_"):
        text = text.replace(sign, ESCAPE + sign)
    return text
