"""What a metric's name and threshold say: which way is better, how it spreads, when a value is good enough.

The names that teams, scikit-learn, MLflow and Evidently use are one table here (sources.md 8.1), which the
configuration overrides per model. Of a metric whose name is not in it we
can only say "changed".
"""

import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache


class Direction(StrEnum):
    """Which way a metric gets better."""

    HIGHER = "higher"
    LOWER = "lower"
    TARGET = "target"
    """The nearer to a set value the better; a calibration ratio to 1."""
    NONE = "none"
    """It has no good side: a count."""


class Shape(StrEnum):
    """How a metric's uncertainty follows from its counts."""

    PROPORTION = "proportion"
    """k of n rows; the n of an evaluation is its denominator (not so for precision, recall, F1)."""
    ROC_AUC = "roc_auc"
    OTHER = "other"


DIRECTIONS: tuple[tuple[Direction, str], ...] = (
    (Direction.HIGHER, "true_positive_rate true_negative_rate tpr tnr sensitivity specificity"),
    (Direction.LOWER, "false_positive_rate false_negative_rate false_discovery_rate fpr fnr fdr"),
    (Direction.LOWER, "false_alarm_rate calibration_error ece mce brier*"),
    (Direction.TARGET, "calibration_ratio calibration_slope calibration disparate_impact*"),
    (Direction.NONE, "count counts support true_* false_* num_* row rows example examples"),
    (Direction.LOWER, "*drift* psi csi skew kl js divergence wasserstein* staleness stale*"),
    (Direction.LOWER, "error errors *loss *mae *mse *rmse *rmsle *mape wape deviance perplexity"),
    (Direction.LOWER, "wer cer ter *latency* duration* p50 p90 p95 p99 cost* *_cost spend* timeout*"),
    (Direction.LOWER, "null* missing* nan* duplicate* toxic* hallucination* complaint* refund*"),
    (Direction.LOWER, "chargeback* demographic_parity* equalized_odds* bounce_rate churn_rate"),
    (Direction.HIGHER, "accuracy* precision* recall* f1* fbeta* f2 *auc* *auroc* *auprc* gini mcc"),
    (Direction.HIGHER, "matthews* kappa *dcg* map m_ap mrr hit_rate average_precision reciprocal_rank"),
    (Direction.HIGHER, "r2 explained_variance* spearman* pearson* concordance* iou dice silhouette*"),
    (Direction.HIGHER, "bleu* rouge* meteor chrf* bertscore* exact_match pass win_rate success_rate"),
    (Direction.HIGHER, "faithfulness grounded* ctr click_through* conversion* retention* revenue*"),
    (Direction.HIGHER, "csat nps lift uplift completeness throughput availability uptime"),
)
"""Whole words of a name, `*` for any more; the first hit wins, so exceptions stand first."""

SIGNS: Mapping[Direction | None, int] = {Direction.HIGHER: 1, Direction.LOWER: -1, Direction.TARGET: -1}
"""Times a difference, what is good is positive; no entry = nobody knows."""

PROPORTIONS = (
    "accuracy accuracy_* top_*_accuracy* subset_accuracy error_rate exact_match* hit_rate* pass pass_rate "
    "win_rate success_rate ctr click_through_rate conversion conversion_rate null_rate missing_rate"
)
"""Whole names, not words: a `word_error_rate` is no proportion of rows, a `balanced_accuracy` neither."""

PREFIXES = re.compile(r"^((eval(uation)?|val(id(ation)?)?|test|train(ing)?|live|offline|shadow)_)+")

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
THRESHOLD = re.compile(r"\s*(>=|<=|>|<|≥|≤)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")


def direction_of(name: str, override: str | None = None) -> Direction | None:
    """Return which way the metric NAME gets better; None = we do not know.

    `override` is what the sender or configuration states; a word that is no direction counts as not stated.
    """
    for stated in Direction:
        if stated == override:
            return stated
    padded = f"_{plain_name(name)}_"
    for direction, words in DIRECTIONS:
        if any(fnmatchcase(padded, f"*_{word}_*") for word in words.split()):
            return direction
    return None


def shape_of(name: str) -> Shape:
    """Return how the uncertainty of the metric NAME follows from its counts."""
    plain = plain_name(name)
    if any(fnmatchcase(plain, whole) for whole in PROPORTIONS.split()):
        return Shape.PROPORTION
    if ("auc" in plain or "auroc" in plain) and not re.search(r"(^|_)(au)?pr", plain):
        return Shape.ROC_AUC
    return Shape.OTHER


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """Return NAME in snake case without its split: `RocAuc`, `ROC AUC` and `val_roc_auc` are one metric."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return PREFIXES.sub("", re.sub(r"[^a-z0-9]+", "_", snake.lower()).strip("_"))


def concerned(said: str, called: Mapping[str, Collection[str]]) -> set[str]:
    """Return of which metrics a new definition is, in the words SAID: those that are named in it, or all of CALLED.

    CALLED has what people call each metric; where one name is part of another, the longer one was meant.
    """
    patterns: dict[str, set[str]] = {}
    for metric, names in called.items():
        for words in (re.findall(r"[^\W_]+", one.lower()) for one in names):
            patterns.setdefault(r"[\W_]+".join(words), set()).add(metric)
    named: set[str] = set()
    rest = said.lower()
    for pattern in sorted(filter(None, patterns), key=len, reverse=True):
        rest, times = re.subn(rf"(?<![\w-]){pattern}(?![\w-])", "|", rest)
        named |= patterns[pattern] if times else set()
    return named or {*called}


def satisfies(value: float, op: str, threshold: float) -> bool:
    """Return whether VALUE meets the threshold; NaN never does. Raises ValueError for an unknown operator."""
    if op not in OPERATORS:
        raise ValueError(f"operator {op!r} is not one of {', '.join(OPERATORS)}")
    return OPERATORS[op](value, threshold)


@lru_cache(maxsize=4096)
def parse_threshold(text: str) -> tuple[str, float]:
    """Return operator and value of `<= 2.5` or `≥0.92`, in the metric's own unit. Raises ValueError."""
    match = THRESHOLD.fullmatch(text)
    if match is None or not math.isfinite(float(match[2])):
        raise ValueError(f"threshold {text!r} is not one of {', '.join(OPERATORS)} and a number, as in '>= 0.92'")
    return {"≥": ">=", "≤": "<="}.get(match[1], match[1]), float(match[2])
