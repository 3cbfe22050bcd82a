"""How models, versions, stages and labels are called: one folding for every source (sources.md 6.3).

Fold at the border, so that `v42`, `42` and a Triton `version="42"` are one version everywhere behind it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import SequenceMatcher
from functools import lru_cache
from heapq import nsmallest
from urllib.parse import unquote

from bot.domain.facts import AlertClass, Severity

MODEL_LABELS = (
    "model",
    "ml_model",
    "model_name",
    "inferenceservice",
    "serving.kserve.io/inferenceservice",
    "serving_kserve_io_inferenceservice",
    "mlflow_model",
    "registered_model",
)
VERSION_LABELS = ("model_version", "ml_model_version", "mlflow_version")
STAGE_LABELS = ("stage", "environment", "env", "deployment_environment", "environment_tier")
SEVERITY_LABELS = ("severity", "priority", "level")

STAGES = {"prod": "production", "live": "production", "champion": "production", "stage": "staging"}
STAGES |= {stage: stage for stage in ("dev", "staging", "shadow", "canary", "production", "offline")}
SEVERITIES = {
    "critical": Severity.CRITICAL,
    "page": Severity.CRITICAL,
    "p1": Severity.CRITICAL,
    "p2": Severity.ERROR,
    "high": Severity.ERROR,
    "error": Severity.ERROR,
    "p3": Severity.WARNING,
    "warning": Severity.WARNING,
    "warn": Severity.WARNING,
    "medium": Severity.WARNING,
    "p4": Severity.INFO,
    "p5": Severity.INFO,
    "info": Severity.INFO,
    "low": Severity.INFO,
}
"""An unknown word means WARNING: it is shown, and it wakes nobody."""

CATEGORY_WORDS = (
    ("data_quality", ("null", "missing", "schema", "completeness", "freshness", "stale", "quality", "outofrange")),
    ("drift", ("drift", "psi", "skew", "distribution")),
    ("latency", ("latency", "slow", "p99", "p95", "duration")),
    ("errors", ("error", "5xx", "fail", "exception")),
    ("saturation", ("saturation", "memory", "cpu", "gpu", "disk", "queue")),
    ("performance", ("auc", "accuracy", "precision", "recall", "f1", "quality_slo", "performance")),
    ("traffic", ("traffic", "requests", "throughput")),
    ("cost", ("cost", "spend_usd", "budget_usd")),
)

MAX_NAME = 128
MAX_TYPED = 64
"""So much of a word is compared with names: nobody means one by a sentence."""
PARTS = re.compile(r"[a-z0-9]+")
LIKE = 0.6
"""Of SequenceMatcher, from which two names are taken for the same one mistyped."""
MAX_URL = 3000
"""The longest address of a Slack button (https://docs.slack.dev/reference/block-kit/block-elements/button-element)."""
WEB_ADDRESS = re.compile(r"https?://[^\s/]\S*").fullmatch
MAX_DURATION = timedelta(days=366)
DURATION_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
JOINERS = ("\u200d", "\ufe0e", "\ufe0f")
"""Zero-width joiner and variation selectors: they bind a character to the one before."""


def clean_name(text: str | None) -> str | None:
    """Return a model's, stage's or target's name, trimmed to 128 characters; None for empty."""
    return (text or "").strip()[:MAX_NAME] or None


@lru_cache(maxsize=1024)
def clean_version(text: str | None) -> str | None:
    """Return a version without one leading `v` before a digit; None for empty, `default` and `latest`."""
    name = clean_name(text)
    if name is None or name.lower() in ("default", "latest"):
        return None
    return name[1:] if name[0] in "vV" and name[1:2].isdecimal() else name


def version_label(version: str | None) -> str:
    """Return how a version is shown: `v42` for 42, other names as they are, `?` for unknown."""
    if version is None:
        return "?"
    return f"v{version}" if version[:1].isdigit() else version


@lru_cache(maxsize=1024)
def clean_stage(text: str | None) -> str | None:
    """Return the stage's canonical name (`prod` and `live` are `production`), else the team's own word."""
    name = clean_name(text)
    return STAGES.get(name.lower(), name) if name else None


def first_label(labels: Mapping[str, str], names: Iterable[str]) -> str | None:
    """Return the first non-empty value of LABELS under one of NAMES, in their order."""
    for name in names:  # a loop: this runs four times for each alert of a storm
        if value := labels.get(name):
            return value
    return None


def model_of(labels: Mapping[str, str]) -> str | None:
    """Return the model that these labels name, or None."""
    return clean_name(first_label(labels, MODEL_LABELS))


def version_of(labels: Mapping[str, str]) -> str | None:
    """Return the version that these labels name; a bare `version` counts only beside `model` (Triton)."""
    names = (*VERSION_LABELS, "version") if labels.get("model") else VERSION_LABELS
    return clean_version(first_label(labels, names))


def stage_of(labels: Mapping[str, str]) -> str | None:
    """Return the stage that these labels name, or None."""
    return clean_stage(first_label(labels, STAGE_LABELS))


def severity_of(labels: Mapping[str, str]) -> Severity:
    """Return the severity that these labels name; an unknown word is WARNING."""
    return SEVERITIES.get((first_label(labels, SEVERITY_LABELS) or "").strip().lower(), Severity.WARNING)


def category_of(name: str, labels: Mapping[str, str]) -> str:
    """Return what an alert is about: its `category` label, else what its name says, else `other`."""
    if stated := labels.get("category"):
        return stated.strip().lower()
    return _category_in(name)


@lru_cache(maxsize=1024)
def _category_in(name: str) -> str:
    squeezed = re.sub(r"[^a-z0-9]", "", name.lower())
    return next((c for c, words in CATEGORY_WORDS if any(word in squeezed for word in words)), "other")


def alert_class(labels: Mapping[str, str], category: str, severity: Severity) -> AlertClass:
    """Return how an alert interrupts people (design section 3).

    Label `class`; else a label `slo` means hard; else category drift or data_quality is drift; else severity critical
    is hard; else soft.
    """
    stated = labels.get("class", "").strip().lower()
    if stated and stated in AlertClass.__members__.values():
        return AlertClass(stated)
    if labels.get("slo"):
        return AlertClass.HARD
    if category in ("drift", "data_quality"):
        return AlertClass.DRIFT
    return AlertClass.HARD if severity is Severity.CRITICAL else AlertClass.SOFT


def nearest(name: str, known: Iterable[str], *, limit: int = 3) -> list[str]:
    """Return at most LIMIT of KNOWN that look like NAME, best first.

    A name is as near as its nearest part: people type `fruad` for `fraud-scorer`.
    """
    typed = name.lower()[:MAX_TYPED]
    matcher = SequenceMatcher(None, "", typed)
    seen: dict[str, float] = {}

    def likeness(part: str) -> float:
        """Return how alike they are, 0-1; 0 for what cheap upper bounds tell to be too different."""
        matcher.set_seq1(part)
        alike = matcher.real_quick_ratio() >= LIKE and matcher.quick_ratio() >= LIKE
        return matcher.ratio() if alike else 0.0

    def nearness(other: str) -> float:
        if typed and other.startswith(typed):
            return 1.0
        parts = {other, other[: len(typed)], *PARTS.findall(other)}
        seen.update((part, likeness(part)) for part in parts if part not in seen)
        return max(seen[part] for part in parts)

    scored = ((-nearness(other.lower()), other) for other in set(known))
    return [other for score, other in nsmallest(limit, scored) if -score >= LIKE]


def clip(text: str | None, limit: int) -> str:
    """Return TEXT as one line of at most LIMIT characters; a cut ends in `…` and splits no emoji."""
    line = " ".join((text or "").split())
    if len(line) <= limit:
        return line
    end = limit - 1
    while end > limit // 2 and (unicodedata.combining(line[end]) or line[end] in JOINERS or line[end - 1] in JOINERS):
        end -= 1
    return line[:end].rstrip() + "…"


def escape(foreign: str | None) -> str:
    """Return text from outside as Slack shows it literally."""
    text = (foreign or "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(c for c in text if c >= " " or c in "\n\t")


@lru_cache(maxsize=1024)
def clean_url(text: str | None) -> str | None:
    """Return a web address that a button may carry; None for any other: one bad link costs no card."""
    url = (text or "").strip()
    return url if WEB_ADDRESS(url) and len(url) <= MAX_URL else None


@lru_cache(maxsize=256)
def duration_of(text: str | None) -> timedelta | None:
    """Return a Prometheus duration (`5m`, `1h30m`, seconds); None if unreadable or over a year.

    https://prometheus.io/docs/prometheus/latest/configuration/configuration/ (`<duration>`)
    """
    squeezed = re.sub(r"\s", "", (text or "")[:64]).lower()
    if re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,9})?", squeezed):
        squeezed += "s"
    if not re.fullmatch(r"([0-9]{1,10}(\.[0-9]{1,9})?(ms|[smhdwy]))+", squeezed):
        return None
    parts = re.findall(r"([0-9.]+)(ms|[smhdwy])", squeezed)
    seconds = sum(float(number) * DURATION_UNITS[unit] for number, unit in parts)
    return timedelta(seconds=seconds) if seconds <= MAX_DURATION.total_seconds() else None


def purl_of(text: str | None) -> tuple[str, str | None] | None:
    """Return (model, version) of a package URL such as `pkg:mlflow/churn-scorer@3?run_id=…`, or None.

    https://github.com/package-url/purl-spec; its type `mlflow` names one model version everywhere. A mark stands for
    each NUL, which databases refuse.
    """
    match = re.fullmatch(r"pkg:/*[\w.+-]+/([^@?#]+)(?:@([^?#]*))?(?:[?#].*)?", (text or "").strip())
    name, version = (unquote(part or "").replace("\0", "\ufffd") for part in match.groups()) if match else ("", "")
    model = clean_name(name)
    return (model, clean_version(version)) if model else None
