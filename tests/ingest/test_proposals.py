"""What people want at a stage, decided: once, by who may, and anew when nothing came of it."""

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.actions import AskPromotion, AskRollback, Decide, GoBack, StaleAction
from bot.domain.errors import UserError
from bot.domain.proposals import Word
from bot.ingest.outcomes import note_overdue
from bot.reconcile.orders import render
from bot.store.queries.gates import gate
from bot.store.queries.proposals import shown
from bot.store.tables import Decision, Directory, Model, Proposal
from tests.ingest.conftest import APPROVERS

BACK = GoBack(model="fraud-scorer", version="41", stage="production", previous="42", by="U02BOB")
PRESSED = AskRollback(incident_id=1, by="U01ALICE")


@pytest.fixture
def released(world: Any) -> Any:
    """v41, then v42, then a hard alert."""
    world.model("fraud-scorer", approvers={"production": APPROVERS})
    world.add(Directory(id="U02BOB", kind="user", name="bob"))
    world.record(world.rollout("41", occurred_at=world.now - timedelta(days=9)))
    world.record(world.rollout("42"))
    world.later(minutes=12)
    world.record(world.alert("RejectsPayments", kind="hard"))
    return world


@pytest.fixture
def decide(released: Any) -> Any:
    """Say a word on v43, which was asked for."""
    released.act(AskPromotion(model="fraud-scorer", version="43", stage="production", by="U01ALICE"))

    def seen(db: Any) -> int:
        row = db.get_one(Proposal, 1)
        return shown(row, gate(db, db.get_one(Model, row.model_id), row.version, row.stage))

    def said(word: Word, reason: str = "seen") -> None:
        released.act(Decide(proposal_id=1, word=word, by="U02BOB", reason=reason, seen=released.run(seen)))

    return said


def approved(world: Any, version: str) -> None:
    """Have it approved that a version goes to production, without a word on what it measures."""
    said = {"asked_by": "U01ALICE", "asked_at": world.now, "decided_by": "U02BOB", "decided_at": world.now}
    row = {"model_id": 1, "kind": "promote", "stage": "production", "status": "approved"}
    world.add(Proposal(version=version, **row, **said))


@pytest.mark.parametrize(("first", "second"), [(BACK, PRESSED), (PRESSED, BACK), (BACK, BACK)])
def test_a_roll_back_that_is_under_way_is_asked_for_once(released: Any, first: Any, second: Any) -> None:
    released.act(first)
    before = released.incident()

    with pytest.raises(UserError, match=r"v41 was asked for already, 23 Nov 08:12 UTC\. Nothing done"):
        released.act(second)

    assert [p.version for p in released.rows(Proposal)] == ["41"]
    assert len(released.rows(Decision)) == 1
    assert released.incident() == before


@pytest.mark.parametrize(("first", "again"), [(BACK, BACK), (BACK, PRESSED), (PRESSED, BACK), (PRESSED, PRESSED)])
def test_a_roll_back_that_is_late_may_be_asked_for_anew(released: Any, first: Any, again: Any) -> None:
    released.act(first)
    released.run(note_overdue, released.later(hours=1))

    released.act(again)

    assert [(p.version, p.late_at is None) for p in released.rows(Proposal)] == [("41", False), ("41", True)]


def test_a_roll_back_that_is_late_gives_the_incident_its_button_back(released: Any) -> None:
    released.act(PRESSED)
    assert "incident_rollback" not in released.says("slack/incident/1")

    released.run(note_overdue, released.later(hours=1))
    released.draw()

    assert "incident_rollback" in released.says("slack/incident/1")
    assert "v41 does not serve yet, 30 min after the roll-back was decided" in released.says("slack/incident/1/log/2")


@pytest.mark.parametrize(("word", "did"), [(Word.APPROVE, "approved it"), (Word.REJECT, "rejected it")])
def test_what_was_decided_is_not_decided_again(released: Any, decide: Any, word: Word, did: str) -> None:
    decide(word)

    with pytest.raises(StaleAction, match=f"<@U02BOB> already {did}") as stale:
        decide(Word.APPROVE)

    assert stale.value.copies == ("slack/proposal/1",)


def test_why_it_was_held_is_not_why_it_was_approved(released: Any, decide: Any) -> None:
    decide(Word.HOLD, "legal has to look")

    decide(Word.APPROVE, "")

    assert [(d.kind, d.reason) for d in released.rows(Decision)] == [("hold", "legal has to look"), ("promote", "")]
    assert released.row(Proposal).reason == ""


@pytest.mark.parametrize(
    ("word", "state"), [(Word.HOLD, "waits for a decision"), (Word.APPROVE, "is approved and under way")]
)
def test_a_promotion_that_is_under_way_is_asked_for_once(released: Any, decide: Any, word: Word, state: str) -> None:
    decide(word)

    with pytest.raises(UserError, match=rf"v43 to production {state} since 23 Nov 08:12 UTC\. Nothing done"):
        released.act(AskPromotion(model="fraud-scorer", version="43", stage="production", by="U01ALICE"))

    assert len(released.rows(Proposal)) == 1


def test_a_promotion_that_is_late_may_be_asked_for_anew(released: Any, decide: Any) -> None:
    decide(Word.APPROVE)
    released.run(note_overdue, released.later(hours=1))

    released.act(AskPromotion(model="fraud-scorer", version="43", stage="production", by="U01ALICE"))

    assert len(released.rows(Proposal)) == 2


@pytest.mark.parametrize("noted", [False, True])
def test_what_expired_is_asked_for_again(released: Any, decide: Any, noted: bool) -> None:
    now = released.later(days=2)
    if noted:
        released.run(note_overdue, now)

    with pytest.raises(StaleAction, match="It expired before anybody decided"):
        decide(Word.APPROVE)


@pytest.mark.parametrize("version", ["43", "100"])
def test_what_has_half_of_the_traffic_is_not_deployed(released: Any, version: str) -> None:
    approved(released, version)
    released.record(released.rollout(version, "in_progress", traffic_percent=50))
    half = released.row(Proposal).deployed_at

    released.record(released.rollout(version, "in_progress", traffic_percent=60, occurred_at=released.later(minutes=1)))

    assert half is None
    assert released.row(Proposal).deployed_at == released.now


def test_a_canary_is_rolled_back_when_it_is_gone(world: Any) -> None:
    world.model("fraud-scorer", deploys={"deployer": "cd"})
    world.record(world.rollout("41", occurred_at=world.now - timedelta(days=9)))
    world.record(world.rollout("42", "in_progress", traffic_percent=10))
    world.record(world.alert("RejectsPayments", kind="hard", starts_at=world.later(minutes=12)))
    world.act(PRESSED)
    ordered = world.run(render, "deploy/cd/proposal/1", "test")
    world.record(world.rollout("42", "in_progress", traffic_percent=25, occurred_at=world.later(minutes=1)))
    beside = world.row(Proposal).deployed_at

    world.record(world.rollout("42", "rolled_back", occurred_at=world.later(minutes=1)))

    assert (ordered.content["version"], ordered.content["previous_version"]) == ("41", "42")
    assert beside is None
    assert world.row(Proposal).deployed_at == world.now


def test_what_has_most_of_the_traffic_when_it_is_approved_is_ordered_all_the_same(decide: Any, released: Any) -> None:
    released.record(released.rollout("43", "in_progress", traffic_percent=60))

    decide(Word.APPROVE)

    assert released.row(Proposal).deployed_at is None
    assert released.row(Proposal).status == "approved"


@pytest.mark.parametrize("first", ["eu", "us"])
def test_what_serves_in_one_of_two_places_is_not_deployed(world: Any, first: str) -> None:
    world.model("fraud-scorer")
    world.record(*(world.rollout("42", target=place) for place in ("eu", "us")))
    approved(world, "41")
    world.later(minutes=1)

    world.record(world.rollout("41", target=first))

    assert world.row(Proposal).deployed_at is None
