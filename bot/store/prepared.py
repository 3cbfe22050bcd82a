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
    def statement() -> Any:
        return build(*map(bindparam, names))

    def run(db: Session, *given: Any) -> Any:
        return db.exec(statement(), params=dict(zip(names, given, strict=True)))

    return run


def like(text: str) -> str:
    """Return TEXT for a prepared `startswith(..., escape=ESCAPE)`, its wildcards taken literally."""
    for sign in (ESCAPE, "%", "_"):
        text = text.replace(sign, ESCAPE + sign)
    return text
