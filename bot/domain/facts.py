"""What arrived: frozen statements about a model, a version, an alert, an evaluation; made by integrations.

A fact is partial by design: unknown is None and can be linked later. Times are aware UTC. `model` and `version` are the
sender's words after `names.clean_version`; the first fact about an unknown model creates it.
Vocabulary: reference `sources.md` section 5 with the additions of design section 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.stages import PRODUCTION


class AlertStatus(StrEnum):
    """What the source says of one alert episode."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SUPPRESSED = "suppressed"
    RESOLVED = "resolved"
    UNKNOWN = "unknown"


class AlertClass(StrEnum):
    """How an alert interrupts people: of these only HARD opens an incident by itself."""

    HARD = "hard"
    SOFT = "soft"
    DRIFT = "drift"
    INFRA = "infra"


class Severity(StrEnum):
    """How loud the source is about it."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class ChangeType(StrEnum):
    """Everything that can change a model's behaviour is a change; a deployment is one of type MODEL."""

    MODEL = "model"
    CONFIG = "config"
    RULE = "rule"
    FILTER = "filter"
    FEATURE = "feature"
    DATA = "data"
    METRIC_DEFINITION = "metric_definition"
    SUITE = "suite"
    SLO = "slo"
    CODE = "code"
    INFRASTRUCTURE = "infrastructure"
    UPSTREAM_MODEL = "upstream_model"
    OTHER = "other"


class Trigger(StrEnum):
    """Why a change was made; tells planned work from repair in every rate."""

    PLANNED = "planned"
    SCHEDULED_RETRAIN = "scheduled_retrain"
    HOTFIX = "hotfix"
    ROLLBACK = "rollback"


class DeploymentStatus(StrEnum):
    """Where a rollout stands."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"
    REMOVED = "removed"


class EvaluationType(StrEnum):
    """On what kind of data a version was judged."""

    OFFLINE = "offline"
    SHADOW = "shadow"
    LIVE = "live"
    PRODUCT = "product"


class StatusCategory(StrEnum):
    """A ticket's status folded to what every workflow has."""

    TODO = "todo"
    IN_PROGRESS = "in_progress"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class AlertFact:
    """One alert episode as its source sees it now; identity is (source, fingerprint, starts_at)."""

    fingerprint: str
    name: str
    status: AlertStatus
    starts_at: datetime
    starts_known: bool = True
    """False: the sender did not say; then it is of the open episode of this fingerprint, if there is one."""
    ends_at: datetime | None = None
    lookback: timedelta | None = None
    """`for` plus the query window: trouble began about `starts_at - lookback`; None = not stated."""
    model: str | None = None
    version: str | None = None
    stage: str | None = None
    severity: Severity = Severity.WARNING
    alert_class: AlertClass = AlertClass.SOFT
    category: str = "other"
    feature: str | None = None
    slice: str | None = None
    summary: str = ""
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    runbook_url: str | None = None
    dashboard_url: str | None = None
    source_url: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    upstream_group: str = ""
    """The sender's own grouping key, a hint: alerts of one notification share it."""
    unlisted: int = 0
    """How many alerts of that notification were cut off: then the group must not be closed on it."""


@dataclass(frozen=True, kw_only=True)
class VersionFact:
    """A version was registered, or something about it became known."""

    model: str
    """Empty = it names none; the same in the other facts. Its labels may tell."""
    version: str | None
    """None = an alias is gone, and the sender does not say from which version."""
    occurred_at: datetime
    dedup_key: str | None = None
    change: str = "registered"
    """registered | aliased | unaliased | tagged | approved | rejected | archived | deleted."""
    alias: str | None = None
    data_until: datetime | None = None
    code_ref: str | None = None
    config_ref: str | None = None
    dataset_ref: str | None = None
    env_ref: str | None = None
    artifact: str | None = None
    run_id: str | None = None
    description: str = ""
    actor: str | None = None
    url: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Only where it names no model: what may tell of which it is."""


@dataclass(frozen=True, kw_only=True)
class ChangeFact:
    """Something that can change a model's behaviour was changed; `model` None = it may touch every model."""

    change_type: ChangeType
    summary: str
    occurred_at: datetime
    model: str | None = None
    dedup_key: str | None = None
    version: str | None = None
    stage: str | None = None
    before: str | None = None
    after: str | None = None
    ref: str | None = None
    trigger: Trigger | None = None
    actor: str | None = None
    url: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Only where it names no model: what may tell of which it is."""


@dataclass(frozen=True, kw_only=True)
class DeploymentFact:
    """A rollout of a version to a stage moved; one rollout is (source, deployment_id) in its slot."""

    model: str
    version: str | None
    occurred_at: datetime
    status: DeploymentStatus = DeploymentStatus.SUCCEEDED
    stage: str = PRODUCTION
    target: str | None = None
    deployment_id: str | None = None
    dedup_key: str | None = None
    previous_version: str | None = None
    traffic_percent: float | None = None
    """0-100; None = not stated, 0 = shadow or drained."""
    strategy: str | None = None
    trigger: Trigger | None = None
    step: int | None = None
    steps: int | None = None
    summary: str = ""
    ref: str | None = None
    actor: str | None = None
    url: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    committed_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Only where it names no model: what may tell of which it is."""


@dataclass(frozen=True, kw_only=True)
class MetricFact:
    """One number of an evaluation; ratios are 0-1."""

    name: str
    value: float
    unit: str = "1"
    slice: str = "all"
    direction: str | None = None
    """higher | lower | target | none; None = look it up."""
    family: str | None = None
    """model | product | data | system | cost."""
    role: str | None = None
    """primary | guardrail | diagnostic."""
    n: int | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    successes: float | None = None
    """The value is `successes / n`."""
    positives: int | None = None
    negatives: int | None = None
    """Rows of each class, for an AUC."""
    sd: float | None = None
    """Sample standard deviation of the n values that this is the mean of."""
    baseline_only: int | None = None
    candidate_only: int | None = None
    """Of the same n rows: how many only the baseline, only this version gets right."""
    threshold_op: str | None = None
    """One of >= > <= <; what the value should satisfy."""
    threshold: float | None = None
    method: str | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluationFact:
    """A version was measured on some data; verdicts on it are ours, never the source's."""

    model: str
    metrics: tuple[MetricFact, ...]
    occurred_at: datetime
    version: str | None = None
    baseline_version: str | None = None
    """What it is to be compared with; None = what served at that time."""
    stage: str | None = None
    evaluation_type: EvaluationType = EvaluationType.LIVE
    evaluation_id: str | None = None
    dedup_key: str | None = None
    suite: str | None = None
    suite_version: str | None = None
    dataset: str | None = None
    dataset_version: str | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    labelled_fraction: float | None = None
    """0-1; None = not stated. Below 0.8 a live value is provisional."""
    labels_until: datetime | None = None
    actor: str | None = None
    url: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Only where it names no model: what may tell of which it is."""


@dataclass(frozen=True, kw_only=True)
class TicketFact:
    """What the ticket system says of one of our tickets now; a human's edit there is read back by this."""

    incident_id: int
    key: str
    url: str
    status: str
    category: StatusCategory
    summary: str = ""
    priority: str | None = None
    assignee: str | None = None


@dataclass(frozen=True)
class Unmapped:
    """A part of a delivery that we could not read, and why; kept, shown and replayable, never refused."""

    reason: str


Fact = AlertFact | VersionFact | ChangeFact | DeploymentFact | EvaluationFact | TicketFact
