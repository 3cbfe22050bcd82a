"""What changed near an alert, and which version held the traffic then."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attribution import (
    Candidate,
    Onset,
    Place,
    Relation,
    Suspect,
    coincidence,
    nearby,
    onset_of,
    suspect,
)
from bot.domain.serving import How, version_at

FIRED = datetime(2026, 11, 23, 8, 2, tzinfo=UTC)
FRAUD = Place(model="fraud", stage="production", depends_on=("features",))


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def change(
    change_id: int,
    before: float,
    *,
    model: str | None = "fraud",
    stage: str | None = "production",
    target: str | None = None,
    kind: str = "model",
    version: str | None = "42",
    stages: tuple[str, ...] = (),
) -> Candidate:
    """Return a change that took effect so many minutes before the alert fired."""
    at = FIRED - minutes(before)
    where = {"stage": stage, "stages": stages, "target": target}
    return Candidate(change_id=change_id, at=at, kind=kind, model=model, version=version, actor="@alice", **where)


def found(onset: Onset, *candidates: Candidate, place: Place = FRAUD) -> list[int]:
    return [s.change_id for s in nearby(onset, candidates, place)]


# Onset


def test_onset_is_the_firing_minus_its_stated_lookback() -> None:
    onset = onset_of(FIRED, minutes(30))

    assert onset.at == FIRED - minutes(30)
    assert onset.stated


def test_onset_is_guessed_ten_minutes_back_where_nothing_is_stated() -> None:
    assert onset_of(FIRED).at == FIRED - minutes(10)
    assert not onset_of(FIRED).stated


# Suspects


def test_version_deployed_before_the_alert_is_the_suspect() -> None:
    it = suspect(onset_of(FIRED), [change(7, 11)], FRAUD)

    assert it
    assert it.change_id == 7
    assert it.before == minutes(11)
    assert it.words == "v42 deployed 11 min before the alert"


def test_time_counts_to_the_onset_where_it_is_stated() -> None:
    it = suspect(onset_of(FIRED, minutes(30)), [change(7, 42)], FRAUD)

    assert it
    assert it.words == "v42 deployed 12 min before onset"


def test_words_name_the_kind_of_change_and_the_dependency() -> None:
    words = [
        s.words
        for s in nearby(
            onset_of(FIRED),
            [change(1, 11, kind="metric_definition"), change(2, 11, model="features", version="3")],
            FRAUD,
        )
    ]

    assert words == [
        "metric definition changed 11 min before the alert",
        "features v3 deployed 11 min before the alert",
    ]


def test_nothing_near_is_nobodys_fault() -> None:
    far = [change(1, 71), change(2, -1), change(3, 11, model="churn"), change(4, 11, stage="staging")]

    assert suspect(onset_of(FIRED), far, FRAUD) is None


def test_window_reaches_from_an_hour_before_the_onset_to_the_firing() -> None:
    assert sorted(found(onset_of(FIRED), change(1, 70), change(2, 70.1), change(3, 0), change(4, -0.1))) == [1, 3]


def test_same_target_comes_before_same_model_before_dependency_before_the_rest() -> None:
    place = Place(model="fraud", stage="production", target="eu", depends_on=["features"])
    ranked = nearby(
        onset_of(FIRED),
        [
            change(1, 12, model=None, kind="infrastructure"),
            change(2, 13, model="features"),
            change(3, 14, target="us"),
            change(4, 60, target="eu"),
        ],
        place,
    )

    assert [s.relation for s in ranked] == list(reversed([Relation.ANYWHERE, Relation.DEPENDENCY, 1, 0]))
    assert [s.change_id for s in ranked] == [4, 3, 2, 1]


def test_of_equals_the_nearer_to_the_onset_comes_first() -> None:
    assert found(onset_of(FIRED), change(1, 40), change(2, 15), change(3, 65)) == [2, 1, 3]


def test_change_after_a_stated_onset_comes_last_though_it_is_nearer() -> None:
    assert found(onset_of(FIRED, minutes(20)), change(1, 19), change(2, 50)) == [2, 1]
    assert found(onset_of(FIRED), change(1, 9), change(2, 50)) == [1, 2]


def test_canary_and_production_are_one_traffic() -> None:
    assert found(onset_of(FIRED), change(1, 11, stage="canary")) == [1]


def test_alert_without_a_stage_is_about_what_users_see() -> None:
    place = Place(model="fraud")

    assert found(onset_of(FIRED), change(1, 11), change(2, 11, stage="shadow"), place=place) == [1]


LAB_FIRST = ("lab", "canary", "fleet")


@pytest.mark.parametrize(
    ("alerting", "changed", "near"),
    [
        ("fleet", "fleet", True),
        ("fleet", "canary", True),
        ("fleet", "production", True),
        ("fleet", "lab", False),
        (None, "fleet", True),
        (None, "lab", False),
        ("lab", "lab", True),
        ("lab", "fleet", False),
    ],
)
def test_a_models_own_stages_tell_where_its_users_are(alerting: str | None, changed: str, near: bool) -> None:
    place = Place(model="fraud", stage=alerting, stages=LAB_FIRST)

    assert bool(found(onset_of(FIRED), change(1, 11, stage=changed, stages=LAB_FIRST), place=place)) == near


def test_each_of_two_models_has_stages_of_its_own() -> None:
    place = Place(model="fraud", stage="fleet", stages=LAB_FIRST, depends_on=["features"])
    released = change(1, 11, model="features", stage="production")
    tried = change(2, 11, model="features", stage="ring0", stages=("ring0", "ring1"))

    assert found(onset_of(FIRED), released, tried, place=place) == [1]


def test_alert_without_a_model_suspects_only_what_may_touch_everything() -> None:
    place = Place(model=None)

    assert found(onset_of(FIRED), change(1, 11), change(2, 11, model=None), place=place) == [2]


@pytest.mark.parametrize("onset", [onset_of(FIRED, timedelta(days=1)), onset_of(FIRED, category="drift")])
def test_daily_window_names_no_nearest_change_but_lists_them(onset: Onset) -> None:
    changes = [change(1, 11)]

    assert suspect(onset, changes, FRAUD) is None
    assert len(nearby(onset, changes, FRAUD)) == 1


def test_drift_on_a_short_stated_window_names_the_nearest_change() -> None:
    assert suspect(onset_of(FIRED, minutes(10), category="drift"), [change(1, 11)], FRAUD)


@pytest.mark.parametrize(("per_day", "chance"), [(1, 0.02), (2, 0.04), (5, 0.10), (20, 0.34)])
def test_many_deployments_a_day_make_a_coincidence_likely(per_day: float, chance: float) -> None:
    assert coincidence(per_day, minutes(30)) == pytest.approx(chance, abs=0.005)


def test_words_say_so_when_a_coincidence_is_likely() -> None:
    rare = suspect(onset_of(FIRED), [change(1, 30)], FRAUD, changes_per_day=1)
    busy = suspect(onset_of(FIRED), [change(1, 30)], FRAUD, changes_per_day=20)

    assert rare
    assert rare.words == "v42 deployed 30 min before the alert"
    assert busy
    assert busy.words == "v42 deployed 30 min before the alert (20 changes a day: 34% by chance)"


@given(st.permutations([change(i, b) for i, b in enumerate((5, 11, 11, 30, 69, 80))]), st.none() | st.just(minutes(8)))
def test_order_of_arrival_does_not_matter(changes: list[Candidate], lookback: timedelta | None) -> None:
    onset = onset_of(FIRED, lookback)

    ranked: list[Suspect] = nearby(onset, changes, FRAUD)

    assert ranked == nearby(onset, sorted(changes, key=lambda c: c.change_id), FRAUD)
    assert all("caused" not in s.words and s.before >= timedelta(0) for s in ranked)
    assert all("alice" not in s.words for s in ranked)


# Who held the traffic


@dataclass(frozen=True)
class Slot:
    """A row of the store, as far as it matters."""

    version: str | None
    traffic_percent: float | None = 100
    stage: str = "production"
    target: str | None = None
    since: datetime = FIRED - timedelta(days=3)
    until: datetime | None = None


def test_only_version_with_traffic_is_inferred() -> None:
    held = version_at([Slot("42"), Slot("43", 0), Slot("44", stage="shadow")], FIRED)

    assert (held.how, held.version, held.words) == (How.INFERRED, "42", "v42")


def test_traffic_that_nobody_stated_is_all_of_it() -> None:
    assert version_at([Slot("42", None)], FIRED).version == "42"


def test_split_traffic_picks_nobody() -> None:
    held = version_at([Slot("3", 10, stage="canary"), Slot("2", 90)], FIRED, stage="production")

    assert (held.how, held.version) == (How.SPLIT, None)
    assert held.words == "v2 90 %, v3 10 %"


def test_part_of_the_traffic_is_not_the_whole() -> None:
    held = version_at([Slot("3", 10)], FIRED)

    assert held.version is None
    assert held.words == "v3 10 %, rest unknown"


def test_one_version_in_canary_and_production_is_one_version() -> None:
    assert version_at([Slot("3", 10, stage="canary"), Slot("3", 90)], FIRED).version == "3"


def test_what_serves_before_the_last_of_its_own_stages_does_not_serve_users() -> None:
    rows = [Slot("3", stage="lab"), Slot("2", stage="fleet")]

    assert version_at(rows, FIRED, stages=LAB_FIRST).versions == ("2",)


def test_two_regions_with_two_versions_are_told_apart() -> None:
    slots = [Slot("2", target="eu"), Slot("3", target="us")]

    assert version_at(slots, FIRED).words == "v2 100 % on eu, v3 100 % on us"
    assert version_at(slots, FIRED, target="us").version == "3"


def test_switch_between_onset_and_firing_is_told_in_order() -> None:
    switched = FIRED - minutes(5)
    slots = [Slot("3", since=switched), Slot("2", until=switched)]

    held = version_at(slots, FIRED - minutes(10), FIRED)

    assert (held.how, held.words) == (How.SPLIT, "v2, then v3")
    assert version_at(slots, FIRED - minutes(10)).version == "2"
    assert version_at(slots, switched).version == "3"


def test_stated_version_wins() -> None:
    held = version_at([Slot("2"), Slot("3", 10, stage="canary")], FIRED, stated="3")

    assert (held.how, held.version, held.words) == (How.EXPLICIT, "3", "v3")


def test_stated_version_that_has_left_long_ago_is_doubted() -> None:
    gone = FIRED - timedelta(hours=2)
    slots = [Slot("2", until=gone), Slot("3", since=gone)]

    assert version_at(slots, FIRED, stated="2").words == "label says v2, but v3 served"
    assert version_at(slots, gone + minutes(50), stated="2").words == "v2"


def test_nothing_is_known_where_nothing_serves() -> None:
    assert version_at([], FIRED).how is How.NONE
    assert version_at([Slot(None)], FIRED).how is How.NONE
    assert version_at([Slot("2", until=FIRED)], FIRED).how is How.NONE


def test_version_that_nobody_named_beside_a_known_one_is_a_split() -> None:
    held = version_at([Slot("2", 90), Slot(None, 10)], FIRED)

    assert (held.how, held.words) == (How.SPLIT, "v2 90 %, ? 10 %")
