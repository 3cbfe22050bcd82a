"""The law of the loop: whatever changes what a copy shows touches that copy, in the same transaction (design 4).

A busy afternoon stands on the wall; each act changes the rows; every copy that would be drawn differently afterwards
has to have a higher generation. One that was forgotten here would stay wrong until the nightly sweep.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain import keys
from bot.domain.actions import (
    AskPromotion,
    AskRollback,
    Cause,
    Decide,
    DeclareIncident,
    GiveVerdict,
    GoBack,
    IncidentStatus,
    LinkEvents,
    LogChange,
    MarkVersion,
    MergeModels,
    RenameModel,
    ReopenIncident,
    ResolveIncident,
    RetireModel,
    UnlinkEvents,
    UpdateIncident,
    Verdict,
)
from bot.domain.facts import (
    ChangeFact,
    ChangeType,
    EvaluationFact,
    EvaluationType,
    MetricFact,
    StatusCategory,
    TicketFact,
    Trigger,
    VersionFact,
)
from bot.domain.proposals import Word
from bot.ingest.outcomes import note_ordered, note_overdue
from bot.ingest.record import record_read
from bot.ingest.rules import Rules
from bot.store.database import Database
from bot.store.projection import touch
from bot.store.queries.gates import gate
from bot.store.queries.proposals import shown as shown_number
from bot.store.tables import Delivery, Directory, Model, Proposal
from tests.databases import Databases, Rows, put_back, rows_of
from tests.ingest.conftest import APPROVERS

Act = Callable[[Any], object]

TICKET = TicketFact(
    incident_id=1, key="ML-1", url="https://jira.example.com/browse/ML-1", status="To Do", category=StatusCategory.TODO
)


@pytest.fixture(scope="session")
def afternoon(
    tmp_path_factory: pytest.TempPathFactory, databases: Databases, migrated: str, make_world: Callable[..., Any]
) -> tuple[Rows, Any]:
    """INC-1 on fraud-scorer, INC-2 on eta, INC-3 over; a storm in #storms; churn drifts; of fraud-scorer v43 waits for
    a decision and v44 is approved; all of it on the wall.

    Made once: its rows, and the world that they were made in, with what it shows.
    """
    url = databases.make(tmp_path_factory.mktemp("afternoon"), migrated)
    with closing(Database(url)) as database:
        world = make_world(database)
        world.rules = Rules(admins=("@alice",))
        world.add(*(Directory(id=i, kind="user", name=n) for i, n in (("U01ALICE", "alice"), ("U02BOB", "bob"))))
        metrics = {"auc": {"direction": "higher", "role": "primary", "slo": ">= 0.9"}}
        given = {"depends_on": ["geo", "größe"], "metrics": metrics, "approvers": {"production": APPROVERS}}
        world.model("fraud-scorer", owner="@alice", **given)
        world.model("churn", owner="@alice", channel="#ml-churn")
        world.model("eta", channel="#ml-eta")
        for n in range(6):
            world.model(f"s{n}", channel="#storms")
        world.record(rollout(world, "41", days=9), rollout(world, "40", days=5, model="churn"))
        world.record(measured(world, "41", 0.95), measured(world, "43", 0.96))
        world.record(VersionFact(model="fraud-scorer", version="44", occurred_at=world.now))
        world.record(world.rollout("42", actor="alice"))
        world.later(minutes=11)
        world.start = world.now
        world.record(slo(world), world.alert("Drift", kind="drift"), world.alert("NullRate", model="churn"))
        world.record(slo(world, model="eta"))
        world.record(slo(world, "Late", model="old"))
        world.settle()
        world.record(slo(world, "Late", model="old", status="resolved", starts_at=world.start))
        world.record(*storm(world))
        world.ticket(TICKET)
        world.act(asked("43"))
        world.act(asked("44"))
        decide(world, 2)
        world.run(touch, world.now, keys.home("U01ALICE"), keys.home("U02BOB"))
        world.settle()
        world.drawn = bodies(world), world.generations()
        rows = world.run(rows_of)
    databases.drop(url)
    posted = set(world.shown)
    assert posted >= {
        "slack/storm/1",
        "slack/group/3",
        "slack/deployment/3",
        "slack/proposal/1",
        "slack/proposal/2",
        *keys.incident_keys(1),
        "slack/incident/3/log/1",
    }
    return rows, world


@pytest.fixture
def busy(afternoon: tuple[Rows, Any], world: Any) -> Any:
    """The afternoon, for one test to go on from."""
    rows, past = afternoon
    world.run(put_back, rows, world.database)
    world.now, world.start, world.rules, world._count = past.now, past.start, past.rules, past._count
    world.drawn = past.drawn
    return world


def slo(world: Any, name: str = "PaymentsSLO", **more: Any) -> Any:
    return world.alert(name, kind="hard", **more)


def storm(world: Any, **more: Any) -> list[Any]:
    return [world.alert("Stale", model=f"s{n}", **{"starts_at": world.start, **more}) for n in range(6)]


def rollout(world: Any, version: str, status: str = "succeeded", *, days: float = 0, **more: Any) -> Any:
    return world.rollout(version, status, occurred_at=world.now - timedelta(days=days), **more)


def change(world: Any, *, before: float = 30, **more: Any) -> Any:
    """A change so many minutes before the alerts."""
    at = world.start - timedelta(minutes=before)
    given = {"change_type": ChangeType.DATA, "summary": "feed geo-2", "model": "fraud-scorer", "occurred_at": at}
    return ChangeFact(**(given | more))


def measured(world: Any, version: str | None, auc: float, **more: Any) -> Any:
    given = {"model": "fraud-scorer", "occurred_at": world.now, "evaluation_type": EvaluationType.OFFLINE, **more}
    return EvaluationFact(version=version, metrics=(MetricFact(name="auc", value=auc, n=800),), **given)


def live(world: Any, auc: float, labelled: float = 0.95, **more: Any) -> Any:
    window = {"window_end": world.now - timedelta(days=1), "labelled_fraction": labelled}
    given = {"version": "42", "evaluation_type": EvaluationType.LIVE, "stage": "production", **window, **more}
    return measured(world, given.pop("version"), auc, **given)


def redefinition(world: Any, **more: Any) -> Any:
    """From after the values of version 41, before those of 42."""
    return change(world, change_type=ChangeType.METRIC_DEFINITION, summary="auc per card", before=5, **more)


def again(world: Any, first: Any, then: Any) -> None:
    """Show the FIRST, and then let the other come."""
    world.record(first)
    world.settle()
    world.before()
    world.record(then)


def nulls(world: Any, **more: Any) -> Any:
    """The alert of churn that stands on the wall, in other words."""
    return world.alert("NullRate", model="churn", **{"starts_at": world.start, **more})


def replay(world: Any) -> None:
    number = world.deliver("events", b"?").delivery
    world.settle()
    world.before()
    again = lambda db: record_read(db, db.get_one(Delivery, number), [], world.now, rules=world.rules)  # noqa: E731
    world.run(again)


def merge(world: Any) -> None:
    """Four incidents are shown, one of them in a storm, when it turns out that their cause is shared."""
    world.record(*(slo(world, "Gone", model=f"n{n}") for n in range(3)), slo(world, "Gone", model="s0"))
    world.settle()
    world.before()
    world.record(*(slo(world, "Gone", model=f"n{n}") for n in range(3, 9)))


def reopen(world: Any) -> None:
    """An incident whose alerts go on was resolved."""
    world.act(ResolveIncident(incident_id=1, by="U02BOB"))
    world.settle()
    world.before()
    world.act(ReopenIncident(incident_id=1, by="U02BOB"))


def typed(world: Any) -> LogChange:
    """A filter that was there before anything went wrong."""
    at = world.start - timedelta(hours=1)
    return LogChange(model="fraud-scorer", change_type=ChangeType.FILTER, summary="hide", by="U02BOB", at=at)


def bad(world: Any, version: str, *, good: bool = False) -> MarkVersion:
    return MarkVersion(model="fraud-scorer", version=version, bad=not good, by="U02BOB", reason="label leak")


def asked(version: str) -> AskPromotion:
    return AskPromotion(model="fraud-scorer", version=version, stage="production", by="U01ALICE")


def decide(world: Any, number: int, word: Word = Word.APPROVE) -> None:
    """Let bob decide on what stands on the card now."""

    def seen(db: Any) -> int:
        row = db.get_one(Proposal, number)
        return shown_number(row, gate(db, db.get_one(Model, row.model_id), row.version, row.stage))

    world.act(Decide(proposal_id=number, word=word, by="U02BOB", reason="go", seen=world.run(seen)))


def serving(world: Any) -> None:
    """What was approved serves, and is measured there."""
    world.record(world.rollout("44"))
    world.settle()
    world.before()
    world.record(live(world, 0.95, version="44"))


def overtaken(world: Any) -> None:
    world.run(note_overdue, world.later(hours=1))
    world.settle()
    world.before()
    world.record(world.rollout("45"))
    assert world.row(Proposal, id=2).status == "overtaken"


def unmark(world: Any) -> None:
    world.act(bad(world, "42"))
    world.settle()
    world.before()
    world.act(bad(world, "42", good=True))


def later(world: Any, **span: float) -> Any:
    """Let time pass between what stands on the wall and the act."""
    world.later(**span)
    return world


CHURN = {"service": "churn-api"}


def orphan(world: Any, **more: Any) -> Any:
    """An alert of no model."""
    return world.alert("Slow", **{"model": None, "labels": CHURN, **more})


def link(world: Any, *facts: Any, model: str = "churn") -> None:
    """Record facts of no model, and say whose they are when they stand on the wall."""
    world.record(*facts)
    world.settle()
    world.before()
    world.act(LinkEvents(label="service", value="churn-api", model=model, by="U02BOB"))


def unlink(world: Any) -> None:
    link(world, orphan(world))
    world.before()
    world.act(UnlinkEvents(label="service", value="churn-api", by="U02BOB"))


ALERTS: dict[str, Act] = {
    "another alert of a group": lambda w: w.record(w.alert("NullRate", n=1, model="churn")),
    "a new group of a model without an incident": lambda w: w.record(w.alert("Latency", model="churn")),
    "a new group of a model with one": lambda w: w.record(w.alert("Latency")),
    "a new group of a new model": lambda w: w.record(w.alert("Latency", model="brand-new")),
    "an alert of no model": lambda w: w.record(slo(w, model=None)),
    "an alert never seen firing, of a new model": lambda w: w.record(w.alert("X", model="new", status="resolved")),
    "a value moves": lambda w: w.record(nulls(w, value=0.31)),
    "a feature is named": lambda w: w.record(w.alert("Drift", n=2, feature="merchant_country")),
    "a group resolves": lambda w: w.record(nulls(w, status="resolved")),
    "a group is suppressed": lambda w: w.record(nulls(w, status="suppressed")),
    "a group of an incident resolves": lambda w: w.record(w.alert("Drift", status="resolved", starts_at=w.start)),
    "a group of an incident is suppressed": lambda w: w.record(slo(w, status="suppressed", starts_at=w.start)),
    "an incident resolves by itself": lambda w: w.record(slo(w, model="eta", status="resolved", starts_at=w.start)),
    "an alert becomes hard": lambda w: w.record(nulls(w, kind="hard")),
    "a hard alert where a softer one stands": lambda w: w.record(slo(w, "Errors", model="churn")),
    "an incident fires again": lambda w: w.record(slo(w, "Late", model="old")),
    "a cause is shared": lambda w: w.record(*(slo(w, model=f"m{n}") for n in range(9))),
    "a cause is shared by incidents that are shown": merge,
    "a cause is shared by what stands on the wall": lambda w: w.record(*storm(w, kind="hard")),
    "a notification is cut off": lambda w: w.record(nulls(w, n=3, unlisted=9, upstream_group="g")),
    "a group of a storm resolves": lambda w: w.record(storm(w, status="resolved")[0]),
    "a storm resolves": lambda w: w.record(*storm(w, status="resolved")),
    "a group joins a storm": lambda w: w.record(w.alert("Slow", model="s1")),
    "a storm begins": lambda w: w.record(*(w.alert("Slow", model=f"x{n}") for n in range(7))),
    "an incident opens in a storm": lambda w: w.record(slo(w, "Errors", model="s3")),
    "a storm ends": lambda w: later(w, minutes=11).end_storms(),
}  # fmt: skip

EVENTS: dict[str, Act] = {
    "a version is registered": lambda w: w.record(VersionFact(model="churn", version="41", occurred_at=w.now)),
    "a version of a new model": lambda w: w.record(VersionFact(model="new", version="1", occurred_at=w.now)),
    "a change before the onset": lambda w: w.record(change(w)),
    "a change long before the onset": lambda w: w.record(change(w, before=60 * 40)),
    "a change after the onset": lambda w: w.record(change(w, before=-5)),
    "a change of a dependency": lambda w: w.record(change(w, model="geo")),
    "a change of a dependency with an umlaut": lambda w: w.record(change(w, model="größe")),
    "a change of no model": lambda w: w.record(change(w, model=None)),
    "a change of a new model": lambda w: w.record(change(w, model="new")),
    "a change near an alert that has no incident": lambda w: w.record(change(w, model="churn", before=20)),
    "a change near an incident that is over": lambda w: w.record(change(w, model="old")),
    "so many changes that nearness means little": lambda w: w.record(
        *(change(w, model="churn", before=20 + 30 * n) for n in range(300))
    ),
    "a canary begins": lambda w: w.record(w.rollout("43", "in_progress", traffic_percent=10)),
    "a version replaces the suspect": lambda w: w.record(w.rollout("43")),
    "the suspect fails": lambda w: w.record(w.rollout("42", "failed")),
    "the suspect is rolled back by status": lambda w: w.record(w.rollout("42", "rolled_back")),
    "the suspect is rolled back by a rollout": lambda w: w.record(w.rollout("41", trigger=Trigger.ROLLBACK)),
    "the suspect is removed": lambda w: w.record(w.rollout("42", "removed")),
    "the suspect has a link": lambda w: w.record(w.rollout("42", url="https://cd.example.com/118")),
    "a rollout near an alert is told late": lambda w: w.record(
        w.rollout("41", model="churn", occurred_at=w.start - timedelta(minutes=9))
    ),
    "a rollout of a dependency": lambda w: w.record(w.rollout("7", model="geo")),
    "a rollout of a dependency is told late": lambda w: w.record(
        w.rollout("7", model="geo", occurred_at=w.start - timedelta(minutes=9))
    ),
    "a suspect is told late": lambda w: w.record(
        w.rollout("7", model="eta", occurred_at=w.start - timedelta(minutes=9))
    ),
    "a rollout of another model": lambda w: w.record(w.rollout("7", model="eta")),
    "history of a model": lambda w: w.record(rollout(w, "39", days=20)),
    "a version is measured": lambda w: w.record(measured(w, "42", 0.93)),
    "the version before is measured": lambda w: w.record(measured(w, "41", 0.91)),
    "an older version is measured": lambda w: w.record(measured(w, "40", 0.91, model="churn")),
    "live data agrees": lambda w: w.record(measured(w, "42", 0.95), live(w, 0.95)),
    "live data misses the objective": lambda w: w.record(live(w, 0.8)),
    "live data without labels": lambda w: w.record(live(w, 0.8, labelled=0.2)),
    "live data is worse than offline": lambda w: w.record(measured(w, "42", 0.95), live(w, 0.91)),
    "live data agrees twice": lambda w: again(w, live(w, 0.95), live(w, 0.91)),
    "a version is measured twice after it is out": lambda w: again(w, measured(w, "42", 0.93), measured(w, "42", 0.90)),
    "the version before is measured after that": lambda w: again(w, measured(w, "42", 0.93), measured(w, "41", 0.90)),
    "a metric is redefined": lambda w: again(w, measured(w, "42", 0.93), redefinition(w)),
    "every metric is redefined": lambda w: again(w, measured(w, "42", 0.93), redefinition(w, model=None)),
    "a measurement of no version": lambda w: w.record(measured(w, None, 0.5, model="churn")),
    "a measurement of a new model": lambda w: w.record(measured(w, "1", 0.5, model="new")),
}  # fmt: skip

TICKETS: dict[str, Act] = {
    "a ticket moves": lambda w: w.ticket(replace(TICKET, status="Doing", category=StatusCategory.IN_PROGRESS)),
    "a ticket is done": lambda w: w.ticket(replace(TICKET, status="Done", category=StatusCategory.DONE)),
    "a ticket is renamed": lambda w: w.ticket(replace(TICKET, summary="payments")),
    "a ticket moves to another project": lambda w: w.ticket(replace(TICKET, key="RISK-9", url="https://jira.example.com/RISK-9")),
    "a ticket has an assignee": lambda w: w.ticket(replace(TICKET, assignee="alice")),
    "another incident has a ticket": lambda w: w.ticket(replace(TICKET, incident_id=2, key="ML-2"), "10002:ML-2"),
}  # fmt: skip

PEOPLE: dict[str, Act] = {
    "a verdict": lambda w: w.act(GiveVerdict(group_id=3, verdict=Verdict.NOISE, by="U02BOB")),
    "a verdict on evidence": lambda w: w.act(GiveVerdict(group_id=1, verdict=Verdict.ACTED, by="U02BOB")),
    "a verdict in a storm": lambda w: w.act(GiveVerdict(group_id=7, verdict=Verdict.NOISE, by="U02BOB")),
    "an incident of a group": lambda w: w.act(DeclareIncident(by="U02BOB", title="it smells", group_id=3)),
    "an incident of a group in a storm": lambda w: w.act(DeclareIncident(by="U02BOB", title="it smells", group_id=7)),
    "a new incident of a group whose last one is over": lambda w: w.act(
        DeclareIncident(by="U02BOB", title="again", group_id=5)
    ),
    "an incident of a model": lambda w: w.act(DeclareIncident(by="U02BOB", title="it smells", model="churn")),
    "an incident of nothing": lambda w: w.act(DeclareIncident(by="U02BOB", title="it smells")),
    "an incident of a new model": lambda w: w.act(DeclareIncident(by="U02BOB", title="it smells", model="new")),
    "an update": lambda w: w.act(UpdateIncident(incident_id=1, by="U02BOB", text="looking")),
    "an update that moves everything": lambda w: w.act(
        UpdateIncident(
            incident_id=1,
            by="U02BOB",
            status=IncidentStatus.MITIGATED,
            severity="sev1",
            lead="U01ALICE",
            next_update_at=w.now,
        )
    ),
    "a rollback is asked for": lambda w: w.act(AskRollback(incident_id=1, by="U02BOB")),
    "an incident is resolved": lambda w: w.act(ResolveIncident(incident_id=1, by="U02BOB", text="v42")),
    "a cause is named later": lambda w: w.act(
        ResolveIncident(incident_id=3, by="U02BOB", cause=Cause.LABELS, eval_case="c/7")
    ),
    "an incident is reopened": lambda w: w.act(ReopenIncident(incident_id=3, by="U02BOB")),
    "an incident is reopened while its alerts go on": reopen,
    "a model is renamed": lambda w: w.act(RenameModel(model="fraud-scorer", name="fraud", by="U02BOB")),
    "two models are merged": lambda w: w.act(MergeModels(model="eta", into="churn", by="U02BOB")),
    "a model is retired": lambda w: w.act(RetireModel(model="eta", over=True, by="U02BOB")),
    "a change is typed": lambda w: w.act(typed(w)),
    "the version that serves is marked bad": lambda w: w.act(bad(w, "42")),
    "the version before is marked bad": lambda w: w.act(bad(w, "41")),
    "a version is marked good again": unmark,
}  # fmt: skip

LINKS: dict[str, Act] = {
    "an alert of no model": lambda w: w.record(orphan(w)),
    "an evaluation of no model": lambda w: w.record(measured(w, "42", 0.8, model="", labels=CHURN)),
    "an alert is linked": lambda w: link(w, orphan(w)),
    "a hard alert is linked": lambda w: link(w, orphan(w, kind="hard")),
    "a hard alert is linked to a model with an incident": lambda w: link(w, orphan(w, kind="hard"), model="eta"),
    "a part of the alerts is linked": lambda w: link(w, orphan(w), orphan(w, n=2, labels={"service": "shop"})),
    "a part of hard alerts is linked": lambda w: link(
        w, orphan(w, kind="hard"), orphan(w, n=2, kind="hard", labels={"service": "shop"})
    ),
    "a change is linked": lambda w: link(w, change(w, model=None, labels=CHURN), model="eta"),
    "a rollout is linked": lambda w: link(w, w.rollout("43", model="", labels=CHURN), model="fraud-scorer"),
    "an evaluation is linked": lambda w: link(w, measured(w, "42", 0.8, model="", labels=CHURN), model="fraud-scorer"),
    "a rule is taken back": unlink,
}

DECISIONS: dict[str, Act] = {
    "a promotion is asked for": lambda w: w.act(asked("41")),
    "a promotion is approved": lambda w: decide(w, 1),
    "a promotion is held": lambda w: decide(w, 1, Word.HOLD),
    "a promotion is rejected": lambda w: decide(w, 1, Word.REJECT),
    "people go back": lambda w: w.act(
        GoBack(model="fraud-scorer", version="41", stage="production", previous="42", by="U02BOB")
    ),
    "nobody decides in time": lambda w: w.run(note_overdue, w.later(days=2)),
    "what was approved does not serve in time": lambda w: w.run(note_overdue, w.later(hours=1)),
    "an order is taken": lambda w: w.run(note_ordered, 2, "https://cd.example.com/runs/91", w.now),
    "a candidate is measured": lambda w: w.record(measured(w, "43", 0.5)),
    "a candidate is marked bad": lambda w: w.act(bad(w, "43")),
    "a candidate runs elsewhere": lambda w: w.record(
        *(VersionFact(model="fraud-scorer", version=v, env_ref=f"env-{v}", occurred_at=w.now) for v in ("42", "43"))
    ),
    "what was approved comes to serve": lambda w: w.record(w.rollout("44")),
    "another version serves instead of what is late": overtaken,
    "what was approved is measured where it serves": serving,
}  # fmt: skip

SENDERS: dict[str, Act] = {
    "something unreadable": lambda w: w.deliver("events", b"?"),
    "something unreadable can be read": replay,
    "the first word of a source": lambda w: w.record(source="grafana"),
    "a source speaks again after days": lambda w: later(w, days=4).record(),
    "an empty delivery": lambda w: w.record(),
}


def bodies(world: Any) -> dict[str, Any]:
    return {key: world.render(key) for key in world.generations()}


ACTS = ALERTS | EVENTS | TICKETS | PEOPLE | LINKS | DECISIONS | SENDERS


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
def test_what_changes_a_copy_touches_it(busy: Any, act: Act) -> None:
    remembered: list[tuple[dict[str, Any], dict[str, int]]] = [busy.drawn]
    busy.before = lambda: remembered.append((bodies(busy), busy.generations()))

    act(busy)

    shown, generations = remembered[-1]
    touched = {key for key, generation in busy.generations().items() if generation != generations.get(key)}
    now = bodies(busy)
    changed = {key for key, body in shown.items() if now.get(key) != body}
    assert changed - touched == set()


def test_what_says_nothing_new_touches_nothing(busy: Any) -> None:
    before = busy.generations()
    known = [slo(busy, starts_at=busy.start), busy.alert("Drift", kind="drift", starts_at=busy.start), nulls(busy)]
    deployed = rollout(busy, "42", actor="alice")

    busy.record(*known, replace(deployed, occurred_at=busy.start - timedelta(minutes=11)))
    busy.ticket(TICKET)

    assert busy.generations() == before
