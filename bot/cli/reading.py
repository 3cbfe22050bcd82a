"""Subcommands that read the store beside a running bot, without its tasks."""

import asyncio
import json
from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot import integrations
from bot.cli.opening import opened
from bot.cli.stats import stats
from bot.cli.why import why
from bot.clock.following import read_clock
from bot.config import Settings
from bot.digests.build import build
from bot.digests.render import preview
from bot.domain.errors import UserError
from bot.rendering import Rendering
from bot.slack.answers.status import status
from bot.slack.plain import plain_text, with_names
from bot.store.queries.models import all_models, model_by_name

T = TypeVar("T")


def show_why(settings: Settings, key: str, *, as_json: bool) -> int:
    """Print why the copies of KEY are as they are; 1 when one of them is in trouble or there is none."""
    reasons = _read(settings, lambda db, now: why(db, key, now))
    if as_json:
        print(json.dumps([reason.as_json() for reason in reasons], indent=2, ensure_ascii=False))
    elif not reasons:
        print(f"Nothing is known of {key!r}. Keys look like incident/42, slack/group/7 or jira/incident/42.")
    else:
        for reason in reasons:
            print(f"{reason.key}: {reason.state}. {reason.words}")
    return 0 if reasons and all(reason.state not in ("failing", "refused") for reason in reasons) else 1


def show_stats(settings: Settings, *, as_json: bool) -> int:
    """Print how much there is and what lags."""
    found = _read(settings, stats)
    if as_json:
        print(json.dumps(found, indent=2))
        return 0
    for name, value in found.items():
        words = ", ".join(f"{v} {k}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{name:16} {words}")
    return 0


def show_status(settings: Settings, name: str, *, as_json: bool) -> int:
    """Print how a model is; 1 when nobody ever mentioned it."""
    tickets = integrations.tickets(settings)
    rendering = Rendering(settings, ticket_url=tickets.browse_url("") if tickets is not None else "")

    def ask(db: Session, now: datetime) -> tuple[str, dict[str, object]]:
        model = model_by_name(db, name)
        if model is None:
            known = ", ".join(m.name for m in all_models(db)) or "none yet"
            raise UserError(f"No model {name!r}. Known models: {known}.")
        message = status(db, model.name, now, rendering.look(db))
        return plain_text(with_names(db, message)), {
            "model": model.name,
            "text": message.text,
            "blocks": list(message.blocks),
        }

    try:
        words, content = _read(settings, ask)
    except UserError as e:
        print(e)
        return 1
    print(json.dumps(content, indent=2, ensure_ascii=False) if as_json else words)
    return 0


def show_digest(settings: Settings, name: str) -> int:
    """Print the digest NAME as it would be told today; 2 when it is not configured."""
    section = settings.decisions.digests.get(name)
    if section is None:
        known = ", ".join(settings.decisions.digests) or "none"
        print(f"No digest {name!r} is configured. Configured: {known}.")
        return 2
    zone = ZoneInfo(section.tz)

    def ask(db: Session, now: datetime) -> str:
        day: date = now.astimezone(zone).date()
        return preview(build(db, name=name, digest=section, day=day, sources=settings.decisions.sources))

    print(_read(settings, ask), end="")
    return 0


def _read(settings: Settings, ask: Callable[[Session, datetime], T]) -> T:
    """Run ASK on the store, at the time of the process clock."""
    now = read_clock(settings.environment.clock)
    with opened(settings) as database:
        return asyncio.run(database.read(ask, now))
