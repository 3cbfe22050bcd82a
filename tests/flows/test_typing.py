"""What only people know, typed: a filter that nothing reports, and a version that must not come back (S5, S6)."""

from datetime import timedelta
from typing import Any

from bot.demo.stage import words_of

CHANNEL = "ml-fraud"


async def typed(company: Any, text: str) -> str:
    """Type a command as alice; returns what only she reads."""
    return words_of(await company.told("command", "alice", channel=CHANNEL, text=text))


def deployed(version: str, **more: Any) -> dict[str, Any]:
    return {"kind": "deployment", "model": "fraud-scorer", "version": version, "stage": "production", **more}


async def test_a_typed_filter_stands_in_the_changes_and_in_the_first_reply_of_the_incident(company: Any) -> None:
    receipt = await typed(company, '/model log fraud "filter: hide opening hours"')

    assert "Noted: filter change of *fraud-scorer*: hide opening hours" in receipt
    assert "filter: hide opening hours" in await typed(company, "/model changes fraud")
    assert "filter: hide opening hours" in await typed(company, "/model why fraud")

    await company.set_clock(await company.now() + timedelta(minutes=30))
    hard = {"kind": "alert", "name": "RejectsPayments", "model": "fraud-scorer", "class": "hard"}
    await company.deliver("events", hard | {"status": "firing", "starts_at": (await company.now()).isoformat()})

    await company.see(CHANNEL, "slack/incident/1/changes", "filter: hide opening hours", "<@U01")


async def test_a_bad_version_is_warned_of_when_it_comes_back_a_month_later(company: Any) -> None:
    await company.deliver("events", deployed("12"))
    await company.see(CHANNEL, "slack/deployment/1", "v12")
    receipt = await typed(company, '/model mark fraud v12 bad "label leak"')
    await company.see(CHANNEL, "slack/deployment/1", "is marked bad: label leak")
    await company.deliver("events", deployed("13"))
    await company.set_clock(await company.now() + timedelta(days=31))

    await company.deliver("events", deployed("12"))

    assert "`v12` of *fraud-scorer* is marked bad: label leak" in receipt
    await company.see(CHANNEL, "slack/deployment/3", "`v12` is marked bad: label leak", "which is marked bad")
    assert "`v12` is marked bad: label leak" in await typed(company, "/model fraud")

    await typed(company, "/model mark fraud v12 good")

    assert "marked bad" not in await typed(company, "/model fraud")


async def test_a_mistyped_model_is_not_the_one_of_the_channel_when_it_is_renamed_or_retired(
    company: Any,
) -> None:
    retired = await typed(company, "/model retire chrun-scorer")
    renamed = await typed(company, "/model rename chrun-scorer churn")

    assert "chrun-scorer" in retired
    assert "is retired" not in retired
    assert "is called" not in renamed
    assert "fraud-scorer" in await typed(company, "/model status --all")
