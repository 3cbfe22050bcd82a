"""Decisions wanted: what only people can settle, what cannot wait first. The bot proposes, it never decides."""

from collections.abc import Iterator
from dataclasses import replace

from bot.digests.noise import rules_of
from bot.digests.rows import Week
from bot.digests.telling import Telling
from bot.digests.words import count, grouped, weekday_of
from bot.domain.digest import DigestView, Wanted
from bot.domain.facts import DeploymentStatus
from bot.domain.names import clip
from bot.store.tables import Incident

MOST = {"stakeholders": 2, "engineers": 5}
"""By audience; the rest is in the thread."""
NOISY = 5
"""Alerts of one rule in a period from which it is worth a question."""
MOST_RULES = 3
MOST_TITLE = 60


def add(view: DigestView, telling: Telling) -> DigestView:
    """Ask for what is wanted, the most urgent in the message."""
    found = wanted(telling)
    most = MOST[telling.period.digest.audience]
    return replace(view, decisions=tuple(found[:most]), more_decisions=max(0, len(found) - most))


def wanted(telling: Telling) -> list[Wanted]:
    """Return every decision that is wanted."""
    return [*_rollbacks(telling), *_causes(telling), *_owners(telling), *_rules(telling)]


def _rollbacks(telling: Telling) -> Iterator[Wanted]:
    """Roll-backs that somebody asked for and that no deployment system told us of."""
    for incident in telling.week.asked:
        asked = incident.rollback_at
        if asked is None or asked > telling.period.hour or _is_over(telling.week, incident):
            continue
        name = telling.week.name_of(incident.model_id) or clip(incident.title, MOST_TITLE)
        yield Wanted(
            f"Is {name} rolled back?",
            f"asked {weekday_of(asked, telling.period)} in INC-{incident.id}, not seen deployed",
            telling.person(incident.rollback_by),
            telling.copy(incident),
        )


def _is_over(week: Week, incident: Incident) -> bool:
    """Return whether the incident is closed, or its model was deployed after the roll-back was asked for."""
    hour, asked = week.period.hour, incident.rollback_at
    if asked is None or (incident.resolved_at is not None and incident.resolved_at <= hour):
        return True
    rollouts = (c for m in week.models if m.model.id == incident.model_id for c in m.rollouts)
    done = (DeploymentStatus.SUCCEEDED, DeploymentStatus.ROLLED_BACK)
    return any(c.status in done and (c.finished_at or c.occurred_at) >= asked for c in rollouts)


def _causes(telling: Telling) -> Iterator[Wanted]:
    """Incidents that were closed without anybody saying why they happened; "unknown" is an answer."""
    closed = [
        i
        for i in telling.week.asked
        if i.cause is None and i.resolved_at is not None and i.resolved_at <= telling.period.hour
    ]
    for incident in sorted(closed, key=lambda i: (i.severity, i.opened_at)):
        who = telling.person(incident.lead or incident.resolved_by)
        title = clip(incident.title, MOST_TITLE)
        yield Wanted(f"What caused INC-{incident.id}?", title, who, telling.copy(incident))


def _owners(telling: Telling) -> Iterator[Wanted]:
    """Models that nobody owns and nobody measures."""
    for story in telling.stories:
        days = story.silent_days
        if not story.week.model.owner and days != 0:
            reason = "no evaluation in four weeks" if days is None else f"no evaluation for {count(days, 'day')}"
            yield Wanted(f"Who owns {story.name}?", reason)


def _rules(telling: Telling) -> Iterator[Wanted]:
    """The noisiest rules on which nobody said a word, though they could: what an incident took up mattered."""
    silent = [r for r in rules_of(telling) if r.unheeded >= NOISY and not r.judged]
    for rule in silent[:MOST_RULES]:
        times = f"fired {grouped(rule.unheeded)} times, nobody said whether it mattered"
        reason = f"{times}; if not, change its rule, else say so on its next card"
        yield Wanted(f"Keep the alert {rule.name}?", reason, telling.person(rule.owner))
