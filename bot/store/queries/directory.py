"""The workspace's people and channels, by name or id."""

from collections.abc import Iterable

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from bot.store.prepared import prepared
from bot.store.tables import Directory


def user_ids(db: Session, names: Iterable[str | None]) -> dict[str, str]:
    """Return the ids of these people, under their names as given: `@alice`, `alice`, or an id."""
    return _ids(db, names, kind="user")


def channel_ids(db: Session, names: Iterable[str | None]) -> dict[str, str]:
    """Return the ids of these channels, under their names as given: `#ml-fraud`, `ml-fraud`, or an id."""
    return _ids(db, names, kind="channel")


def name_of(db: Session, identifier: str) -> str | None:
    """Return what the person or channel with this id is called."""
    return _name_of(db, identifier).first()


@prepared
def _name_of(identifier: str) -> SelectOfScalar[str]:
    return select(Directory.name).where(Directory.id == identifier)


def names_by_id(db: Session, identifiers: Iterable[str | None]) -> dict[str, str]:
    """Return what these people are called, `@alice`, by id; for tables, where nothing is a mention."""
    wanted = {i for i in identifiers if i}
    rows = db.exec(select(Directory.id, Directory.name).where(Directory.kind == "user", col(Directory.id).in_(wanted)))
    return {i: f"@{name}" for i, name in rows}


def _ids(db: Session, names: Iterable[str | None], *, kind: str) -> dict[str, str]:
    given = {name: name.strip().lstrip("@#") for name in names if name}
    wanted = sorted(set(given.values()))
    if not wanted:
        return {}
    rows = _called(db, kind, wanted).all()
    known = {name: i for i, name in rows} | {i: i for i, _ in rows}
    return {name: known[plain] for name, plain in given.items() if plain in known}


@prepared
def _called(kind: str, names: list[str]) -> Select[str, str]:
    query = select(Directory.id, Directory.name).where(Directory.kind == kind)
    return query.where(col(Directory.id).in_(names) | col(Directory.name).in_(names))
