"""The line of counts under everything, each with its n; and the whole digest in one sentence."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from statistics import median

from bot.digests.noise import USEFUL, opened
from bot.digests.rows import is_open
from bot.digests.telling import Telling
from bot.digests.words import count, listed
from bot.domain.digest import DigestView
from bot.domain.durations import short
from bot.domain.facts import Trigger
from bot.store.tables import Change


def add(view: DigestView, telling: Telling) -> DigestView:
    """Add the counts and the sentence."""
    following = (f"next: {telling.period.next_hour}",)
    if not telling.stories:
        return replace(view, facts=following, summary=f"{view.title}: {view.verdict} {view.story}")
    facts = (*_changes(telling), *_evidence(telling), _incidents(telling), _alerts(telling), *following)
    return replace(view, facts=facts, summary=_summary(view, telling))


def _summary(view: DigestView, telling: Telling) -> str:
    names = listed([s.name for s in telling.attention])
    verdict = view.verdict.rstrip(".") + (f" ({names})" if names else "")
    asked = len(view.decisions) + view.more_decisions
    wanted = f"{count(asked, 'decision')} wanted" if asked else "nothing to decide"
    counts = ", ".join((*_changes(telling), _incidents(telling)))
    return f"{view.title}: {verdict}; {wanted}; {counts}."


def _changes(telling: Telling) -> Iterator[str]:
    changes: list[Change] = [*telling.week.shared, *(c for m in telling.week.models for c in m.changes)]
    if not changes and not any(m.deploys for m in telling.week.models):
        yield "deployments not connected"
        return
    retrains = sum(c.trigger == Trigger.SCHEDULED_RETRAIN for c in changes)
    also = f" + {count(retrains, 'scheduled retrain')}" if retrains else ""
    yield count(len(changes) - retrains, "change") + also
    if undone := sum(len(m.undone) for m in telling.week.models):
        yield f"{undone} rolled back"


def _evidence(telling: Telling) -> Iterator[str]:
    """Yield how many came out on other evidence than the versions before them."""
    found = telling.week.shipped
    if odd := sum(one.off_standard for one in found):
        were = f"{count(len(found), 'released version')} {'was' if odd == 1 else 'were'}"
        yield f"{odd} of {were} evaluated on another suite, or on none stated"


def _incidents(telling: Telling) -> str:
    """Return how many opened, and how long they took: a median, with how many it is of."""
    hour = telling.period.hour
    new = [i for i in telling.week.incidents if telling.period.contains(i.opened_at)]
    took = [i.resolved_at - i.opened_at for i in new if i.resolved_at is not None and i.resolved_at <= hour]
    words = [count(len(new), "incident")]
    if len(took) == 1:
        words.append(f"{'' if len(new) == 1 else '1 '}fixed in {short(took[0])}")
    elif took:
        middle = timedelta(seconds=median(t.total_seconds() for t in took))
        words.append(f"fixed in {short(middle)} (median of {len(took)})")
    if still := sum(is_open(i, hour) for i in telling.week.incidents):
        words.append(f"{still} open")
    return ", ".join(words)


def _alerts(telling: Telling) -> str:
    groups = opened(telling)
    if not groups:
        return "0 alerts" if any(m.alerts for m in telling.week.models) else "alerts not connected"
    judged = [g for g in groups if g.verdict is not None]
    if not judged:
        return f"{count(len(groups), 'alert')}, none judged"
    useful = sum(g.verdict in USEFUL for g in judged)
    return f"{count(len(groups), 'alert')}, {len(judged)} judged, {useful} useful"
