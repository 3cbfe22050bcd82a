"""What may be posted to /hooks/events: one model a kind; the JSON Schema that we serve is made from these.

Generous in form (other names of a field in `ALIASES`, epoch or ISO times, numbers in quotes, metrics as list or map),
strict in meaning: a word that is not in the list is refused by name, so that a typo is seen and not stored.
Vocabulary: sources.md section 5 with the additions of design section 3.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bot.domain.facts import AlertStatus, DeploymentStatus
from integrations.events.fields import (
    Amount,
    ClassWord,
    Count,
    DeploymentWord,
    Direction,
    Duration,
    EvaluationWord,
    Family,
    Fraction,
    Labels,
    Name,
    Operator,
    OtherChange,
    OwnVersion,
    OwnWord,
    Percent,
    Reading,
    Role,
    StatusWord,
    Time,
    TriggerWord,
    Version,
    VersionChange,
)

MAX_METRICS = 5000
"""In one evaluation: they are written in one transaction, which others wait for."""
CONFIG = ConfigDict(extra="ignore", coerce_numbers_to_str=True, allow_inf_nan=False)


class Event(BaseModel):
    """The envelope: what every kind may carry."""

    model_config = CONFIG

    source: str | None = Field(None, description="Ignored: the source is the one that authenticated.")
    id: Name | None = Field(None, description="The sender's id of this event.")
    dedup_key: Name | None = Field(None, description="A second event with this key is a no-op.")
    occurred_at: Time | None = Field(None, description="When it happened; default: when it arrived.")
    actor: Name | None = Field(None, description="Who did it.")
    title: str | None = None
    url: str | None = Field(None, description="Where people read more.")
    labels: Labels = Field(
        {}, description="Anything else; may name model, version, stage and severity, or tell of which model it is."
    )


class VersionEvent(Event):
    """A version was registered, or something about it became known."""

    kind: Literal["version"]
    model: Name
    version: OwnVersion = Field(description="A version's own name; `v42` is 42. Not an alias such as `latest`.")
    change: VersionChange = "registered"
    alias: Name | None = None
    data_until: Time | None = Field(None, description="The newest training data in it.")
    code_ref: Name | None = Field(None, description="Commit of the training code.")
    config_ref: Name | None = None
    dataset_ref: Name | None = None
    env_ref: Name | None = Field(None, description="Image or lock file it runs in.")
    artifact: Name | None = Field(None, description="Package URL, such as pkg:mlflow/churn-scorer@3.")
    run_id: Name | None = None
    description: str | None = None


class DeploymentEvent(Event):
    """A rollout of a version to a stage moved."""

    kind: Literal["deployment"]
    model: Name
    version: Version | None = None
    stage: Name = "production"
    target: Name | None = Field(None, description="Service, endpoint, cluster or region.")
    status: DeploymentWord = DeploymentStatus.SUCCEEDED
    deployment_id: Name | None = Field(
        None,
        description="The same for every step of one rollout. Models, stages, targets or versions that share it, "
        "because one run of a pipeline deploys them, are rollouts of their own.",
    )
    previous_version: Version | None = None
    traffic_percent: Percent | None = Field(None, description="0-100; not known: leave it out. 0: shadow or drained.")
    strategy: OwnWord | None = Field(None, description="replace, canary, blue_green, shadow, alias or your own word.")
    trigger: TriggerWord | None = None
    step: Count | None = None
    steps: Count | None = None
    summary: str | None = None
    ref: Name | None = Field(None, description="Commit, pull request or pipeline.")
    artifact: Name | None = Field(None, description="Package URL; names model and version when they are not.")
    started_at: Time | None = None
    finished_at: Time | None = None
    committed_at: Time | None = None


class ChangeEvent(Event):
    """Something other than the model itself was changed that can change its behaviour."""

    kind: Literal["change"]
    change_type: OtherChange = Field(description="A rollout of the model itself is kind `deployment`.")
    model: Name | None = Field(None, description="Left out: it may touch every model.")
    version: Version | None = None
    stage: Name | None = None
    summary: str | None = None
    before: Any = Field(None, description="What it was: text, number or any JSON.")
    after: Any = Field(None, description="What it is now.")
    ref: Name | None = Field(None, description="Commit, pull request or pipeline.")
    trigger: TriggerWord | None = None


class Threshold(BaseModel):
    """What a value should satisfy."""

    model_config = CONFIG

    op: Operator
    value: float


class Paired(BaseModel):
    """How two versions differ on the same n rows; `bellwether push-eval` counts it from two columns of predictions."""

    model_config = CONFIG

    baseline_only: Count = Field(description="Rows that only the baseline gets right.")
    candidate_only: Count = Field(description="Rows that only this version gets right.")


class MetricValue(BaseModel):
    """One number; ratios are 0-1 (unit `percent` is turned into `ratio`)."""

    model_config = CONFIG

    value: float
    unit: str = "1"
    slice: Name | None = Field(None, description="Default: the event's, else `all`.")
    direction: Direction | None = None
    family: Family | None = None
    role: Role | None = None
    n: Count | None = Field(None, description="How many rows it stands on; without it no interval is shown.")
    ci_low: float | None = None
    ci_high: float | None = None
    ci: tuple[float, float] | None = Field(None, description="[low, high], instead of ci_low and ci_high.")
    successes: Amount | None = Field(None, description="The value is successes / n; for precision n is tp + fp.")
    positives: Count | None = Field(None, description="Rows of the positive class, for the interval of an AUC.")
    negatives: Count | None = None
    sd: Amount | None = Field(None, description="Standard deviation of the n values that this is the mean of.")
    paired: Paired | None = Field(None, description="Worth four to five times as many rows: see Paired.")
    threshold: Threshold | float | None = None
    threshold_op: Operator | None = None
    method: Name | None = Field(None, description="How it was computed, such as a drift method.")

    @model_validator(mode="after")
    def _is_a_part(self) -> Self:
        if self.n is not None and self.successes is not None and self.successes > self.n:
            raise ValueError(f"{self.successes:g} successes of {self.n}: more than there are")
        return self


class Metric(MetricValue):
    """One number and its name."""

    name: Name


class Dataset(BaseModel):
    """What a version was measured on."""

    model_config = CONFIG

    name: Name | None = None
    version: Version | None = Field(None, description="Digest or version; without it nothing is comparable.")
    rows: Count | None = None
    window_start: Time | None = None
    window_end: Time | None = None


def _metrics(value: Any) -> Any:
    """Return `{"auc": 0.91}` and `{"auc": {"value": 0.91, "n": 800}}` as a list; a null value is no metric."""
    if isinstance(value, dict):
        named = {k: v if isinstance(v, dict) else {"value": v} for k, v in value.items()}
        value = [{"name": k, **v} for k, v in named.items()]
    if not isinstance(value, list):
        return value
    folded = [renamed(m, METRIC_ALIASES) if isinstance(m, dict) else m for m in value]
    return [
        {k: v for k, v in m.items() if v is not None and v != ""} if isinstance(m, dict) else m
        for m in folded
        if not (isinstance(m, dict) and "value" in m and m["value"] is None)
    ]


def _dataset(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Metrics = (
    Annotated[list[Metric], Field(min_length=1, max_length=MAX_METRICS)]
    | Annotated[dict[str, float | MetricValue | None], Field(max_length=MAX_METRICS)]
)


class EvaluationEvent(Event):
    """A version was measured on some data."""

    kind: Literal["evaluation"]
    model: Name
    metrics: Annotated[
        list[Metric],
        Field(min_length=1, max_length=MAX_METRICS, fail_fast=True),
        BeforeValidator(_metrics, json_schema_input_type=Metrics),
    ]
    version: Version | None = None
    baseline_version: Version | None = Field(
        None, description="What it is compared with; default: what served production then."
    )
    stage: Name | None = None
    evaluation_type: EvaluationWord | None = Field(
        None, description="Default from the stage: offline, shadow, else live; without users live counts as shadow."
    )
    evaluation_id: Name | None = None
    suite: Name | None = None
    suite_version: Version | None = None
    dataset: Annotated[Dataset, BeforeValidator(_dataset, json_schema_input_type=str | Dataset)] | None = None
    dataset_version: Version | None = None
    slice: Name | None = Field(None, description="The slice of every metric that names none.")
    n: Count | None = Field(None, description="The n of every metric of this slice that has none.")
    window_start: Time | None = None
    window_end: Time | None = None
    finished_at: Time | None = None
    labelled_fraction: Fraction | None = Field(
        None, description="0-1, how much of the window has labels; below 0.8 a live value is provisional."
    )
    labels_until: Time | None = None


class AlertEvent(Event):
    """One alert episode as its source sees it now."""

    kind: Literal["alert"]
    name: Name
    status: StatusWord = AlertStatus.FIRING
    fingerprint: Name | None = Field(
        None, description="The same while the condition is; default: hash of name, model, stage, ..., labels."
    )
    fired_at: Time | None = Field(None, description="When it fired; the same in the resolve.")
    resolved_at: Time | None = None
    onset_at: Time | None = Field(None, description="When the trouble began, if it is known.")
    hold: Duration | None = Field(None, alias="for", description="The rule's `for`, such as 5m.")
    window: Duration | None = Field(None, description="The rule's query window, such as 1h.")
    model: Name | None = None
    version: Version | None = None
    stage: Name | None = None
    severity: Name | None = Field(
        None, description="critical, error, warning, info, P1 ... P5; an unknown word is warning."
    )
    alert_class: ClassWord | None = Field(
        None, alias="class", description="Only hard opens an incident by itself. Default: design section 3."
    )
    category: OwnWord | None = Field(
        None,
        description="latency, errors, traffic, saturation, drift, data_quality, performance, cost, other.",
    )
    slo: Name | None = Field(None, description="The objective that is breached; makes the alert hard.")
    feature: Name | None = None
    slice: Name | None = None
    summary: str | None = None
    value: Reading = None
    threshold: Reading = None
    unit: str = ""
    runbook_url: str | None = None
    dashboard_url: str | None = None
    upstream_group: str | None = Field(None, description="The sender's own grouping key, a hint.")
    unlisted: Count = Field(0, description="How many alerts of this group were cut off by the sender.")


AnyEvent = VersionEvent | DeploymentEvent | ChangeEvent | EvaluationEvent | AlertEvent

UNNAMED = "?"
"""The model of an event that names none, but has labels that may tell."""

KINDS: dict[str, type[AnyEvent]] = {
    "version": VersionEvent,
    "deployment": DeploymentEvent,
    "change": ChangeEvent,
    "evaluation": EvaluationEvent,
    "alert": AlertEvent,
}

COMMON_ALIASES = {
    "event_id": "id",
    "time": "occurred_at",
    "timestamp": "occurred_at",
    "user": "actor",
    "model_name": "model",
    "ml_model": "model",
    "model_version": "version",
    "env": "stage",
    "environment": "stage",
}
ALIASES: dict[str, dict[str, str]] = {
    "version": COMMON_ALIASES
    | {"git_sha": "code_ref", "commit": "code_ref", "dataset": "dataset_ref", "image": "env_ref"},
    "deployment": COMMON_ALIASES
    | {"git_sha": "ref", "commit": "ref", "traffic": "traffic_percent", "from_version": "previous_version"},
    "change": COMMON_ALIASES
    | {
        "type": "change_type",
        "description": "summary",
        "git_sha": "ref",
        "commit": "ref",
        "old": "before",
        "new": "after",
    },
    "evaluation": COMMON_ALIASES | {"type": "evaluation_type", "labeled_fraction": "labelled_fraction", "rows": "n"},
    "alert": COMMON_ALIASES
    | {
        "alertname": "name",
        "alert_class": "class",
        "starts_at": "fired_at",
        "ends_at": "resolved_at",
        "description": "summary",
        "group_key": "upstream_group",
    },
}
"""Other names of a field; the first that is there counts, and only when the field's own name is not."""

METRIC_ALIASES = {
    "metric": "name",
    "rows": "n",
    "sample_size": "n",
    "ci_lower": "ci_low",
    "ci_upper": "ci_high",
    "k": "successes",
    "std": "sd",
}


def renamed(document: Mapping[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    """Return DOCUMENT under our names of its fields; the other names are gone."""
    own = {key: value for key, value in document.items() if key not in aliases}
    for alias, name in aliases.items():
        if document.get(alias) is not None:
            own.setdefault(name, document[alias])
    return own
