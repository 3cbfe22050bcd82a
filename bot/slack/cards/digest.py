"""The digest (M7) and its thread: layout only, every word is in the view. At most 160 words for stakeholders."""

from bot.domain.digest import Detail, DigestView, Wanted
from bot.slack.blocks import Block, Message, context, data_table, fit, header, message, rows_that_fit, section
from bot.slack.charts import line as line_chart
from bot.slack.fallbacks import degrade
from bot.slack.text import bold, escape, join, line, link, permalink, user

PAGE = 6
WORKSPACE = "https://slack.com"
FEEDBACK = "digest_feedback"


def digest(view: DigestView, refused: frozenset[str] = frozenset(), *, workspace: str = WORKSPACE) -> Message:
    """Return the digest; `refused` are the block types that this workspace does not take, `workspace` its address."""
    verdict = f"{view.health.glyph} {bold(view.verdict)}"
    blocks = (
        header(view.title),
        section(f"{verdict} {'Nothing to decide.' if view.calm else escape(view.story)}".rstrip()),
        _decisions(view, workspace),
        None if view.calm else _table(view),
        line_chart(view.chart) if view.chart else None,
        context(*(escape(note) for note in view.notes)) if view.notes else None,
        context(*(escape(fact) for fact in view.facts)) if view.facts else None,
        _feedback(),
    )
    return fit(degrade(message(escape(view.summary), *blocks), refused))


def digest_thread(view: DigestView, refused: frozenset[str] = frozenset()) -> Message | None:
    """Return the details for the digest's thread; None when there are none."""
    if not view.details:
        return None
    sentence = f"{view.title} in detail: each model, the noisy rules, and what is not connected."
    return fit(degrade(message(escape(sentence), *(_detail(d) for d in view.details)), refused))


def _decisions(view: DigestView, workspace: str) -> Block | None:
    if not view.decisions:
        return None
    asked = [f"{n}. {_asked(wanted, workspace)}" for n, wanted in enumerate(view.decisions, 1)]
    more = f" ({view.more_decisions} more in the thread)" if view.more_decisions else ""
    return section(f"*Decisions wanted*{more}", *asked)


def _asked(wanted: Wanted, workspace: str) -> str:
    question = f"*{link(permalink(wanted.copy, workspace), line(wanted.question, 200))}*"
    return join(question, line(wanted.reason, 200), user(wanted.who), by="  ")


def _table(view: DigestView) -> Block | None:
    if not view.rows:
        return None
    head = ("Model", "Health", "Product metric", view.versus, "Shipped", "Incidents")
    rows = [
        (r.model, f"{r.health.glyph} {r.health}", r.product_metric, r.versus_last, r.shipped, r.incidents)
        for r in view.rows
    ]
    shown = rows_that_fit(rows)
    left = len(rows) - shown
    return data_table(
        f"Models, worst first{f' ({left} more not shown)' if left else ''}", head, rows[:shown], page=PAGE
    )


def _detail(detail: Detail) -> Block:
    return section(bold(detail.title), *(escape(text) for text in detail.lines))


def _feedback() -> Block:
    buttons = {
        "type": "feedback_buttons",
        "action_id": FEEDBACK,
        "positive_button": _opinion("Useful", "useful", "This digest was useful"),
        "negative_button": _opinion("Not useful", "not_useful", "This digest was not useful"),
    }
    return {"type": "context_actions", "elements": [buttons]}


def _opinion(word: str, value: str, spoken: str) -> dict[str, object]:
    return {"text": {"type": "plain_text", "text": word}, "value": value, "accessibility_label": spoken}
