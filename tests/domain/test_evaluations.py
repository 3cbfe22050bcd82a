"""What may be said of a measured value, as the people in the channel read it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.evaluations import Verdict, judge
from bot.domain.facts import EvaluationType
from bot.domain.gaps import is_matured, offline_live_gap
from bot.domain.measurements import Measured
from bot.domain.metrics import DIRECTIONS, Direction, Shape, direction_of, parse_threshold, satisfies, shape_of

HIGHER, LOWER, TARGET = Direction.HIGHER, Direction.LOWER, Direction.TARGET

V1 = Measured(name="accuracy", value=650 / 800, n=800, dataset_version="a")
V2 = Measured(name="accuracy", value=648 / 800, n=800, dataset_version="a", discordant=(4, 2))
V3 = Measured(name="accuracy", value=625 / 800, n=800, dataset_version="a", discordant=(56, 31))


def auc(value: float, half: float, n: int | None = None) -> Measured:
    return Measured(name="auc", value=value, n=n, ci_low=value - half, ci_high=value + half)


# The demo's three versions (sources.md 8.3)


def test_v2_is_inconclusive() -> None:
    judgement = judge(V2, V1, direction=HIGHER)

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.words == ("0.810 (n 800), down 0.003 [-0.009, +0.004]: inconclusive, a change needs 0.007 to show")


def test_v3_regressed_when_its_rows_are_paired() -> None:
    judgement = judge(V3, V1, direction=HIGHER)

    assert judgement.verdict is Verdict.REGRESSED
    assert judgement.words == "0.781 (n 800), down 0.031 [-0.054, -0.009]: regressed"
    assert judgement.p == pytest.approx(0.0097, abs=5e-5)


def test_v3_is_inconclusive_without_pairing_and_says_why_that_is_conservative() -> None:
    judgement = judge(V3._replace(discordant=None), V1, direction=HIGHER)

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.method == "newcombe"
    assert "[-0.071, +0.008]" in judgement.words
    assert judgement.note == "conservative: same rows, pairing not reported"


def test_error_rate_of_v3_regressed_too() -> None:
    v1 = Measured(name="error_rate", value=150 / 800, n=800)

    judgement = judge(v1._replace(value=175 / 800, discordant=(56, 31)), v1, direction=LOWER)

    assert judgement.words == "0.219 (n 800), up 0.031 [+0.009, +0.054]: regressed"


def test_discordant_counts_that_contradict_the_values_are_not_believed() -> None:
    judgement = judge(V3._replace(discordant=(31, 56)), V1, direction=HIGHER)

    assert judgement.method == "newcombe"


# Every verdict of 8.2


def test_large_drop_regressed() -> None:
    judgement = judge(auc(0.912, 0.004, 41_200), auc(0.933, 0.004), direction=HIGHER)

    assert judgement.words == "0.912 (n 41,200), down 0.021 [-0.027, -0.015]: regressed"


def test_drop_beyond_the_margin_says_so() -> None:
    judgement = judge(auc(0.912, 0.004), auc(0.933, 0.004), direction=HIGHER, margin=0.01)

    assert judgement.outcome == "regressed beyond the margin of 0.01"


def test_latency_that_falls_improved() -> None:
    fast = Measured(name="p95_latency_ms", value=1100.4, sd=200, n=900)

    judgement = judge(fast, fast._replace(value=1234.5), direction=direction_of(fast.name))

    assert judgement.words == "1,100 (n 900), down 134 [-153, -116]: improved"
    assert judgement.method == "welch"


def test_sure_difference_inside_the_margin_is_equivalent() -> None:
    judgement = judge(auc(0.930, 0.0005), auc(0.932, 0.0005), direction=HIGHER, margin=0.01)

    assert judgement.verdict is Verdict.EQUIVALENT
    assert judgement.outcome == "equivalent within 0.01"


def test_metric_of_unknown_direction_only_changed() -> None:
    judgement = judge(auc(0.912, 0.004), auc(0.933, 0.004), direction=None)

    assert judgement.words == "0.912, down 0.021 [-0.027, -0.015]: changed"


def test_calibration_regresses_on_either_side_of_its_target() -> None:
    good = Measured(name="calibration_ratio", value=1.01, ci_low=0.99, ci_high=1.03)

    for value in (1.1, 0.9):
        bad = Measured(name="calibration_ratio", value=value, ci_low=value - 0.02, ci_high=value + 0.02)
        judgement = judge(bad, good, direction=TARGET)

        assert judgement.verdict is Verdict.REGRESSED
        assert "0.090 further from 1" in judgement.words


def test_values_on_different_data_are_not_compared() -> None:
    judgement = judge(V3, V1._replace(dataset_version="b"), direction=HIGHER)

    assert judgement.verdict is Verdict.NOT_COMPARABLE
    assert judgement.words == "0.781 (n 800): not comparable, dataset version a against b"


def test_data_that_nobody_named_may_be_the_same() -> None:
    assert judge(V3, V1._replace(dataset_version=None), direction=HIGHER).verdict is Verdict.REGRESSED


def test_small_slice_is_shown_and_not_judged() -> None:
    small = Measured(name="accuracy", value=0.4, n=60, slice="country=BR")

    judgement = judge(small, small._replace(value=0.9), direction=HIGHER)

    assert judgement.words == "0.400 (n 60): too few rows to judge a slice (at least 100)"
    assert judgement.verdict is Verdict.INSUFFICIENT_DATA


def test_two_bare_numbers_get_no_verdict() -> None:
    judgement = judge(Measured(value=0.912), Measured(value=0.933), direction=HIGHER)

    assert judgement.verdict is Verdict.INSUFFICIENT_DATA
    assert judgement.words == "0.912, was 0.933: no interval, and nothing to make one of, so no verdict"


def test_rows_say_nothing_of_a_metric_that_is_no_proportion() -> None:
    assert judge(V3._replace(name="f1"), V1._replace(name="f1"), direction=HIGHER).method == "mcnemar"
    unpaired = judge(V3._replace(name="f1", discordant=None), V1._replace(name="f1"), direction=HIGHER)
    assert unpaired.verdict is Verdict.INSUFFICIENT_DATA


def test_counts_make_a_proportion_of_precision() -> None:
    precision = Measured(name="precision", value=0.9, n=1000, successes=900)

    judgement = judge(precision, precision._replace(value=0.8, successes=800), direction=HIGHER)

    assert judgement.verdict is Verdict.IMPROVED


def test_interval_that_its_own_value_lies_outside_of_is_not_believed() -> None:
    broken = Measured(name="auc", value=0.9, ci_low=0.1, ci_high=0.2)

    assert judge(broken, auc(0.93, 0.01), direction=HIGHER).verdict is Verdict.INSUFFICIENT_DATA


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_number_gets_no_verdict(value: float) -> None:
    assert judge(auc(value, 0.1), auc(0.9, 0.1), direction=HIGHER).verdict is Verdict.INSUFFICIENT_DATA


def test_first_value_has_no_baseline_yet() -> None:
    assert judge(V1, None, direction=HIGHER).words == "0.812 (n 800): no baseline yet"


def test_product_metric_over_its_slo_misses_it() -> None:
    judgement = judge(Measured(value=2.9), None, direction=None, threshold=parse_threshold("<= 2.5"))

    assert judgement.verdict is Verdict.BELOW_THRESHOLD
    assert judgement.words == "2.90: misses <= 2.5"


def test_product_metric_within_its_slo_meets_it() -> None:
    judgement = judge(Measured(value=2.4), None, direction=None, threshold=("<=", 2.5))

    assert judgement.verdict is Verdict.MEETS_THRESHOLD


def test_bare_number_is_judged_by_its_own_history() -> None:
    history = [2.1, 2.2, 2.3, 2.2, 2.1, 2.0, 2.2, 2.2, 2.1]

    judgement = judge(Measured(value=2.9), Measured(value=2.1), direction=None, history=history)

    assert judgement.verdict is Verdict.OUT_OF_USUAL_RANGE
    assert judgement.words == "2.90, usually 1.94 to 2.37 (9 values): above its usual range"
    usual = judge(Measured(value=2.3), None, direction=None, history=history)
    assert usual.verdict is Verdict.INCONCLUSIVE
    assert usual.outcome == "within its usual range"


def test_value_that_has_always_missed_its_slo_still_misses_it() -> None:
    judgement = judge(Measured(value=2.9), None, direction=None, history=[2.9, 2.8] * 5, threshold=("<=", 2.5))

    assert judgement.verdict is Verdict.BELOW_THRESHOLD


def test_seven_values_are_no_history() -> None:
    judgement = judge(Measured(value=9), None, direction=None, history=[1, 2] * 3 + [1])

    assert judgement.verdict is Verdict.INSUFFICIENT_DATA


# Laws

measured = st.builds(
    lambda value, low, high: Measured(value=value, ci_low=value - low, ci_high=value + high),
    st.floats(-100, 100),
    st.floats(0, 10),
    st.floats(0, 10),
)


def mirrored(one: Measured) -> Measured:
    assert one.ci_low is not None
    assert one.ci_high is not None
    return Measured(value=-one.value, ci_low=-one.ci_high, ci_high=-one.ci_low)


@given(measured, measured, st.floats(0, 5))
def test_swapping_direction_and_sign_keeps_the_verdict(one: Measured, other: Measured, margin: float) -> None:
    assert (
        judge(one, other, direction=HIGHER, margin=margin).verdict
        is judge(mirrored(one), mirrored(other), direction=LOWER, margin=margin).verdict
    )


@given(measured, measured)
def test_what_improved_on_another_that_one_regressed_on(one: Measured, other: Measured) -> None:
    turned = {Verdict.IMPROVED: Verdict.REGRESSED, Verdict.REGRESSED: Verdict.IMPROVED}

    there, back = judge(one, other, direction=HIGHER), judge(other, one, direction=HIGHER)

    assert back.verdict is turned.get(there.verdict, there.verdict)


@given(measured, measured, st.sampled_from([*Direction, None]))
def test_interval_contains_the_difference(one: Measured, other: Measured, direction: Direction | None) -> None:
    judgement = judge(one, other, direction=direction)

    assert judgement.low is not None
    assert judgement.difference is not None
    assert judgement.high is not None
    slack = 1e-9
    assert judgement.low - slack <= judgement.difference <= judgement.high + slack


@given(st.integers(0, 500), st.integers(0, 500))
def test_accuracy_and_error_rate_get_the_same_verdict(right: int, base_right: int) -> None:
    def rate(name: str, count: int) -> Measured:
        return Measured(name=name, value=count / 500, n=500, successes=count)

    accuracy = judge(rate("accuracy", right), rate("accuracy", base_right), direction=HIGHER)
    error = judge(rate("error_rate", 500 - right), rate("error_rate", 500 - base_right), direction=LOWER)

    assert accuracy.verdict is error.verdict


@given(
    st.builds(
        Measured,
        value=st.floats(),
        name=st.sampled_from(["accuracy", "auc", "rmse", ""]),
        n=st.none() | st.integers(-1, 10),
        ci_low=st.none() | st.floats(),
        ci_high=st.none() | st.floats(),
        successes=st.none() | st.floats(),
        positives=st.none() | st.integers(-1, 3),
        negatives=st.none() | st.integers(-1, 3),
        sd=st.none() | st.floats(),
        discordant=st.none() | st.tuples(st.integers(-1, 9), st.integers(-1, 9)),
    ),
    st.lists(st.floats(), min_size=8, max_size=9),
    st.sampled_from([*Direction, None]),
)
def test_whatever_a_source_sends_is_judged_without_an_error(
    sent: Measured, history: list[float], direction: Direction | None
) -> None:
    for baseline in (None, sent, V1):
        assert judge(sent, baseline, direction=direction, history=history, threshold=("<", 1)).words
        assert baseline is None or offline_live_gap(baseline, sent, direction, 0.03) is None or direction


# Maturity and the gap (F7, F20)


def test_value_counts_from_four_fifths_of_its_labels() -> None:
    assert not is_matured(0.3)
    assert is_matured(0.8)


def test_unstated_labels_count_as_complete_unless_they_are_known_to_come_late() -> None:
    assert is_matured(None)
    assert not is_matured(None, labels_late=True)
    assert is_matured(None, labels_late=True, evaluation_type=EvaluationType.OFFLINE)
    assert is_matured(None, labels_late=True, evaluation_type=EvaluationType.PRODUCT)


def test_live_far_below_offline_is_a_gap() -> None:
    gap = offline_live_gap(Measured(value=0.952), Measured(value=0.812, n=41_200), HIGHER, 0.03)

    assert gap
    assert gap.exceeded
    assert gap.words == "offline 0.952 → live 0.812, gap 0.140 (tolerance 0.03), n 41,200"


def test_gap_at_its_tolerance_is_tolerated() -> None:
    gap = offline_live_gap(Measured(value=0.95), Measured(value=0.92), HIGHER, 0.03)

    assert gap
    assert not gap.exceeded


def test_gap_that_chance_explains_opens_nothing() -> None:
    gap = offline_live_gap(auc(0.95, 0.01), auc(0.90, 0.10), HIGHER, 0.03)

    assert gap
    assert gap.value == pytest.approx(0.05)
    assert not gap.exceeded


def test_higher_error_live_is_a_gap_and_a_lower_one_is_none() -> None:
    worse = offline_live_gap(Measured(value=10), Measured(value=14), LOWER, 1)
    better = offline_live_gap(Measured(value=10), Measured(value=6), LOWER, 1)

    assert worse
    assert worse.exceeded
    assert better
    assert not better.exceeded
    assert better.value == -4


def test_gap_of_a_metric_without_direction_can_not_be_told() -> None:
    assert offline_live_gap(Measured(value=1), Measured(value=2), None, 0.1) is None


# Names and thresholds


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("accuracy_score", HIGHER),
        ("val_roc_auc", HIGHER),
        ("F1Score", HIGHER),
        ("ndcg@10", HIGHER),
        ("r2_score", HIGHER),
        ("mAP", HIGHER),
        ("ctr", HIGHER),
        ("true_positive_rate", HIGHER),
        ("mape", LOWER),
        ("log_loss", LOWER),
        ("root_mean_squared_error", LOWER),
        ("p95_latency_ms", LOWER),
        ("ShareOfDriftedColumns", LOWER),
        ("expected_calibration_error", LOWER),
        ("auc_drift", LOWER),
        ("calibration_ratio", TARGET),
        ("example_count", Direction.NONE),
        ("true_negatives", Direction.NONE),
        ("good payments declined", None),
        ("churn_saves_per_1k", None),
        ("", None),
    ],
)
def test_direction_is_known_by_name(name: str, direction: Direction | None) -> None:
    assert direction_of(name) is direction


def test_stated_direction_wins_over_the_name_and_nonsense_does_not() -> None:
    assert direction_of("accuracy", "lower") is LOWER
    assert direction_of("accuracy", "sideways") is HIGHER


def test_direction_table_means_each_of_its_own_words() -> None:
    for direction, words in DIRECTIONS:
        for word in words.split():
            assert direction_of(word.replace("_*", "_x").replace("*_", "x_").replace("*", "")) is direction, word


def test_rows_are_the_denominator_of_accuracy_but_not_of_balanced_accuracy() -> None:
    assert shape_of("eval_accuracy_score") is Shape.PROPORTION
    assert shape_of("balanced_accuracy") is Shape.OTHER
    assert shape_of("ROC AUC") is Shape.ROC_AUC
    assert shape_of("pr_auc") is Shape.OTHER


@pytest.mark.parametrize(
    ("text", "threshold"),
    [("<= 2.5", ("<=", 2.5)), ("≥0.92", (">=", 0.92)), (" > -1e-3 ", (">", -0.001)), ("<.5", ("<", 0.5))],
)
def test_threshold_is_read(text: str, threshold: tuple[str, float]) -> None:
    assert parse_threshold(text) == threshold


@pytest.mark.parametrize("text", ["", "0.92", "== 1", ">= ninety", "<= 2.5 %", ">= 1e999", "=> 3"])
def test_threshold_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="threshold"):
        parse_threshold(text)


def test_value_at_its_threshold_satisfies_only_the_operators_that_include_it() -> None:
    assert [satisfies(2.5, op, 2.5) for op in ("<=", "<", ">=", ">")] == [True, False, True, False]
    assert not satisfies(math.nan, "<=", 2.5)
    with pytest.raises(ValueError, match="operator"):
        satisfies(1, "==", 1)
