"""The projection's transactions: touch, claim, settle. What the loop knows, it knows from here.

Invariants: rows change and `generation` grows in the same transaction; `observed_generation` is only set to a
generation that was read before rendering, by the worker that still holds the lease; equal digest, no call; a nonce is
committed before the create that carries it (docs/decisions/0001-one-loop.md).

When is a card drawn again? A person's act (`urgent`) at once. Else after `CALM` without a change, or at the card's
deadline while changes keep coming; both move away while the card stays hot (the pause doubles from 5 s to 60 s), so a
storm costs a few edits a card and the last change is shown a calm moment after it happened.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

from sqlalchemy import Table, Update, and_, bindparam, case, false, or_, true, update
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from bot.domain import keys
from bot.store.many import Many, types_of
from bot.store.prepared import ESCAPE, like, prepared
from bot.store.tables import AlertGroup, Projection

CALM = timedelta(seconds=1.5)
COUNTS = timedelta(seconds=3)
"""What only counts higher may wait this long."""
FIRST = timedelta(seconds=1)
"""A new copy waits this long for the rest of what opened it."""
LEASE = timedelta(seconds=60)
"""Longer than any network timeout: a lost worker costs this much, never a double."""
PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(seconds=60)
LONGEST_SPACE = timedelta(seconds=3)
"""Between two edits of a hot card that has calmed down: its last change is seen within 5 s."""
AHEAD = PAUSE
"""What is dated further into the future was written before our clock was set back, or by a replica whose is wrong:
then nobody waits until that time has come."""

_table: Table = Projection.__table__  # type: ignore[attr-defined] # SQLModel adds it

DEADLINE = """
    CASE WHEN NOT projection.lagging AND projection.deadline < :at_pause THEN :at_pause
        WHEN projection.deadline > :at_last THEN :at_last ELSE projection.deadline END"""
CALM_END = """
    CASE WHEN projection.earliest > :at_calm AND projection.earliest <= :at_ahead THEN projection.earliest
        ELSE :at_calm END"""
SOONEST = f"CASE WHEN {DEADLINE} < {CALM_END} THEN {DEADLINE} ELSE {CALM_END} END"
TOUCHED = f"""
    generation = projection.generation + 1,
    behind_since = CASE WHEN projection.lagging THEN projection.behind_since ELSE :at END,
    deadline = {DEADLINE},
    urgent = projection.urgent OR :urgent,
    news = :news OR (projection.lagging AND projection.news),
    not_before = CASE
        WHEN projection.lease <> '' OR projection.error <> '' THEN projection.not_before
        WHEN projection.urgent OR :urgent THEN :at
        WHEN NOT :news AND projection.lagging AND projection.news AND projection.not_before < {SOONEST}
            THEN projection.not_before
        ELSE {SOONEST}
    END
"""
"""What a touch makes of a copy that exists. Text, because intake touches many, and often (see `Many`)."""
_when = _table.c.not_before.type
_times = dict.fromkeys(("at", "at_pause", "at_calm", "at_ahead", "at_last"), _when)
_how = _times | {"urgent": _table.c.urgent.type, "news": _table.c.news.type}
_touch = Many(
    f"""
    INSERT INTO projection (key, generation, observed_generation, behind_since, not_before, earliest, deadline, pause_s,
        urgent, news, lease, shown, looks, attempts, error)
    SELECT j.column1, 1, 0, :at, :first, :first, :first, 0, :urgent, :news, '', '', 0, 0, ''
    FROM (VALUES {{rows}}) AS j WHERE true
    ON CONFLICT (key) DO UPDATE SET {TOUCHED}
    """,  # noqa: S608 - only our own words
    *types_of(Projection, "key"),
    first=_when,
    **_how,
)


def _touching(which: str, column: str) -> Many:
    """Return what touches copies WHICH there are; `j.column1` are values of COLUMN."""
    text = f"UPDATE projection SET {TOUCHED} FROM (VALUES {{rows}}) AS j WHERE {which} RETURNING key"  # noqa: S608
    return Many(text, *types_of(Projection, column), **_how)


UNDER = f"projection.key LIKE j.column1 || '%' ESCAPE '{ESCAPE}'"
_touch_under = _touching(UNDER, "key")
_touch_drawn = _touching(
    "projection.key = j.column1 AND (projection.remote_id IS NOT NULL OR projection.lease <> '')", "key"
)
_touch_waiting = _touching(f"{UNDER} AND projection.remote_id IS NULL AND projection.error = ''", "key")
_touch_shown = _touching("projection.shown_at > j.column1 AND projection.key NOT LIKE 'slack/digest/%'", "shown_at")


@dataclass(frozen=True)
class Claim:
    """One lagging projection, hidden from other workers for LEASE."""

    key: str
    generation: int
    lease: str
    remote_id: str | None
    shown: str
    nonce: str
    nonce_at: datetime
    fresh: bool
    """This claim wrote the nonce down: no earlier create can carry it, so there is nothing to look for."""
    looks: int
    attempts: int
    error: str
    """What went wrong the last time."""
    claimed_at: datetime
    urgent: bool
    spare: int
    """How many edits are to be left over, because this one was shown a moment ago, and others lag."""


def touch(db: Session, now: datetime, *names: str, urgent: bool = False, wait: timedelta | None = None) -> None:
    """Say that the copies NAMES may lag. Call it in the transaction that changes what they show.

    `urgent`: a person did it and is looking. `wait`: how long to wait for more, at most until the card's deadline;
    None = CALM for a copy that exists, FIRST for a new one. A longer wait never puts off what is due already.
    """
    first = now if urgent else now + (FIRST if wait is None else wait)
    how = _at(now, urgent=urgent) if wait is None else _at(now, wait, urgent=urgent, news=False)
    _touch.run(db, [(name,) for name in dict.fromkeys(names)], first=first, **how)


def touch_existing(db: Session, now: datetime, prefix: str, *, urgent: bool = False) -> None:
    """Touch every copy under PREFIX that there is already."""
    _touch_under.run(db, [(like(prefix),)], **_at(now, urgent=urgent))


def _at(now: datetime, calm: timedelta = CALM, *, urgent: bool = False, news: bool = True) -> dict[str, Any]:
    times = {"at": now, "at_pause": now + PAUSE, "at_calm": now + calm}
    return times | {"at_ahead": now + AHEAD, "at_last": now + 2 * LONGEST_PAUSE, "urgent": urgent, "news": news}


def claim(
    db: Session, now: datetime, prefix: str, in_flight: Collection[str] = (), waiting: Collection[str] = ()
) -> Claim | None:
    """Hide the most pressing lagging projection under PREFIX from other workers for LEASE; None when none is due.

    Order: what people wait for, then incidents and storms, then copies that do not exist yet, then the longest overdue;
    of those that came together a root before its replies.
    `in_flight` are keys that this process still works on: their leases may have run out on a clock that was moved;
    `waiting` are keys for which there is no budget, unless a person waits.
    """
    hidden = {"now": now, "ahead": now + AHEAD, "in_flight": list(in_flight), "waiting": list(waiting)}
    row = db.connection().execute(_most_pressing(prefix), hidden).first()
    if row is None:
        return None
    fresh = row.remote_id is None and row.nonce is None
    nonce, nonce_at, looks = (uuid4().hex, now, 0) if fresh else (row.nonce, row.nonce_at, row.looks)
    lease = uuid4().hex
    _hold(db, row.key, lease, now + LEASE, nonce, nonce_at, looks, min(row.behind_since, now))
    return Claim(
        key=row.key,
        generation=row.generation,
        lease=lease,
        remote_id=row.remote_id,
        shown=row.shown,
        nonce=nonce or "",
        nonce_at=nonce_at or now,
        fresh=fresh,
        looks=looks,
        attempts=row.attempts,
        error=row.error,
        claimed_at=now,
        urgent=row.urgent,
        spare=_spare(db, row, now, prefix),
    )


@cache
def _most_pressing(prefix: str) -> Any:
    """Return what selects the projection to claim next: built once, because it costs more than to run it."""
    c = _table.c
    pressing = or_(*(c.key.startswith(begin, autoescape=True) for begin in keys.PRESSING))
    in_flight: Any = bindparam("in_flight", expanding=True)
    waiting: Any = bindparam("waiting", expanding=True)
    return (
        _table.select()
        .where(c.lagging, or_(c.not_before <= bindparam("now"), c.behind_since > bindparam("ahead")))
        .where(c.key.startswith(prefix, autoescape=True), c.key.not_in(in_flight))
        .where(or_(c.urgent, c.key.not_in(waiting)))
        .order_by(c.urgent.desc(), pressing.desc())
        .order_by(c.remote_id.is_not(None), c.not_before, c.key)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


@prepared
def _hold(
    key: str, lease: str, until: datetime, nonce: str | None, nonce_at: datetime | None, looks: int, since: datetime
) -> Update:
    taken = {"lease": lease, "not_before": until, "nonce": nonce, "nonce_at": nonce_at, "looks": looks}
    taken["behind_since"] = since
    return update(_table).where(_table.c.key == key).values(urgent=False, news=False, **taken)


def _spare(db: Session, row: Any, now: datetime, prefix: str) -> int:
    """Return how many edits are left over when ROW is drawn: one for each message that lags.

    It counts itself, because it may change again; one that was not shown of late need not leave any.
    """
    if row.urgent or row.remote_id is None or row.shown_at is None or row.shown_at <= now - LONGEST_PAUSE:
        return 0
    return _lagging_messages(db, like(prefix)).one()


@prepared
def _lagging_messages(prefix: str) -> SelectOfScalar[int]:
    messages = (col(Projection.remote_id).is_not(None), col(Projection.key).not_like(f"{keys.ALL_HOMES}%"))
    under = col(Projection.key).startswith(prefix, escape=ESCAPE)
    return select(func.count()).where(col(Projection.lagging), under, *messages)


def settle_shown(db: Session, now: datetime, held: Claim, *, remote_id: str, shown: str) -> bool:
    """Write that the copy REMOTE_ID shows generation `held.generation`; False when the lease was lost.

    A remote id that is new touches what waits for it: the replies under the key, the key's dependents, and for an
    incident the cards of its alert groups, which link to the thread.
    """
    shown_at, pause_s = _last_shown(db, held.key).one()
    hot = shown_at is not None and now - shown_at < timedelta(seconds=2 * pause_s)
    pause = min(timedelta(seconds=2 * pause_s), LONGEST_PAUSE) if hot else PAUSE
    space = min(pause / 4, LONGEST_SPACE)
    kept = _settle(
        db,
        now,
        held,
        shows=True,
        not_before=now + max(CALM, space),  # what changed during the call is no reason to hurry a hot card
        earliest=now + space,
        deadline=now + pause,
        pause_s=int(pause.total_seconds()),
        remote_id=remote_id,
        shown=shown,
        shown_at=now,
        looks=0,
        attempts=0,
        error="",
    )
    if kept and remote_id != held.remote_id:
        _touch_next_reply(db, now, held)
        touch_existing(db, now, keys.thread_under(held.key), urgent=held.urgent)
        touch(db, now, *keys.dependents(held.key), urgent=held.urgent)
        if (incident := keys.incident_of(held.key)) is not None:
            groups = db.exec(select(AlertGroup.id).where(AlertGroup.incident_id == incident)).all()
            _touch_drawn.run(db, [(keys.group(group),) for group in groups if group is not None], **_at(now))
    return kept


def _touch_next_reply(db: Session, now: datetime, held: Claim) -> None:
    """Touch the replies of the same log that wait for this one: they come one after the other."""
    if (log := keys.log_around(held.key)) is not None:
        _touch_waiting.run(db, [(like(log),)], **_at(now, urgent=held.urgent))


@prepared
def _last_shown(key: str) -> Select[datetime | None, int]:
    return select(col(Projection.shown_at), col(Projection.pause_s)).where(Projection.key == key)


def settle_nothing(db: Session, now: datetime, held: Claim) -> bool:
    """Write that there was nothing to send: the digest is equal, or what it shows is not there yet."""
    return _settle(db, now, held, shows=True, not_before=now, error="", attempts=0, **_unsent(held))


def settle_later(
    db: Session, now: datetime, held: Claim, *, after: timedelta, error: str, unsent: bool, looks: int | None = None
) -> bool:
    """Write that it has to be tried again after AFTER; `unsent`: certainly nothing reached the other side.

    `looks`: how often it was looked for since it was last sent; None = as often as before.
    """
    attempts = held.attempts + (1 if error else 0)
    outcome: dict[str, Any] = {
        "not_before": now + after,
        "error": error,
        "attempts": attempts,
        "looks": held.looks if looks is None else looks,
    }
    return _settle(db, now, held, shows=False, **outcome, **(_unsent(held) if unsent else {}))


def settle_hot(db: Session, now: datetime, held: Claim, *, after: timedelta) -> bool:
    """Write that there is no edit to spare before AFTER; unless it calms down earlier, then it is looked at again."""
    deadline = now + after
    return _settle(db, now, held, shows=False, not_before=min(now + CALM, deadline), error="", deadline=deadline)


def settle_gone(db: Session, now: datetime, held: Claim) -> bool:
    """Write that somebody deleted the copy: the next claim makes a new one."""
    lost: dict[str, Any] = {"remote_id": None, "nonce": None, "nonce_at": None, "shown": "", "shown_at": None}
    return _settle(db, now, held, shows=False, not_before=now, error="", **lost)


def settle_rootless(db: Session, now: datetime, held: Claim, *, after: timedelta, error: str) -> bool:
    """Write that what this copy hangs on is gone, and have that looked at: a root that was deleted is made anew."""
    kept = settle_later(db, now, held, after=after, error=error, unsent=True)
    parts = held.key.split("/")
    above = ["/".join(parts[:n]) for n in range(1, len(parts))]
    roots = select(Projection.key).where(col(Projection.key).in_(above), col(Projection.remote_id).is_not(None))
    if kept and (found := db.exec(roots).all()):
        forget = update(Projection).where(col(Projection.key).in_(found)).values(shown="")
        db.exec(forget.execution_options(synchronize_session=False))
        touch(db, now, *found, urgent=held.urgent)
    return kept


def settle_refused(db: Session, now: datetime, held: Claim, *, error: str) -> bool:
    """Write why it can't work as it is; the next change of the rows tries again."""
    kept = _settle(db, now, held, shows=True, not_before=now + CALM, error=error, **_unsent(held))
    if kept:
        _touch_next_reply(db, now, held)
    return kept


def release_leases(db: Session, now: datetime, prefix: str = "") -> int:
    """Free what is held under PREFIX by whoever worked on it and does no more; return how many there were."""
    held = update(Projection).where(col(Projection.lease) != "")
    held = held.where(col(Projection.key).startswith(prefix, autoescape=True))
    return int(db.exec(held.values(lease="", not_before=now)).rowcount)


def hurry(db: Session, now: datetime, prefix: str) -> int:
    """Make due at once what waits after an error under PREFIX, in the order in which it was due at first.

    For when the other side answers again. Returns how many there were.
    """
    failing = and_(col(Projection.lagging), col(Projection.error) != "", col(Projection.lease) == "")
    due = update(Projection).where(failing, col(Projection.key).startswith(prefix, autoescape=True))
    first = case((col(Projection.earliest) < now, col(Projection.earliest)), else_=now)
    return int(db.exec(due.values(not_before=first).execution_options(synchronize_session=False)).rowcount)


def try_again(db: Session, now: datetime, prefix: str) -> int:
    """Hurry what failed under PREFIX and take up again what was refused: somebody may have mended the cause.

    Returns how many there were.
    """
    refused = and_(col(Projection.lagging).is_(False), col(Projection.error) != "")
    again = update(Projection).where(refused, col(Projection.key).startswith(prefix, autoescape=True))
    taken_up = again.values(generation=Projection.generation + 1, not_before=now)
    return hurry(db, now, prefix) + int(db.exec(taken_up.execution_options(synchronize_session=False)).rowcount)


def touch_open(db: Session, now: datetime, since: datetime) -> int:
    """Touch every copy that was shown after SINCE, digests apart: repairs what a forgotten touch left behind.

    Equal digests make no call. Returns how many were touched.
    """
    return len(_touch_shown.run(db, [(since,)], **_at(now)))


def next_due(db: Session, prefix: str, in_flight: Collection[str] = ()) -> datetime | None:
    """Return when the next lagging projection under PREFIX may be claimed."""
    query = (
        select(Projection.not_before)
        .where(col(Projection.lagging), col(Projection.key).startswith(prefix, autoescape=True))
        .where(col(Projection.key).not_in(in_flight))
        .order_by(col(Projection.not_before))
        .limit(1)
    )
    return db.exec(query).first()


def _unsent(held: Claim) -> dict[str, Any]:
    """What to forget of a create that was never sent: its nonce would only cause a search in vain."""
    return {"nonce": None, "nonce_at": None} if held.fresh else {}


def _settle(
    db: Session, now: datetime, held: Claim, *, shows: bool, not_before: datetime, error: str, **values: Any
) -> bool:
    """Write the outcome and give the lease back, unless another worker took it meanwhile.

    Trouble that begins, changes or ends touches whoever tells of it.
    """
    values["error"] = error
    if shows:
        values |= {"observed_generation": held.generation, "behind_since": held.claimed_at}
    given = {f"new_{name}": value for name, value in values.items()}
    given |= {"held": held.key, "held_lease": held.lease, "held_generation": held.generation}
    query = _settled(tuple(values), shows=shows, urgent=held.urgent)
    done = db.connection().execute(query, {"at": now, "due": not_before, **given})
    kept = bool(done.rowcount == 1)
    if kept and error != held.error and (cards := keys.troubled(held.key)):
        touch(db, now, *cards)
        touch_existing(db, now, keys.OPERATOR_NOTES)
    return kept


@cache
def _settled(names: tuple[str, ...], *, shows: bool, urgent: bool) -> Any:
    """Return what writes an outcome that sets the columns NAMES to `new_<name>`: built once, the loop runs it often."""
    c = _table.c
    at, due = (bindparam(name, type_=c.not_before.type) for name in ("at", "due"))
    changed = c.generation > bindparam("held_generation")
    again = and_(changed, c.urgent)  # a person did something since the claim, which took the flag
    values: dict[str, Any] = {name: bindparam(f"new_{name}", type_=c[name].type) for name in names}
    values["lease"] = ""
    values["urgent"] = again if shows else or_(c.urgent, true() if urgent else false())
    values["not_before"] = case((again, at), else_=due) if shows else due
    return update(_table).where(c.key == bindparam("held"), c.lease == bindparam("held_lease")).values(values)
