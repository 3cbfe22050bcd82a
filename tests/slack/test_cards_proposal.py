"""M6: what approvers see, and what the card says from then on."""

import re
from datetime import timedelta
from typing import Any

import pytest

from bot.slack.cards import Look, render
from bot.store.queries.gates import gate
from bot.store.queries.proposals import needs_reason, shown
from bot.store.tables import Decision, Model, Version

KEY = "slack/proposal/1"
APPROVERS = {
    "users": ["@bob", "@dana"],
    "group": "@ml-leads",
    "not_author": True,
    "channel": "#ml-leads",
    "expires_s": 86_400,
    "rollback": False,
}


@pytest.fixture
def model(story: Any) -> Model:
    """v42 serves; v43 is better as a whole, and worse in Brazil."""
    story.people()
    metrics = {"auc": {"title": "AUC", "gate": ">= 0.92"}}
    found: Model = story.model(metrics=metrics, approvers={"production": APPROVERS})
    story.serving(found, "42", story.deployed)
    for version, whole, brazil in (("42", 0.912, 0.87), ("43", 0.934, 0.85)):
        near = {"ci_low": whole - 0.004, "ci_high": whole + 0.004, "n": 41_200}
        given = {"version": version, "evaluation_type": "offline", "unit": "1", "direction": "higher"}
        story.measured(found, "auc", whole, **near, **given)
        story.measured(found, "auc", brazil, slice="country=BR", threshold_op=">=", threshold=0.86, **given)
    return found


@pytest.fixture
def card(story: Any, model: Model, look: Look, words: Any) -> Any:
    """Write down a proposal; returns every word of its card."""

    def drawn(**more: Any) -> str:
        story.proposal(model, **more)
        return said()

    def said() -> str:
        body = render(story.db, KEY, look)
        assert body is not None
        return str(words(dict(body.content)))

    drawn.again = said  # type: ignore[attr-defined]
    return drawn


def approved(story: Any, model: Model, **more: Any) -> dict[str, Any]:
    """What stands in the row of a proposal that dana approved."""
    given = {"status": "approved", "decided_by": "U03DANA", "decided_at": story.now, "previous_version": "42"}
    return given | {"gate": gate(story.db, model, "43", "production").kept, **more}


def test_the_card_asks_with_the_gates_and_who_decides(story: Any, model: Model, look: Look) -> None:
    row = story.proposal(model)

    body = render(story.db, KEY, look)

    assert body is not None
    head, table, verdict, small, buttons = body.content["blocks"]
    value = f"1:{shown(row, gate(story.db, model, '43', 'production'))}"
    assert body.content["channel"] == "#ml-leads"
    assert body.content["text"] == "Approval needed: promote fraud-scorer v43 to production"
    assert head["text"]["text"] == "⏳ *Approval needed*  promote *fraud-scorer* `v43` to `production`"
    assert [[cell["text"] for cell in line] for line in table["rows"]] == [
        ["Metric", "v42 offline", "v43", "Gate"],
        ["AUC · country=BR", "0.870", "0.850 ▾", "≥ 0.860 ❌"],
        ["AUC", "0.912", "0.934 ▴", "≥ 0.920 ✅"],
    ]
    assert verdict["text"]["text"] == "❌ 1 of 2 gates fails: AUC · country=BR 0.850, not ≥ 0.860"
    assert small["elements"][0]["text"].startswith(
        "asked by <@U01ALICE> · needs 1 of *@ml-leads* (<@U02BOB>, <@U03DANA>), not the author · expires <!date^"
    )
    assert [(b["text"]["text"], b["value"]) for b in buttons["elements"]] == [
        ("Approve…", value),
        ("Reject…", value),
        ("Model card", "status fraud-scorer"),
    ]


def test_a_version_that_nobody_measured_passes_nothing(card: Any) -> None:
    said = card(version="44")

    assert "`v44` was never evaluated: nothing is known of it" in said
    assert "❌ 2 of 2 gates fail: AUC · country=BR not measured; AUC not measured" in said
    assert "≥ 0.920 ❌" in said


def test_a_gate_that_was_not_measured_is_no_reason_to_say_that_all_pass(story: Any, model: Model, card: Any) -> None:
    given = {"evaluation_type": "offline", "version": "45", "unit": "1", "direction": "higher"}
    story.measured(model, "auc", 0.9, slice="country=BR", threshold_op=">=", threshold=0.86, **given)

    said = card(version="45")

    assert "❌ 1 of 2 gates fails: AUC not measured" in said
    assert needs_reason(gate(story.db, model, "45", "production"))


def test_what_cannot_be_compared_has_no_arrow_and_says_why(story: Any, model: Model, card: Any) -> None:
    near = {"ci_low": 0.95, "ci_high": 0.96, "n": 41_200, "unit": "1", "direction": "higher"}
    fixed = {"version": "46", "evaluation_type": "offline", **near}
    for version in ("42", "41"):
        story.measured(model, "auc", 0.952, suite="std-3", dataset="ds-5", **fixed | {"version": version})
    story.measured(model, "auc", 0.955, suite="adhoc", dataset="ds-9", **fixed)

    said = card(version="46")

    assert "0.952, not comparable\n0.955\n≥ 0.920 ✅" in said
    assert "⚠️ evaluated on non-standard suite adhoc, data ds-9; the standard is suite std-3, data ds-5" in said
    assert "not comparable with" not in said
    assert said.count("suite adhoc") == 1


def test_the_same_suite_by_another_method_is_no_comparison(story: Any, model: Model, card: Any) -> None:
    fixed = {"unit": "1", "direction": "higher", "evaluation_type": "offline"}
    story.measured(model, "auc", 0.952, version="42", method="exact", **fixed)
    story.measured(model, "auc", 0.955, version="46", method="binned", **fixed)

    assert "⚠️ not comparable with `v42`: method binned against exact" in card(version="46")


def test_what_the_serving_version_does_live_stands_beside_what_it_did_offline(
    story: Any, model: Model, card: Any
) -> None:
    near = {"labels_until": story.now - timedelta(days=9), "labelled_fraction": 0.88, "direction": "higher"}
    story.measured(model, "auc", 0.812, version="42", **near)
    story.measured(model, "latency", 30.0, version="42", direction="lower")  # nobody asks for it
    story.measured(model, "auc", 0.7, version="42", labelled_fraction=0.1, direction="higher")  # provisional

    assert "`v42` live: AUC *0.812*, labels to 14 Nov (88 % labelled)\n" in card()


@pytest.mark.parametrize("metric", ["auc", "live_auc"])
def test_what_it_does_live_may_be_called_after_its_split(story: Any, model: Model, card: Any, metric: str) -> None:
    story.measured(model, metric, 0.812, version="42", labelled_fraction=1.0, direction="higher")
    story.measured(model, "val_auc", 0.93, version="43", evaluation_type="offline", direction="higher")

    assert re.search(r"`v42` live: .*\*0\.812\*", card())


def test_a_version_that_is_measured_live_itself_has_both_in_the_table(story: Any, model: Model, card: Any) -> None:
    for version in ("42", "43"):
        story.measured(model, "auc", 0.812, version=version, labelled_fraction=1.0, direction="higher")

    said = card()

    assert "AUC · live" in said
    assert "v42 offline" not in said
    assert "`v42` live" not in said


def test_old_evaluation_data_is_named(story: Any, model: Model, card: Any) -> None:
    story.add(Version(model_id=model.id, name="43", data_until=story.now + timedelta(days=61, hours=1)))

    assert "⚠️ evaluation data ends 61 days before training data" in card()


def test_a_version_that_is_somewhere_already_says_since_when(story: Any, model: Model, card: Any) -> None:
    story.serving(model, "43", story.now - timedelta(days=5), stage="shadow")
    story.serving(model, "43", story.now - timedelta(days=3), traffic_percent=10.0)

    assert "`v43` 10 % of `production` since <!date^" in card()


def test_what_is_held_says_why_and_may_still_be_decided(card: Any) -> None:
    said = card(status="held", decided_by="U03DANA", reason="after the holidays")

    assert "Held" in said
    assert "by <@U03DANA> “after the holidays”" in said
    assert "Approve…" in said


@pytest.mark.parametrize(
    ("more", "step"),
    [
        ({}, "now deploy it: I know no deployer"),
        ({"deployer": "cd"}, "`cd`: being ordered"),
        (
            {"deployer": "cd", "run": "https://cd.example.com/runs/91"},
            "<https://cd.example.com/runs/91|ordered> from `cd`",
        ),
        ({"deployer": "cd", "run": "run-91"}, "ordered as `run-91` from `cd`"),
        ({"late": True}, "*not deployed after 30 min* · now deploy it"),
        (
            {"deployer": "cd", "late": True, "trouble": "cd is away"},
            "*not deployed after 30 min*, and not ordered any more · cd is away",
        ),
        ({"deployer": "cd", "run": "run-91", "late": True}, "*not deployed after 30 min* · 🔵 ordered as `run-91`"),
    ],
)
def test_what_was_approved_says_how_far_it_is(
    story: Any, model: Model, card: Any, more: dict[str, Any], step: str
) -> None:
    late = {"late_at": story.now} if more.pop("late", False) else {}

    said = card(**approved(story, model, reason="BR known", **more, **late))

    assert "✅ *Approved*  *fraud-scorer* `v43` to `production`" in said
    assert "approved by <@U03DANA> “BR known” with 1 of 2 gates failing" in said
    assert step in said
    assert "Approve…" not in said


@pytest.mark.parametrize(
    ("template", "shown_as"),
    [
        (
            "https://cd.example.com/{model}?v={version}",
            "<https://cd.example.com/fraud-scorer?v=43%3B%20rm%20-rf%20%26|",
        ),
        ("deploy {model} {version} --to {stage}", "`deploy fraud-scorer '43; rm -rf &amp;' --to production`"),
    ],
)
def test_what_a_version_is_called_runs_nothing_by_hand(
    story: Any, model: Model, card: Any, template: str, shown_as: str
) -> None:
    model.deploys = {"deployer": None, "url": template, "within_s": 1800}

    assert shown_as in card(version="43; rm -rf &", **approved(story, model))


def test_a_deployer_that_is_away_is_said_while_it_is(story: Any, model: Model, card: Any) -> None:
    story.posted("deploy/cd/proposal/1", None, error="cd can't be reached")

    assert "🟠 `cd`: cd can't be reached" in card(**approved(story, model, deployer="cd"))


def test_what_serves_is_held_against_the_version_before(story: Any, model: Model, card: Any) -> None:
    nothing = card(**approved(story, model, deployed_at=story.now))
    near = {"ci_low": 0.896, "ci_high": 0.904, "n": 41_200, "labelled_fraction": 1.0, "direction": "higher"}
    story.measured(model, "auc", 0.901, story.now - timedelta(hours=1), version="42", **near)
    for hours in (1, 2):
        better = {"ci_low": 0.93, "ci_high": 0.94, "n": 41_200, "labelled_fraction": 1.0, "direction": "higher"}
        story.measured(model, "auc", 0.935, story.now + timedelta(hours=hours), version="43", **better)

    assert "✅ *Promoted*" in nothing
    assert "no live evaluation since" in nothing
    assert "live evaluation since: *better*" in card.again()


def test_the_table_of_what_was_decided_on_stays_in_the_thread(story: Any, model: Model, look: Look) -> None:
    story.add(Version(model_id=model.id, name="43", data_until=story.now + timedelta(days=2)))
    row = story.proposal(model, **approved(story, model))
    before = render(story.db, f"{KEY}/gate", look)
    story.posted(KEY, "C03MLLEADS:1.1")
    story.serving(model, "43", story.now)

    kept = render(story.db, f"{KEY}/gate", look)

    assert before is None
    assert kept is not None
    assert kept.content["thread_ts"] == "1.1"
    assert "v42 offline" in str(kept.content["blocks"])
    assert "ends 2 days before training data" in str(kept.content["blocks"])
    assert row.gate["incumbent"] == "42"


def test_what_expired_says_how_to_ask_again(story: Any, model: Model, card: Any) -> None:
    said = card(status="expired", gate=gate(story.db, model, "43", "production").kept)

    assert "⌛ *Expired*" in said
    assert "`/model promote fraud-scorer 43 production`" in said


def test_what_was_overtaken_says_who_had_approved_it(story: Any, model: Model, card: Any) -> None:
    said = card(**approved(story, model, status="overtaken", late_at=story.now))

    assert "⚪ *Overtaken*  *fraud-scorer* `v43` to `production`" in said
    assert "approved by <@U03DANA>" in said


def test_a_roll_back_is_told_in_the_thread_of_its_incident(story: Any, model: Model, look: Look, words: Any) -> None:
    story.serving(model, "41", story.deployed - timedelta(days=3), story.deployed)
    incident = story.opened(model)
    given = approved(story, model, incident_id=incident.id, channel=None, deployer="cd")
    story.proposal(model, "41", kind="rollback", **given)

    body = render(story.db, KEY, look)

    assert body is not None
    said = words(dict(body.content))
    assert body.content["thread_ts"] == story.thread.partition(":")[2]
    assert "↩️ *Roll back*  *fraud-scorer* `v42` → `v41` in `production`" in said
    assert "decided by <@U03DANA>" in said
    assert "`v41` last served" in said


def test_a_version_that_kept_a_part_of_the_traffic_is_a_way_back_that_serves_now(
    story: Any, model: Model, card: Any
) -> None:
    story.serving(model, "41", story.deployed - timedelta(days=3), story.deployed)
    story.serving(model, "41", story.deployed, traffic_percent=10.0)

    said = card(version="41", kind="rollback", **approved(story, model))

    assert "`v41` serves now" in said


def test_the_home_of_an_approver_shows_what_waits(story: Any, model: Model, look: Look, words: Any) -> None:
    story.proposal(model)

    def home(user: str) -> str:
        body = render(story.db, f"slack/home/{user}", look)
        assert body is not None
        return str(words(dict(body.content["view"])))

    assert "⏳ Promote *fraud-scorer* `v43` to `production`? · asked by <@U01ALICE>" in home("U02BOB")
    assert "Promote" not in home("U01ALICE")


def test_a_mark_is_on_the_card(story: Any, model: Model, card: Any) -> None:
    mark = {"kind": "marked_bad", "version": "43", "by": "U02BOB", "at": story.now, "reason": "label leak"}
    story.add(Decision(model_id=model.id, **mark))

    assert "⚠️ `v43` is marked bad: label leak" in card()
