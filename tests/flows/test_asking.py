"""People ask, with a command, a mention or a click; what they type wrong is not held against them."""

from datetime import timedelta
from typing import Any

from bot.demo.stage import words_of

DEPLOYED = {"kind": "deployment", "model": "fraud-scorer", "version": "42", "stage": "production", "actor": "alice"}


async def ask(company: Any, text: str) -> Any:
    """Type a command as bob; returns the one answer that only he sees."""
    return await company.told("command", "bob", channel="ml-fraud", text=text)


async def test_a_mistyped_model_is_offered_by_its_name(company: Any) -> None:
    answer = await ask(company, "/model status fraud-scorrer")

    assert "Did you mean *fraud-scorer*?" in words_of(answer)

    pressed = await company.told("action", "bob", channel="ml-fraud", ts=answer["ts"], action_id="run_1")
    assert "fraud-scorer" in words_of(pressed)


async def test_what_is_deployed_is_a_card_and_an_answer(company: Any) -> None:
    await company.deliver("events", DEPLOYED)

    await company.see("ml-fraud", "slack/deployment/1", "fraud-scorer", "v42", "deployed to")
    assert "v42" in words_of(await ask(company, "/model fraud"))


async def test_a_mention_in_a_thread_is_answered_there_for_everybody(company: Any) -> None:
    await company.deliver("events", DEPLOYED)
    card = await company.see("ml-fraud", "slack/deployment/1", "v42")

    said = await company.act(
        "message", user="bob", channel="ml-fraud", thread_ts=card["ts"], text="@bellwether status fraud-scorer"
    )

    answers = [m for m in said["messages"] if m.get("thread_ts") == card["ts"] and "fraud-scorer" in words_of(m)]
    assert any("v42" in words_of(m) and m.get("bot_id") for m in answers)


async def test_what_is_typed_in_a_fire_opens_an_incident_after_a_form(company: Any) -> None:
    offered = await ask(company, "/incident fraud-scorer declines good payments")
    pressed = await company.act(
        "action", user="bob", channel="ml-fraud", ts=offered["ts"], action_id="incident_declare"
    )
    await company.act("submit", user="bob", view_id=pressed["view"]["id"], values={})

    await company.see("ml-fraud", "slack/incident/1", "fraud-scorer", "declines good payments")


async def test_a_model_that_only_an_event_named_can_be_asked_for(company: Any) -> None:
    await company.deliver("events", DEPLOYED | {"model": "brand-new"})

    await company.see("general", "slack/deployment/1", "brand-new")
    assert "brand-new" in words_of(await ask(company, "/model status brand-new"))


async def test_what_could_not_be_read_stands_on_the_home_of_a_person(company: Any) -> None:
    recorded = await company.deliver("events", {"kind": "rollout"})
    assert recorded["unmapped"] == 1

    await company.act("home", user="alice")

    await company.expect("alice's home says so", _home_says("could not read"))


def _home_says(words: str) -> Any:
    return lambda state: any(words in words_of(home) for home in state["homes"].values())


async def test_a_source_that_fell_silent_is_named_and_nothing_is_never_said_to_have_changed(company: Any) -> None:
    await company.deliver("events", DEPLOYED)
    await company.see("ml-fraud", "slack/deployment/1", "v42")
    await company.set_clock(await company.now() + timedelta(days=4))

    changes = words_of(await ask(company, "/model changes fraud --since 3d"))

    assert "No change is known in the last 3 d; not everything is heard" in changes
    assert "events (silent since" in changes
    assert "Nothing changed" not in changes
    assert "events silent for 4 d" in words_of(await ask(company, "/model fraud"))
    assert "Nothing changed" not in words_of(await ask(company, "/model why fraud --since 3d"))
