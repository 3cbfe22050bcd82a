"""Events that name no model: listed with whose they may be, linked by a button, and theirs from then on (F32)."""

from datetime import timedelta
from typing import Any

from bot.demo.stage import words_of

CHANNEL = "ml-fraud"
LABELS = {"service": "fraud-api"}
DRIFT = {"kind": "alert", "name": "NullRate", "status": "firing", "labels": LABELS}


async def ask(company: Any, text: str) -> Any:
    """Type a command as bob; returns the one answer that only he sees."""
    return await company.told("command", "bob", channel=CHANNEL, text=text)


async def press(company: Any, answer: Any, action_id: str = "run_1") -> str:
    """Press a button of an answer as bob; returns what he is told."""
    return words_of(await company.told("action", "bob", channel=CHANNEL, ts=answer["ts"], action_id=action_id))


async def test_what_names_no_model_is_linked_by_a_button_with_all_that_came_before(company: Any) -> None:
    now = await company.now()
    measured = {"kind": "evaluation", "labels": LABELS, "version": "7", "metrics": {"auc": {"value": 0.91, "n": 900}}}
    changed = {"kind": "change", "change_type": "feature", "summary": "geo v2", "labels": LABELS}
    recorded = await company.deliver("events", [DRIFT | {"fired_at": now.isoformat()}, measured, changed])
    assert (recorded["recorded"], recorded["unmapped"]) == (3, 0)
    card = await company.see("general", "slack/group/1", "NullRate", "no model", "`/model unlinked`")
    await company.act("home", user="alice")
    await company.expect(
        "alice's home counts it", lambda state: any("of no model" in words_of(h) for h in state["homes"].values())
    )

    answer = await ask(company, "/model unlinked")

    assert "`service=fraud-api`" in words_of(answer)
    assert "1 alert, 1 change, 1 evaluation" in words_of(answer)
    assert "Link to fraud-scorer" in words_of(answer)

    told = await press(company, answer)

    assert "`service=fraud-api` are *fraud-scorer*'s" in told
    assert "3 earlier events" in told
    linked = await company.see("general", "slack/group/1", "*fraud-scorer*")
    assert linked["ts"] == card["ts"]
    status = words_of(await ask(company, "/model fraud-scorer"))
    assert "AUC *0.910*" in status
    assert "NullRate" in status
    assert "geo v2" in words_of(await ask(company, "/model changes fraud-scorer"))
    assert "`service=fraud-api`" in words_of(await ask(company, "/model setup fraud-scorer"))
    assert "is of a model" in words_of(await ask(company, "/model unlinked"))

    again = DRIFT | {"name": "LatencyHigh", "fired_at": (await company.now()).isoformat()}
    await company.deliver("events", again)

    await company.see(CHANNEL, "slack/group/2", "LatencyHigh", "*fraud-scorer*")


async def test_a_link_is_typed_mistyped_and_taken_back(company: Any) -> None:
    refused = await ask(company, "/model link service=fraud-api fraud-scorrer")
    assert "Did you mean *fraud-scorer*?" in words_of(refused)
    assert "are *fraud-scorer*'s" in await press(company, refused)

    back = await ask(company, "/model unlink service=fraud-api")

    assert "are of no model from now on" in words_of(back)
    assert "No rule of a person" in words_of(await ask(company, "/model unlink service=fraud-api"))
    assert "By which label?" in words_of(await ask(company, "/model link =x fraud-scorer"))


async def test_two_names_of_one_model_are_offered_to_be_merged(company: Any) -> None:
    at = (await company.now() - timedelta(days=2)).isoformat()
    event = {"kind": "deployment", "model": "fraud_scorer", "version": "3", "occurred_at": at}
    await company.deliver("events", event)

    answer = await ask(company, "/model unlinked")

    assert "*fraud_scorer* may be *fraud-scorer*" in words_of(answer)
    assert "All of *fraud_scorer* becomes *fraud-scorer*'s" in await press(company, answer)


async def test_a_first_connection_fills_history_and_rings_nobody(company: Any) -> None:
    """Three weeks of a model, told at once: known to status, changes and why, and nothing is posted."""
    now = await company.now()

    def at(**ago: float) -> str:
        return (now - timedelta(**ago)).isoformat()

    slo = {"op": ">=", "value": 0.95}
    auc = {"name": "auc", "value": 0.84, "n": 9000, "threshold": slo}
    model: dict[str, Any] = {"model": "fraud-scorer"}
    hard = model | {"kind": "alert", "name": "RejectsPayments", "class": "hard", "fired_at": at(days=20)}
    before = await company.state()

    recorded = await company.deliver(
        "events",
        [
            *(
                model | {"kind": "deployment", "version": str(n), "stage": "production", "occurred_at": at(days=22 - n)}
                for n in range(1, 20)
            ),
            model | {"kind": "deployment", "version": "3", "trigger": "rollback", "occurred_at": at(days=2, hours=1)},
            hard | {"status": "firing"},
            hard | {"status": "resolved", "resolved_at": at(days=19)},
            model
            | {"kind": "evaluation", "version": "19", "evaluation_type": "live", "metrics": [auc]}
            | {"labelled_fraction": 1.0, "occurred_at": at(days=2), "window_end": at(days=2)},
            model | {"kind": "change", "change_type": "rule", "summary": "block BR", "occurred_at": at(days=9)},
        ],
    )

    assert recorded["unmapped"] == 0
    await company.pass_until(now + timedelta(minutes=10))
    after = await company.state()
    for channel in ("general", CHANNEL):
        assert company.cards(after, channel) == company.cards(before, channel) == []
    status, changes, why = [
        words_of(await ask(company, f"/model {verb}"))
        for verb in ("fraud-scorer", "changes fraud-scorer --since 30d", "why fraud-scorer")
    ]
    assert "`v3` 100 %" in status
    assert "AUC *0.840*" in status
    assert "block BR" in changes
    assert "`v18` → `v19`" in changes
    assert "AUC" in why


async def test_of_a_backfill_only_what_still_fires_is_told(company: Any) -> None:
    old = {"kind": "alert", "name": "NullRate", "model": "fraud-scorer", "status": "firing"}

    await company.deliver("events", old | {"fired_at": (await company.now() - timedelta(days=21)).isoformat()})

    await company.see(CHANNEL, "slack/group/1", "NullRate")
