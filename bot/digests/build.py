"""Build a digest: a pure function of the rows and of one local day; no clock, no network."""

from collections.abc import Collection
from datetime import date

from sqlmodel import Session

from bot.config import DigestSection
from bot.digests.health import attention, stories
from bot.digests.period import Period
from bot.digests.rows import read
from bot.digests.sections import SECTIONS
from bot.digests.sections.chart import WEEKS
from bot.digests.telling import Telling
from bot.digests.values import readings
from bot.domain import keys
from bot.domain.digest import DigestView, Health
from bot.store.queries.directory import user_ids
from bot.store.queries.incidents import remote_ids


def build(db: Session, *, name: str, digest: DigestSection, day: date, sources: Collection[str] = ()) -> DigestView:
    """Return the digest NAME that is told on the local day DAY, about the seven days (or the one) before it.

    `sources` are the names in the configuration: one that was never heard is said to be missing.
    """
    period = Period(digest, day)
    week = read(db, period, sources)
    told = stories(week)
    worst = next(iter(attention(told)), None)
    drawn = worst.leading if worst else None
    history = (
        readings(db, period, [worst.week.model], weeks=WEEKS, metric=drawn.name)
        if worst and drawn and worst.week.model.id is not None
        else ()
    )
    people = {n: n for i in week.asked for n in (i.lead, i.rollback_by, i.resolved_by) if n}
    people |= user_ids(db, [m.model.owner for m in week.models])
    copies = remote_ids(db, [keys.incident(i.id) for i in week.asked if i.id is not None])
    telling = Telling(week, told, history, copies, people)
    view = DigestView(name=name, title=f"{_title(name)} · {period.label}", health=Health.GOOD)
    for add in SECTIONS:
        view = add(view, telling)
    return view


def _title(name: str) -> str:
    words = name.replace("-", " ").replace("_", " ")
    return words if words.lower().startswith("ml") else f"ML {words}"
