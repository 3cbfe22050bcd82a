from typing import Any

import pytest

from bot.domain import limits
from bot.domain.actions import Cause
from bot.domain.errors import UserError
from bot.slack import modals
from bot.slack.cards import Look


def inputs(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the inputs by action id."""
    assert limits.view_problems(view) == []
    return {b["element"]["action_id"]: b for b in view["blocks"] if b["type"] == "input"}


def chosen(block: dict[str, Any]) -> str:
    return str(block["element"]["initial_option"]["value"])


def test_the_update_form_is_filled_with_what_is_known(story: Any) -> None:
    story.incident(story.model(), severity="sev1", status="fixing", lead="U02BOB", revision=4)

    view = modals.update(story.db, 1)

    fields = inputs(view)
    assert (view["callback_id"], view["private_metadata"]) == ("update_incident", "1:4")
    assert list(fields) == ["text", "status", "severity", "next_update", "lead"]
    assert (chosen(fields["status"]), chosen(fields["severity"])) == ("fixing", "sev1")
    assert [o["value"] for o in fields["next_update"]["element"]["options"]] == ["15", "30", "60", "none"]
    assert fields["lead"]["element"]["initial_user"] == "U02BOB"
    assert sum(not f["optional"] for f in fields.values()) <= 3


def test_the_resolve_form_asks_for_cause_and_evaluation_case(story: Any) -> None:
    story.incident(story.model())

    view = modals.resolve(story.db, 1)

    fields = inputs(view)
    assert (view["callback_id"], view["private_metadata"]) == ("resolve_incident", "1:1")
    assert list(fields) == ["cause", "text", "eval_case"]
    assert chosen(fields["cause"]) == "unknown"
    assert {o["value"] for o in fields["cause"]["element"]["options"]} == set(Cause)


def test_a_closed_incident_can_still_get_its_cause(story: Any) -> None:
    story.incident(story.model(), status="resolved", cause="deploy", eval_case="case 17")

    view = modals.resolve(story.db, 1)

    assert view["title"]["text"] == "Cause of INC-1"
    assert chosen(inputs(view)["cause"]) == "deploy"
    assert inputs(view)["eval_case"]["element"]["initial_value"] == "case 17"


def test_declaring_from_an_alert_is_filled_from_it(story: Any) -> None:
    story.bad_release()

    view = modals.for_button(story.db, "group_open_incident", "1:1", lambda _: Look())

    fields = inputs(view)
    assert (view["callback_id"], view["private_metadata"]) == ("declare_incident", "1:1")
    assert list(fields) == ["title", "severity", "model", "lead"]
    assert fields["title"]["element"]["initial_value"] == "fraud-scorer: FeatureDrift"
    assert chosen(fields["model"]) == "fraud-scorer"
    assert chosen(fields["severity"]) == "sev2"


def test_declaring_from_nothing_offers_the_models(story: Any) -> None:
    for n in range(150):
        story.model(f"model-{n:03}")

    view = modals.for_button(story.db, "incident_declare", "", lambda _: Look())

    assert len(inputs(view)["model"]["element"]["options"]) == 99
    assert view["private_metadata"] == ""


def test_declaring_with_words_is_filled_with_them(story: Any) -> None:
    story.model()

    view = modals.for_button(story.db, "incident_declare", "fraud-scorer\n12: declines", "U02BOB")

    assert inputs(view)["title"]["element"]["initial_value"] == "12: declines"
    assert chosen(inputs(view)["model"]) == "fraud-scorer"


def test_declaring_works_before_any_model_is_known(story: Any) -> None:
    assert "model" not in inputs(modals.declare(story.db))


@pytest.mark.parametrize("button", ["incident_update", "incident_resolve"])
def test_a_button_of_an_incident_that_is_gone_says_so(button: str, story: Any) -> None:
    with pytest.raises(UserError, match="INC-7"):
        modals.for_button(story.db, button, "7:1", lambda _: Look())


def test_an_incident_that_is_over_is_not_updated(story: Any) -> None:
    story.incident(story.model(), status="resolved")

    with pytest.raises(UserError, match="Reopen it first"):
        modals.update(story.db, 1)


def test_a_merged_incident_sends_people_on(story: Any) -> None:
    story.incident(None)
    story.incident(story.model(), status="merged", merged_into=1)

    with pytest.raises(UserError, match="part of INC-1"):
        modals.resolve(story.db, 2)


def test_a_status_is_shared_by_name(story: Any, words: Any) -> None:
    story.model()

    shared = modals.shared_status(story.db, "fraud-scorer", story.now, lambda _: Look(), "U01ALICE")

    assert "shared by <@U01ALICE>" in words(shared)
