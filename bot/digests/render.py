"""From the name of a copy to what it shows, and the same as plain text for the command line.

Siblings do not import each other: `bot.app` draws an Edition with `bot.slack.cards.digest`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from bot.config import Settings
from bot.digests.build import build
from bot.domain.digest import DigestView, Wanted


@dataclass(frozen=True)
class Edition:
    """One digest of one day in one channel: the message, or its thread."""

    view: DigestView
    channel: str
    """An id, or a name without '#'."""
    thread: bool


def render(db: Session, key: str, settings: Settings) -> Edition | None:
    """Return what the copy `slack/digest/<name>/<date>/<channel>[/thread]` shows.

    None for another kind of key, and for a digest that is no longer configured: what was posted stays as it is.
    """
    match key.split("/"):
        case ["slack", "digest", name, day, channel, *rest] if rest in ([], ["thread"]):
            section = settings.decisions.digests.get(name)
            if section is None:
                return None
            sources = settings.decisions.sources
            view = build(db, name=name, digest=section, day=date.fromisoformat(day), sources=sources)
            return Edition(view, channel, thread=bool(rest))
        case _:
            return None


def preview(view: DigestView) -> str:
    """Return the digest with its thread as lines for a terminal."""
    return "\n".join(_lines(view)) + "\n"


def _lines(view: DigestView) -> Iterator[str]:
    yield view.title
    yield f"{view.health.glyph} {view.verdict} {view.story or ('Nothing to decide.' if view.calm else '')}".rstrip()
    if view.decisions:
        yield from ("", "Decisions wanted")
        yield from (f"{n}. {_asked(w)}" for n, w in enumerate(view.decisions, 1))
        if view.more_decisions:
            yield f"   and {view.more_decisions} more below"
    if view.rows and not view.calm:
        yield ""
        yield from _table(view)
    if view.chart:
        yield from ("", view.chart.title)
        limits = {p.label: f"  (SLO {p.value:g})" for p in view.chart.objective}
        yield from (f"  {p.label:>6}  {p.value:g}{limits.get(p.label, '')}" for p in view.chart.points)
    yield from ("", *view.notes, " · ".join(view.facts))
    for detail in view.details:
        yield from ("", detail.title, *(f"  {line}" for line in detail.lines))


def _asked(wanted: Wanted) -> str:
    return "  ".join(filter(None, (wanted.question, wanted.reason, wanted.who)))


def _table(view: DigestView) -> Iterator[str]:
    head = ("Model", "Health", "Product metric", view.versus, "Shipped", "Incidents")
    rows = [
        (r.model, f"{r.health.glyph} {r.health}", r.product_metric, r.versus_last, r.shipped, r.incidents)
        for r in view.rows
    ]
    widths = [max(len(cells[n]) for cells in (head, *rows)) for n in range(len(head))]
    for cells in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
