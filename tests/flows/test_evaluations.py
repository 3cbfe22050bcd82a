"""Evaluations as people meet them: scenarios S2, S3, S8 and S9 of the findings, and what bad input gets."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.demo.stage import words_of

MODEL, CHANNEL, INCIDENT = "fraud-scorer", "ml-fraud", "slack/incident/1"
SLO = {"op": ">=", "value": 0.9}
CARD, GAP = "slack/deployment/2", "slack/deployment/2/live"


async def deployed(company: Any, version: str, at: datetime) -> None:
    event = {"kind": "deployment", "model": MODEL, "version": version, "stage": "production", "traffic_percent": 100}
    await company.deliver("events", event | {"occurred_at": at.isoformat()})


async def measured(
    company: Any, auc: float, kind: str = "live", version: str = "12", slo: Any = None, **more: Any
) -> Any:
    metric = {"name": "auc", "value": auc, "n": 41_200} | ({"threshold": slo} if slo else {})
    event = {"kind": "evaluation", "model": MODEL, "version": version, "evaluation_type": kind, "metrics": [metric]}
    return await company.deliver("events", event | more)


async def ask(company: Any, text: str) -> str:
    """Type a command as bob; returns what only he reads."""
    return words_of(await company.told("command", "bob", channel=CHANNEL, text=text))


@pytest.fixture
async def out(company: Any) -> Any:
    """Version 11, and after it version 12, which was 0.952 offline; both are in production."""
    now = await company.now()
    await deployed(company, "11", now - timedelta(hours=20))
    await measured(company, 0.952, "offline")
    await deployed(company, "12", now)
    await company.see(CHANNEL, CARD, "v11", "v12", "AUC *0.952*")
    return company


async def test_s2_a_gap_is_posted_in_the_thread_and_opens_an_incident_about_its_version(out: Any) -> None:
    await out.pass_until(await out.now() + timedelta(days=4))

    until = (await out.now() - timedelta(days=1)).isoformat()
    await measured(out, 0.812, labelled_fraction=0.85, labels_until=until, window_end=until)

    gap = "offline 0.952 → live 0.812, gap 0.140 (tolerance 0.03)"
    reply = await out.see(CHANNEL, GAP, gap, "85 % labelled")
    card = out.cards(await out.state(), CHANNEL, CARD)[0]
    assert reply["thread_ts"] == card["ts"] != reply["ts"]
    incident = await out.see(CHANNEL, INCIDENT, "`v12` deployed 3 d before", "Roll back to v11")
    assert "0.140" in words_of(incident)


async def test_s3_a_value_on_few_labels_is_provisional_and_opens_nothing_until_they_arrive(out: Any) -> None:
    await measured(out, 0.84, labelled_fraction=0.3, slo=SLO)

    assert "provisional: 30 % labelled" in await ask(out, "/model status fraud-scorer")
    assert out.cards(await out.state(), CHANNEL, "slack/incident/") == []

    await measured(out, 0.84, labelled_fraction=0.85, slo=SLO)

    await out.see(CHANNEL, INCIDENT, "auc misses its objective")
    assert "85 % labelled" in await ask(out, "/model status fraud-scorer")


async def test_s8_no_trend_is_told_across_a_new_definition(company: Any) -> None:
    now = await company.now()
    share: dict[str, Any] = {"name": "good_payments_declined", "family": "product", "unit": "ratio"}
    share |= {"direction": "lower", "threshold": {"op": "<=", "value": 0.025}}
    for day, value in ((-3, 0.020), (4, 0.031)):
        at = (now + timedelta(days=day)).isoformat()
        await company.pass_until(now + timedelta(days=day))
        week = {"kind": "evaluation", "model": MODEL, "evaluation_type": "product", "occurred_at": at}
        await company.deliver("events", week | {"metrics": [share | {"value": value, "n": 400_000}]})
        if day < 0:
            change = {"kind": "change", "change_type": "metric_definition", "model": MODEL}
            words = {"summary": "good_payments_declined counts retries", "occurred_at": now.isoformat()}
            await company.deliver("events", change | words)

    said = await ask(company, "/model status fraud-scorer")
    await company.pass_until(now + timedelta(days=7, hours=4))
    digest = await company.see("ml-weekly", "slack/digest/weekly/", "good payments declined", "redefined 23 Nov")

    assert "not comparable, redefined 23 Nov" in said
    assert "regressed" not in words_of(digest) + said
    assert "worse" not in words_of(digest) + said


async def test_s9_silence_is_never_taken_for_nothing_changed(company: Any) -> None:
    await deployed(company, "11", await company.now())
    await company.see(CHANNEL, "slack/deployment/1", "v11")
    await company.pass_until(await company.now() + timedelta(days=4))

    status = await ask(company, "/model status fraud-scorer")
    changes = await ask(company, "/model changes fraud-scorer --since 3d")

    assert "events silent for 4 d" in status
    assert "🟢" not in status
    assert "nothing changed" not in changes.lower()
    assert "events" in changes


async def test_an_evaluation_after_the_rollout_is_told_in_its_thread_with_its_verdict(out: Any) -> None:
    rows = {"name": "accuracy", "value": 0.78125, "n": 800, "paired": {"baseline_only": 56, "candidate_only": 31}}
    event = {"kind": "evaluation", "model": MODEL, "version": "12", "evaluation_type": "offline", "metrics": [rows]}

    await out.deliver("events", event | {"baseline_version": "11"})

    verdict = "Accuracy 0.781 (n 800), down 0.031 [-0.054, -0.009]: regressed"
    reply = await out.see(CHANNEL, f"{CARD}/evaluation/offline", "Offline evaluation of `v12`", verdict, "against v11")
    assert "thread_ts" in reply
    await out.see(CHANNEL, CARD, "Accuracy *0.781* ▾ 0.031, regressed")


async def test_bad_numbers_get_a_clear_answer_and_nothing_is_lost(out: Any) -> None:
    """An unknown direction, no n, a version seen nowhere else, a clock three days ahead, and what is no number."""
    shown = {"kind": "evaluation", "model": MODEL, "evaluation_type": "offline"}
    for version, value in (("11", 0.2), ("12", 0.4)):
        odd = {"name": "oddity", "value": value, "ci_low": value - 0.01, "ci_high": value + 0.01}
        await out.deliver("events", shown | {"version": version, "metrics": [odd]})
    for version, value in (("11", 12.0), ("12", 14.0)):
        await out.deliver("events", shown | {"version": version, "metrics": [{"name": "rmse", "value": value}]})
    reply = f"{CARD}/evaluation/offline"
    await out.see(CHANNEL, reply, "Oddity 0.400, up 0.200 [+0.186, +0.214]: changed")
    await out.see(CHANNEL, reply, "RMSE 14.0, was 12.0: no interval, and nothing to make one of, so no verdict")

    nowhere = await measured(out, 0.91, version="99")
    assert nowhere["recorded"] == 1
    assert "v12" in await ask(out, "/model status fraud-scorer")

    ahead = (await out.now() + timedelta(days=3)).isoformat()
    assert (await measured(out, 0.93, occurred_at=ahead, labelled_fraction=1.0))["recorded"] == 1
    assert "by a clock that is ahead" in await ask(out, "/model status fraud-scorer")
    assert (await measured(out, 0.94, labelled_fraction=1.0))["recorded"] == 1
    assert "AUC *0.940*" in await ask(out, "/model status fraud-scorer")

    body = json.dumps({"kind": "evaluation", "model": MODEL, "metrics": {"auc": float("nan")}}).encode()
    answer = (await out.bot.post("/hooks/events", content=body)).json()
    assert (answer["recorded"], answer["unmapped"]) == (0, 1)
