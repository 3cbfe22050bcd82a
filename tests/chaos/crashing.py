"""`bellwether run`, killed at a named point: the bot as it is, with some of its functions wrapped from outside.

    python -m tests.chaos.crashing ARMED LOG

For each line that it reads it forks a bot, with everything imported already, and prints its pid, and then how it ended.
The file ARMED holds the name of the point at which the bot kills itself; it is renamed to `*.reached` as it does.
"""

import asyncio
import functools
import importlib
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy.engine.default import DefaultDialect
from sqlmodel import Session

from tests.chaos.points import POINTS, Point

PRELOADED = (
    "bot.__main__",
    "bot.app.outside",
    "bot.cli.running",
    "bot.store.postgres",
    "bot.store.sqlite",
    "integrations.alertmanager",
    "integrations.jira",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.httptools_impl",
)
BY_NAME = {point.name: point for point in POINTS}


class Trap:
    """Kills this process at the point whose name stands in the file ARMED."""

    def __init__(self, armed: Path) -> None:
        self.armed = armed
        self.doomed: dict[int, Point] = {}
        """By the connection whose next commit it is about."""

    def set(self) -> None:
        """Wrap what the points name."""
        for where in {point.where for point in POINTS if point.when != "unanswered"}:
            self._wrap(where)
        commit = DefaultDialect.do_commit

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            point = self.doomed.get(id(connection.dbapi_connection))
            if point is not None and point.when == "before commit":
                self.spring()
            commit(dialect, connection)
            if point is not None:
                self.spring()

        DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]

    def point(self, where: str, when: tuple[str, ...], *told: Any) -> Point | None:
        """Return the point that is armed, if this is it."""
        try:
            point = BY_NAME[self.armed.read_text()]
        except FileNotFoundError:
            return None
        here = point.where == where and point.when in when
        return point if here and re.search(point.about, repr(told)) else None

    def spring(self) -> NoReturn:
        self.armed.rename(self.armed.with_suffix(".reached"))
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    def _wrap(self, where: str) -> None:
        module_name, _, path = where.partition(":")
        *outer, name = path.split(".")
        module = importlib.import_module(module_name)
        holder = functools.reduce(getattr, outer, module)
        original = getattr(holder, name)
        wrapped = (self._asynchronous if asyncio.iscoroutinefunction(original) else self._transaction)(original, where)
        setattr(holder, name, wrapped)
        if outer:
            return
        for known in [m for n, m in sys.modules.items() if n.split(".")[0] in ("bot", "integrations")]:
            for alias in [alias for alias, value in vars(known).items() if value is original]:
                setattr(known, alias, wrapped)

    def _asynchronous(self, f: Callable[..., Any], where: str) -> Callable[..., Any]:
        @functools.wraps(f)
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            if self.point(where, ("before",), args, kwargs):
                self.spring()
            result = await f(*args, **kwargs)
            if self.point(where, ("after",), args, kwargs, result):
                self.spring()
            return result

        return wrapped

    def _transaction(self, f: Callable[..., Any], where: str) -> Callable[..., Any]:
        @functools.wraps(f)
        def wrapped(db: Session, *args: Any, **kwargs: Any) -> Any:
            result = f(db, *args, **kwargs)
            if point := self.point(where, ("before commit", "after commit"), args, kwargs, result):
                self.doomed[id(db.connection().connection.dbapi_connection)] = point
            return result

        return wrapped


def main(armed: Path, log: Path) -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    Trap(armed).set()
    for _ in iter(sys.stdin.readline, ""):
        if (pid := os.fork()) == 0:
            run(log)
        say(pid)
        _, status = os.waitpid(pid, 0)
        say(os.waitstatus_to_exitcode(status))


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def run(log: Path) -> NoReturn:
    """Become the bot."""
    from bot.__main__ import main as bellwether

    nothing, written = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(nothing, 0)
    os.dup2(written, 1)
    os.dup2(written, 2)
    sys.argv = ["bellwether", "run"]
    bellwether()
    raise SystemExit


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
