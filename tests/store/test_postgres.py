"""What only PostgreSQL can do to us: other replicas at work, connections that go away, a server that restarts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Session, col

from bot.domain.errors import StoreUnavailable
from bot.store import postgres, schema
from bot.store.database import Database
from bot.store.projection import FIRST, claim, touch
from bot.store.tables import Heartbeat
from tests.databases import Server

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SOURCE = "events"


def add(db: Session) -> None:
    db.add(Heartbeat(source=SOURCE, last_at=NOW, deliveries=0))


def read_then_write(db: Session) -> int:
    """What would lose a count if two did it at once."""
    row = db.get_one(Heartbeat, SOURCE)
    known = row.deliveries
    values = update(Heartbeat).where(col(Heartbeat.source) == SOURCE).values(deliveries=known + 1)
    db.exec(values.execution_options(synchronize_session=False))
    return known + 1


def counted(db: Session) -> int:
    return db.get_one(Heartbeat, SOURCE).deliveries


def create_if_missing(db: Session) -> bool:
    if db.get(Heartbeat, SOURCE) is not None:
        return False
    add(db)
    return True


def backend(db: Session) -> int:
    return int(db.connection().execute(text("SELECT pg_backend_pid()")).scalar_one())


@pytest.fixture
def url(postgresql: Server, migrated_postgresql: str, tmp_path: Path) -> Iterator[str]:
    url = postgresql.make(tmp_path, migrated_postgresql)
    yield url
    postgresql.drop(url)


@pytest.fixture
def replicas(url: str) -> Iterator[list[Database]]:
    """Three programs on one database."""
    opened = [Database(url) for _ in range(3)]
    yield opened
    for database in opened:
        database.close()


async def test_replicas_that_read_and_then_write_lose_nothing(replicas: list[Database]) -> None:
    await replicas[0].write(add)

    await asyncio.gather(*(database.write(read_then_write) for _ in range(100) for database in replicas))

    assert await replicas[0].read(counted) == 300


async def test_what_all_replicas_would_create_at_once_is_created_once(replicas: list[Database]) -> None:
    made = await asyncio.gather(*(database.write(create_if_missing) for database in replicas))

    assert sorted(made) == [False, False, True]


async def test_replicas_that_start_at_once_make_the_tables_once(postgresql: Server, tmp_path: Path) -> None:
    url = postgresql.make(tmp_path)
    replicas = [Database(url) for _ in range(3)]

    before = await asyncio.gather(*(database.write(schema.upgrade) for database in replicas))
    for database in replicas:
        database.close()
    postgresql.drop(url)

    assert sorted(map(str, before)) == [schema.HEAD, schema.HEAD, "None"]


async def test_a_claim_passes_over_what_another_session_is_claiming(url: str) -> None:
    engines = [postgres.engine(url, {}) for _ in range(2)]
    sessions = [AsyncSession(engine, sync_session_class=Session) for engine in engines]
    async with sessions[0] as one, sessions[1] as other:
        await one.run_sync(lambda db: touch(db, NOW, "slack/group/1", "slack/group/2"))
        await one.commit()

        claims = [await session.run_sync(claim, NOW + FIRST, "slack/") for session in (one, other, other)]

        assert {held.key for held in claims[:2]} == {"slack/group/1", "slack/group/2"}
        assert claims[2] is None
    for engine in engines:
        await engine.dispose()


async def test_a_connection_that_is_ended_in_the_middle_costs_nobody_anything(
    url: str, postgresql: Server, replicas: list[Database]
) -> None:
    database = replicas[0]
    await database.write(add)
    tries: list[int] = []

    def killed_at_first(db: Session) -> int:
        tries.append(backend(db))
        if len(tries) == 1:
            postgresql.execute(f"SELECT pg_terminate_backend({tries[0]})", url)
        return read_then_write(db)

    others = [asyncio.create_task(database.write(read_then_write)) for _ in range(5)]
    answer = await database.write(killed_at_first)
    await asyncio.gather(*others)

    assert len(set(tries)) == 2
    assert answer <= await database.read(counted) == 6


async def test_a_reader_whose_connection_was_ended_reads_again(
    url: str, postgresql: Server, replicas: list[Database]
) -> None:
    database = replicas[0]
    await database.write(add)
    backends = await asyncio.gather(*(database.read(backend) for _ in range(20)))

    for number in set(backends):
        postgresql.execute(f"SELECT pg_terminate_backend({number})", url)

    assert await asyncio.gather(*(database.read(counted) for _ in range(20))) == [0] * 20


def half_ask(db: Session) -> None:
    """Send the first half of a question, as the driver does with one that it asks for the first time."""
    driver: Any = db.connection().connection.driver_connection
    parse = b"\0SELECT 1\0\0\0"
    driver._transport.write(b"P" + (len(parse) + 4).to_bytes(4) + parse + b"H" + (4).to_bytes(4))


@pytest.mark.parametrize("before", [lambda _db: None, half_ask], ids=["idle", "asking"])
async def test_a_replica_that_stands_still_does_not_hold_up_the_others_for_long(
    url: str, monkeypatch: pytest.MonkeyPatch, before: Callable[[Session], None]
) -> None:
    monkeypatch.setitem(postgres.SETTINGS, "idle_in_transaction_session_timeout", "300ms")
    monkeypatch.setitem(postgres.WRITING, "lock_timeout", "500ms")
    monkeypatch.setattr(postgres, "STILL_S", 0.3)
    paused, other = Database(url), Database(url)
    await other.write(add)
    seen: list[int] = []

    def stand_still(db: Session) -> int:
        """In the middle of a transaction, as a stopped process does, until the other one has gone on."""
        known = read_then_write(db)
        if not seen:
            before(db)
            seen.append(other.submit(read_then_write).result(10))
        return known

    answer = await paused.write(stand_still)
    counts = await other.read(counted)
    await asyncio.gather(asyncio.to_thread(paused.close), asyncio.to_thread(other.close))

    assert (seen, answer, counts) == ([1], 2, 2)


class Wire:
    """Stands between us and the server, and may cut the line around a COMMIT."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self.cut: str = ""
        """"before" or "after" the server gets the next COMMIT; it happens once."""
        self.cuts = 0
        self.lines: set[asyncio.Task[None]] = set()

    def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream, server = await asyncio.open_unix_connection(self.socket)
        except FileNotFoundError:
            writer.close()
            return
        back = asyncio.create_task(self._pass_back(upstream, writer))
        try:
            await self._pass_on(reader, upstream, server, back)
        finally:
            back.cancel()
            for end in (server, writer):
                end.close()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        upstream: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        back: asyncio.Task[None],
    ) -> None:
        while asked := await reader.read(65536):
            if self.cut and b"COMMIT" in asked:
                self.cuts += 1
                back.cancel()
                if self.cut == "after":
                    server.write(asked)
                    await asyncio.gather(back, return_exceptions=True)
                    await upstream.read(65536)
                self.cut = ""
                return
            server.write(asked)

    async def _pass_back(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answer := await upstream.read(65536):
            writer.write(answer)
        writer.close()


@pytest.fixture
async def wire(url: str, tmp_path: Path) -> AsyncIterator[tuple[Wire, Database]]:
    folder = parse_qs(urlsplit(url).query).get("host")
    if folder is None:
        pytest.skip("the server is not reached by a socket file")
    wire = Wire(f"{folder[0]}/.s.PGSQL.5432")
    server = await asyncio.start_server(wire.connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    database = Database(f"postgresql://postgres@127.0.0.1:{port}{urlsplit(url).path}?sslmode=disable")
    yield wire, database
    await asyncio.to_thread(database.close)
    server.close()
    await asyncio.gather(*wire.lines, return_exceptions=True)


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_when_the_answer_to_a_commit_is_lost_the_work_is_done_once(wire: tuple[Wire, Database], cut: str) -> None:
    line, database = wire
    await database.write(add)

    line.cut = cut
    answer = await database.write(read_then_write)

    assert (line.cuts, answer, await database.read(counted)) == (1, 1, 1)


async def test_a_server_that_is_away_is_said_and_the_next_write_works(
    wire: tuple[Wire, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    line, database = wire
    await database.write(add)
    monkeypatch.setattr(postgres, "FATE_S", 0.3)
    there, line.socket = line.socket, "/no/such/socket"
    line.cut = "before"

    with pytest.raises(StoreUnavailable, match=r"nobody knows|cannot be used"):
        await database.write(read_then_write)
    line.socket = there

    assert await database.write(read_then_write) == 1


@pytest.mark.usefixtures("opened_anew")
async def test_it_goes_on_when_the_server_was_restarted(postgresql: Server, replicas: list[Database]) -> None:
    if postgresql.restart is None:
        pytest.skip("the server is not ours to restart")
    await replicas[0].write(add)

    restarted = asyncio.create_task(asyncio.to_thread(postgresql.restart))
    done = 0
    while not restarted.done():
        try:
            await replicas[0].write(read_then_write)
            done += 1
        except StoreUnavailable:
            pass
    await replicas[0].write(read_then_write)

    assert await replicas[0].read(counted) == done + 1
