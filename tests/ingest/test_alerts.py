"""Alert episodes and groups: what a notification means, and what it does not."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Integer

from bot.ingest.alerts import KNOWN
from bot.store.many import Many, types_of
from bot.store.tables import Alert, AlertGroup, Incident, Storm
from tests.databases import ON_POSTGRESQL


def statuses(world: Any) -> dict[str, str]:
    return {a.fingerprint: a.status for a in world.rows(Alert)}


def test_an_episode_is_its_source_its_fingerprint_and_its_start(world: Any) -> None:
    first = world.alert()
    world.record(first, source="one")
    world.record(first, source="two")
    world.later(minutes=1)

    world.record(world.alert(), source="one")

    assert len(world.rows(Alert)) == 3


def test_a_repeat_changes_nothing(world: Any) -> None:
    facts = [world.alert(n=n) for n in range(3)]
    world.record(*facts)
    world.draw()
    before = world.generations()
    world.later(minutes=5)

    recorded = world.record(*facts)

    assert (recorded.recorded, recorded.duplicate) == (0, 3)
    assert world.generations() == before


def test_an_alert_that_is_not_listed_any_more_still_fires(world: Any) -> None:
    world.record(world.alert(n=1), world.alert(n=2))

    world.record(world.alert(n=2, status="resolved"))

    group = world.group()
    assert (group.status, group.firing, group.total) == ("firing", 1, 2)


def test_a_resolved_episode_never_fires_again(world: Any) -> None:
    fact = world.alert()
    world.record(fact)
    world.record(world.alert(status="resolved"))

    recorded = world.record(fact)

    assert recorded.duplicate == 1
    assert world.group().status == "resolved"


def test_resolved_counts_wherever_it_stands_in_a_delivery(world: Any) -> None:
    world.record(world.alert())

    world.record(world.alert(status="resolved"), world.alert())

    assert world.group().status == "resolved"


def test_firing_again_is_a_new_episode_on_a_new_card(world: Any) -> None:
    world.record(world.alert())
    world.record(world.alert(status="resolved"))
    world.later(hours=2)

    world.record(world.alert())

    assert [g.status for g in world.rows(AlertGroup)] == ["resolved", "firing"]
    assert [a.status for a in world.rows(Alert)] == ["resolved", "firing"]


def test_flapping_goes_on_on_the_old_card(world: Any) -> None:
    world.record(world.alert())
    world.draw()
    world.record(world.alert(status="resolved", starts_at=world.now - timedelta(seconds=70)))
    world.draw()
    world.later(minutes=10)

    world.record(world.alert())
    world.draw()

    group = world.group()
    assert (group.status, group.total, group.resolved_at) == ("firing", 2, None)
    assert "Firing" in world.says("slack/group/1")


def test_flapping_of_a_sender_without_times_is_not_taken_for_its_retry(world: Any) -> None:
    firing, resolved = ({"kind": "alert", "name": "X", "model": "m", "status": s} for s in ("firing", "resolved"))
    world.deliver("events", firing)
    world.later(seconds=20)
    world.deliver("events", resolved)
    world.later(seconds=20)

    world.deliver("events", firing)

    assert world.group().status == "firing"


def test_a_group_counts_its_alerts(world: Any) -> None:
    world.record(*(world.alert(n=n) for n in range(5)))

    world.record(*(world.alert(n=n, status="resolved") for n in range(2)))

    group = world.group()
    assert (group.total, group.firing) == (5, 3)


def test_one_symptom_on_two_models_is_two_groups(world: Any) -> None:
    world.record(world.alert(model="a"), world.alert(model="b"), world.alert(model=None))

    assert [g.total for g in world.rows(AlertGroup)] == [1, 1, 1]


def test_a_worse_alert_raises_the_class_of_its_group(world: Any) -> None:
    world.record(world.alert(n=1))

    world.record(world.alert(n=2, kind="hard"))

    assert world.group().alert_class == "hard"
    assert world.group().severity == "critical"
    assert world.incident().symptom == "NullRate"


def test_an_alert_that_becomes_worse_itself_raises_the_class_too(world: Any) -> None:
    world.record(world.alert())

    world.record(world.alert(kind="hard"))

    assert world.group().alert_class == "hard"
    assert world.incident().symptom == "NullRate"


def test_a_resolved_alert_raises_no_class(world: Any) -> None:
    world.record(world.alert(n=1))

    world.record(world.alert(n=2, kind="hard", status="resolved"))

    assert world.group().alert_class == "soft"
    assert world.rows(Incident) == []


def test_a_milder_alert_lowers_nothing(world: Any) -> None:
    world.record(world.alert(n=1, kind="hard"))

    world.record(world.alert(n=2, kind="drift"))

    assert world.group().alert_class == "hard"


@pytest.mark.parametrize("upstream", ["g", ""])
def test_a_truncated_notification_never_closes_a_group(world: Any, upstream: str) -> None:
    world.record(world.alert(upstream_group=upstream, unlisted=40))

    world.record(world.alert(upstream_group=upstream, unlisted=40, status="resolved"))

    group = world.group()
    assert (group.status, group.unlisted, group.firing) == ("unknown", 40, 0)


def test_a_complete_notification_ends_the_doubt_of_a_truncated_one(world: Any) -> None:
    world.record(world.alert(upstream_group="g", unlisted=40), world.alert(model="other", upstream_group="g"))
    world.record(world.alert(upstream_group="g", unlisted=40, status="resolved"))

    world.record(world.alert(model="other", upstream_group="g", status="resolved"))

    assert [g.status for g in world.rows(AlertGroup)] == ["resolved", "resolved"]


def test_groups_with_long_keys_are_told_apart_and_stored_whatever_they_are_written_in(world: Any) -> None:
    route = "".join(chr(0x20000 + n * 7919 % 40_000) for n in range(1200))  # does not become smaller in an index

    def notify(end: str, status: str, **more: int) -> None:
        alert = {"status": status, "labels": {"alertname": end, "model": "m"}, "startsAt": world.now.isoformat()}
        world.deliver("alertmanager", {"version": "4", "groupKey": f"{route}:{end}", "alerts": [alert], **more})

    notify("NullRate", "firing", truncatedAlerts=40)
    notify("NullRate", "resolved", truncatedAlerts=40)

    notify("Latency", "firing")

    assert {g.symptom: (g.status, g.unlisted) for g in world.rows(AlertGroup)} == {
        "NullRate": ("unknown", 40),
        "Latency": ("firing", 0),
    }


def test_a_sender_without_groups_ends_the_doubt_of_what_it_lists(world: Any) -> None:
    world.record(world.alert(n=1, unlisted=1), world.alert("Drift", unlisted=1))

    world.record(world.alert(n=1, status="resolved"))

    assert [(g.status, g.unlisted) for g in world.rows(AlertGroup)] == [("resolved", 0), ("firing", 1)]


def test_an_alert_without_a_start_is_of_the_open_episode(world: Any) -> None:
    world.record(world.alert())
    world.later(hours=1)

    world.record(world.alert(starts_known=False, status="resolved"))

    assert [a.status for a in world.rows(Alert)] == ["resolved"]


def test_resolving_without_a_start_twice_resolves_once(world: Any) -> None:
    world.record(world.alert(starts_known=False))
    world.later(minutes=5)
    world.record(world.alert(starts_known=False, status="resolved"))
    world.later(minutes=5)

    recorded = world.record(world.alert(starts_known=False, status="resolved"))

    assert recorded.duplicate == 1
    assert len(world.rows(Alert)) == len(world.rows(AlertGroup)) == 1


def test_an_alert_without_a_start_that_fires_after_the_end_is_a_new_episode(world: Any) -> None:
    world.record(world.alert(starts_known=False))
    world.record(world.alert(starts_known=False, status="resolved"))
    world.later(minutes=5)

    world.record(world.alert(starts_known=False))

    assert [a.status for a in world.rows(Alert)] == ["resolved", "firing"]


def test_an_alert_that_was_never_seen_firing_is_quiet(world: Any) -> None:
    world.record(world.alert(kind="hard", status="resolved"))

    world.draw()

    assert world.group().quiet
    assert world.shown == {}
    assert world.rows(Incident) == []


def test_a_suppressed_alert_gets_its_card_when_it_fires(world: Any) -> None:
    world.record(world.alert(kind="hard", status="suppressed"))
    assert world.rows(Incident) == []

    world.record(world.alert(kind="hard"))
    world.draw()

    assert not world.group().quiet
    assert "NullRate" in world.says("slack/incident/1")


def test_an_alert_that_is_silenced_stays_open(world: Any) -> None:
    world.record(world.alert(kind="hard"))

    world.record(world.alert(kind="hard", status="suppressed"))

    assert world.group().status == "suppressed"
    assert world.incident().resolved_at is None


def test_an_alert_from_last_week_that_still_fires_is_shown(world: Any) -> None:
    world.record(world.alert(starts_at=world.now - timedelta(days=7)))

    world.draw()

    assert "NullRate" in world.says("slack/group/1")


def test_a_model_without_a_channel_speaks_in_the_default_one(world: Any) -> None:
    world.model("churn", channel="#ml-churn")

    world.record(world.alert(model="churn"), world.alert(model="unheard-of"))

    assert [g.channel for g in world.rows(AlertGroup)] == ["#ml-churn", "#general"]


STORIES = (
    # (captured notification, episodes known afterwards)
    ("single_firing", 1),
    ("second_alert_joins_group", 2),
    ("one_of_two_resolved", 2),
    ("all_resolved_only_the_rest_listed", 2),
    ("repeat_notification_byte_identical", 3),
    ("drift_alert_without_model_version", 4),
    ("minimal_labels_no_annotations", 5),
    ("unicode_and_5000_char_description", 6),
    ("from_prometheus_rule_firing", 7),
    ("from_prometheus_rule_resolved", 7),
    ("storm_50_first_flush_has_22", 29),
    ("storm_50_second_flush_has_50", 57),
    ("storm_10_of_50_resolved", 57),
)


def test_every_captured_notification_adds_its_episodes(world: Any) -> None:
    for name, episodes in STORIES:
        recorded = world.notify(name)

        assert recorded.unmapped == 0
        assert (name, len(world.rows(Alert))) == (name, episodes)
        world.later(minutes=3)
        again = world.notify(name)
        assert again.recorded == 0
        assert len(world.rows(Alert)) == episodes
        world.later(seconds=3)


def test_a_storm_that_comes_in_parts_is_one_incident_with_right_counts(world: Any) -> None:
    def seen() -> tuple[int, int, str]:
        groups = world.rows(AlertGroup)
        return len(groups), sum(g.firing for g in groups), world.incident().status

    world.notify("storm_50_first_flush_has_22")
    assert seen() == (22, 22, "investigating")
    world.later(seconds=3)
    world.notify("storm_50_second_flush_has_50")
    assert seen() == (50, 50, "investigating")
    world.draw()
    assert "50 models" in world.says("slack/incident/1")
    world.notify("storm_10_of_50_resolved")
    assert seen() == (50, 40, "investigating")
    rest = {a.fingerprint: a for a in world.rows(Alert) if a.status == "firing"}
    last = [
        {
            "status": "resolved",
            "labels": a.labels,
            "startsAt": a.starts_at.isoformat(),
            "endsAt": world.now.isoformat(),
            "fingerprint": f,
        }
        for f, a in rest.items()
    ]

    world.deliver("alertmanager", {"version": "4", "groupKey": '{}/{bucket="storm"}', "alerts": last})
    world.draw()

    assert seen() == (50, 0, "resolved")
    assert [k for k in world.shown if k.startswith("slack/group/")] == []
    assert "resolved" in world.says("slack/incident/1")
    assert len(world.rows(Storm)) == 1


def test_a_truncated_storm_keeps_its_incident_open(world: Any) -> None:
    world.notify("truncated_50_of_which_10_sent_firing")
    world.notify("truncated_30_more")
    assert {g.unlisted for g in world.rows(AlertGroup)} == {40, 30}

    world.notify("truncated_says_resolved_while_40_still_fire")
    world.draw()

    assert world.incident().status == "investigating"
    assert sum(g.status == "unknown" for g in world.rows(AlertGroup)) == 10


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_order_of_independent_alerts_does_not_matter(world: Any, order: tuple[int, ...]) -> None:
    facts = [world.alert(n=0), world.alert("Drift", n=1), world.alert(n=2, model="churn")]

    for n in order:
        world.record(facts[n])

    found = {(g.symptom, g.total, g.status) for g in world.rows(AlertGroup)}
    assert found == {("NullRate", 1, "firing"), ("Drift", 1, "firing")}
    assert len(world.rows(AlertGroup)) == 3


def test_known_episodes_are_sought_in_the_index_however_many_alerts_there_are(world: Any) -> None:
    explain, sought = ("EXPLAIN", "fingerprint)::text") if ON_POSTGRESQL else ("EXPLAIN QUERY PLAN", "fingerprint=?")
    plan = Many(f"{explain} {KNOWN}", Integer(), *types_of(Alert, "source", "fingerprint", "starts_at"))

    steps = world.run(lambda db: plan.run(db, [(n, "source", str(n), world.now) for n in range(155)]))

    assert any(sought in step[-1] and "starts_at" in step[-1] for step in steps)
    assert not any("Seq Scan" in step[-1] or "SCAN a" in step[-1] for step in steps)
