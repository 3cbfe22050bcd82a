"""What holds for every card, whatever strangers wrote into the rows."""

from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import limits
from bot.slack import cards, deciding, modals
from bot.slack.answers import changes, everyone, helping, models, status, unknown
from bot.slack.cards import Look, render
from bot.store.queries.gates import gate

ODD = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40) | st.sampled_from(
    [
        "<!channel>",
        "<@U01ALICE> & co",
        "`rm -rf`",
        "*_~",
        "x" * 5000,
        "&" * 5000,
        "👩‍👩‍👧‍👦" * 1000,
        "",
        "\n\n",
        "a|b>c",
    ]
)
KEYS = (
    "slack/deployment/1",
    "slack/group/1",
    "slack/storm/1",
    "slack/incident/1",
    "slack/incident/1/changes",
    "slack/incident/1/ticket",
    "slack/incident/1/log/1",
    "slack/proposal/1",
    "slack/proposal/2",
    "slack/proposal/2/gate",
    "slack/home/U01ALICE",
)
APPROVERS = {
    "users": ["@dana"],
    "group": "@ml-leads <!channel>",
    "not_author": True,
    "channel": None,
    "expires_s": 86_400,
    "rollback": False,
}
LOOKS = (
    Look(sources=("alertmanager",), tickets=True),
    Look(refused=frozenset({"data_table"})),
    Look(refused=frozenset({"data_table", "table", "header", "divider"})),
)


def everything(story: Any, name: str, odd: str) -> None:
    """Rows of every kind with ODD wherever a stranger may write."""
    story.people()
    model = story.model(
        name, metrics={"auc": {"title": odd, "slo": odd, "unit": odd}}, owner="@alice", approvers={odd: APPROVERS}
    )
    rollout = story.rollout(model, odd or "1", "41", actor=odd, summary=odd, ref=odd, strategy=odd, target=odd)
    story.serving(model, odd or "1", story.deployed)
    story.change(model, "feature", odd, before=odd, after=odd, actor=odd, url=odd)
    incident = story.opened(model, title=odd, symptom="", suspect_change_id=rollout.id, lead=odd, eval_case=odd)
    group = story.group(model, odd, stage=odd, verdict=odd, verdict_by=odd, storm_id=story.storm().id)
    group.incident_id = incident.id
    story.posted("slack/group/1", "C02MLFRAUD:1.1")
    story.alert(group, name=odd, feature=odd, summary=odd, value=0.3, threshold=0.2, unit=odd[:8], runbook_url=odd)
    story.measured(model, "auc", 0.9, unit=odd[:20], threshold_op=odd[:2], threshold=0.5)
    story.measured(model, odd, 12345.678, evaluation_type="offline", version=odd or "1")
    story.ticket(incident, status=odd, summary=odd, priority=odd, assignee=odd, url=odd, key=odd)
    story.told(incident, odd)
    story.heard("alertmanager")
    story.proposal(model, odd or "1", stage=odd, reason=odd)
    decided = story.proposal(model, odd or "1", stage=odd, reason=odd, status="approved", deployer=odd, run=odd)
    story.posted("slack/proposal/2", "C02MLFRAUD:1.2")
    decided.gate = gate(story.db, model, odd or "1", odd).kept


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=ODD.filter(lambda s: s.strip() != ""), odd=ODD, look=st.sampled_from(LOOKS))
def test_no_foreign_text_breaks_a_message_or_reaches_a_channel(story: Any, name: str, odd: str, look: Look) -> None:
    story.anew()
    everything(story, name, odd)
    now: datetime = story.now

    drawn = [render(story.db, key, look) for key in KEYS]
    again = [render(story.db, key, look) for key in KEYS]
    answers = [
        status.status(story.db, name, now, look),
        status.shared(story.db, name, now, look, by="U01ALICE"),
        models.models(story.db, now, look, user="U01ALICE"),
        changes.changes(story.db, name, now, story.deployed, look),
        helping.help_for(story.db, look, user="U01ALICE"),
        unknown.unknown_model(story.db, odd, look),
        everyone.open_incidents(story.db, now, look),
        everyone.on_call(story.db, look),
    ]
    views = [modals.update(story.db, 1), modals.resolve(story.db, 1), modals.declare(story.db, group_id=1)]
    views += [form(story.db, 1, "1:1", "U03DANA") for form in (deciding.approve, deciding.put_aside)]

    assert drawn == again
    for card in drawn:
        assert card is not None
        check(dict(card.content))
    for answer in answers:
        check(answer.content)
    for view in views:
        assert limits.view_problems(view) == []


def check(content: dict[str, Any]) -> None:
    problems = limits.view_problems(content["view"]) if "view" in content else limits.message_problems(content)
    assert problems == []
    assert not [one for one in live_texts(content) if "<!channel>" in one]
    if "view" not in content:
        assert content["text"].strip()
        assert len(content["text"]) <= limits.UPDATE_TEXT


def live_texts(content: Any) -> list[str]:
    """Return the texts in which Slack looks for mentions and links."""
    if isinstance(content, dict):
        own = [str(v) for k, v in content.items() if k == "text" and isinstance(v, str)]
        literal = content.get("type") in ("plain_text", "raw_text")
        return ([] if literal else own) + [one for v in content.values() for one in live_texts(v)]
    if isinstance(content, list):
        return [one for entry in content for one in live_texts(entry)]
    return []


def test_no_card_asks_a_clock() -> None:
    code = [path.read_text(encoding="utf-8") for path in Path(cards.__file__).parent.glob("*.py")]

    assert len(code) > 10
    assert not [one for one in code if ".now(" in one or "time.time(" in one]


def test_the_command_is_the_configured_word_everywhere(story: Any, words: Any) -> None:
    everything(story, "fraud-scorer", "odd")
    look = Look(command="/oracle")

    shown = [words(dict(card.content)) for key in KEYS if (card := render(story.db, key, look))]
    shown.append(words(helping.help_for(story.db, look, user="U01ALICE")))

    assert not any("/model" in one for one in shown)
    assert any("/oracle" in one for one in shown)
