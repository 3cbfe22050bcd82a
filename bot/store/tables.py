"""The rows: what we know, first-class because most features stand on them (design section 3).

No `Relationship()`: a query is a function `(db, ...) -> rows` that joins where it needs to. Times are aware UTC.
Migrations are in `migrations/`; a test compares them with these classes.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

BIG: Any = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""What may be larger than 2^31: counts that others send, and the numbers of what comes by the thousand."""


class Model(SQLModel, table=True):
    """A registered model; the first event of an unknown one creates it."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    owner: str | None = None
    on_call: str | None = None
    channel: str | None = None
    """Where its cards go; None = the default channel."""
    fallback: str | None = None
    depends_on: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    metrics: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    """Metric name -> {title, direction, role, family, unit, slo, gate, margin}, from the configuration."""
    label_lag_s: int | None = None
    """How long ground truth takes to arrive; None = not stated."""
    evaluate_every_s: int | None = None
    retrain_every_s: int | None = None
    """How often it should be evaluated and retrained; None = nobody waits for it."""
    stages: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    """In the order in which versions pass them; the last one is where users are. Empty = production."""
    aliases: dict[str, str] = Field(default_factory=dict, sa_type=sa.JSON)
    """Registry alias -> the stage that serves what the alias points to."""
    approvers: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    """Stage -> {users, group, not_author, channel, expires_s, rollback}: who decides what goes there."""
    deploys: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    """{deployer, url, within_s}: how a decision is carried out, and how long that may take."""
    configured: bool = False
    created_at: datetime
    retired_at: datetime | None = None


class ModelName(SQLModel, table=True):
    """Another name of a model, from before it was renamed, or of one that was merged into it."""

    __tablename__ = "model_name"
    name: str = Field(primary_key=True)
    model_id: int = Field(foreign_key="model.id", index=True)


class Link(SQLModel, table=True):
    """A lasting rule: an event that names no model, and has these labels, is of this one."""

    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="model.id", index=True)
    labels: dict[str, str] = Field(default_factory=dict, sa_type=sa.JSON)
    by: str | None = None
    """Who said so; None = the configuration (`match`), whose values may be patterns."""
    at: datetime


class Unlinked(SQLModel, table=True):
    """A fact that can only be of a model, names none, and waits for a link; alerts and changes have rows without."""

    __table_args__ = (sa.UniqueConstraint("source", "dedup_key"),)
    id: int | None = Field(default=None, primary_key=True)
    source: str
    dedup_key: str
    kind: str
    """version | deployment | evaluation."""
    labels: dict[str, str] = Field(default_factory=dict, sa_type=sa.JSON)
    fact: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    received_at: datetime
    delivery_id: int | None = None


class Version(SQLModel, table=True):
    """One immutable version of a model, with what it was made from."""

    __table_args__ = (sa.UniqueConstraint("model_id", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="model.id")
    name: str
    registered_at: datetime | None = None
    data_until: datetime | None = None
    code_ref: str | None = None
    config_ref: str | None = None
    dataset_ref: str | None = None
    env_ref: str | None = None
    artifact: str | None = None
    run_id: str | None = None
    alias: str | None = None
    description: str = ""
    actor: str | None = None
    url: str | None = None
    delivery_id: int | None = None


class Change(SQLModel, table=True):
    """Anything that can change a model's behaviour; a rollout of a version is one of type `model`."""

    __table_args__ = (
        sa.UniqueConstraint("source", "dedup_key"),
        sa.Index("change_model_at", "model_id", "occurred_at"),
        sa.Index("change_type_model", "change_type", "model_id"),
        sa.Index("change_type_received", "change_type", "received_at"),
        sa.Index("change_trigger", "model_id", "trigger", "occurred_at"),
        sa.Index("change_deployment", "source", "deployment_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    source: str
    dedup_key: str
    model_id: int | None = Field(default=None, foreign_key="model.id")
    change_type: str
    summary: str = ""
    occurred_at: datetime
    """When it took effect; for a rollout when it last moved."""
    received_at: datetime
    actor: str | None = None
    trigger: str | None = None
    stage: str | None = None
    target: str | None = None
    version: str | None = None
    previous_version: str | None = None
    before: str | None = None
    after: str | None = None
    ref: str | None = None
    url: str | None = None
    deployment_id: str | None = None
    """Of a rollout: how its sender calls it, perhaps together with rollouts of other models or to other stages."""
    status: str | None = None
    """Of a rollout: a DeploymentStatus."""
    traffic_percent: float | None = None
    strategy: str | None = None
    step: int | None = Field(default=None, sa_type=BIG)
    steps: int | None = Field(default=None, sa_type=BIG)
    started_at: datetime | None = None
    finished_at: datetime | None = None
    committed_at: datetime | None = None
    quiet: bool = False
    """It only filled history (older than a day when it came): no card."""
    labels: dict[str, str] = Field(default_factory=dict, sa_type=sa.JSON)
    """Of one that names no model."""
    delivery_id: int | None = None


class Move(SQLModel, table=True):
    """One word on what serves in a slot (model, stage, target), as it was told; `Serving` follows from all of them."""

    __table_args__ = (sa.Index("move_slot_at", "model_id", "stage", "target", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="model.id")
    stage: str
    target: str = ""
    at: datetime
    version: str
    """Empty = whatever serves there is removed."""
    previous_version: str | None = None
    """As stated; None = whatever served before."""
    status: str
    """A DeploymentStatus."""
    traffic_percent: float | None = None


class Serving(SQLModel, table=True):
    """Which version had how much traffic, where and when: the only answer to "what is live"."""

    __table_args__ = (sa.Index("serving_model_until", "model_id", "until"),)
    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="model.id")
    stage: str
    target: str = ""
    version: str
    traffic_percent: float | None = None
    since: datetime
    until: datetime | None = None


class Evaluation(SQLModel, table=True):
    """A version measured on some data."""

    __table_args__ = (
        sa.UniqueConstraint("source", "dedup_key"),
        sa.Index("evaluation_model_at", "model_id", "occurred_at"),
        sa.Index("evaluation_model_type", "model_id", "evaluation_type", "received_at"),
        sa.Index("evaluation_type_at", "model_id", "evaluation_type", "occurred_at"),
        sa.Index("evaluation_version_at", "model_id", "version", "evaluation_type", "occurred_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    source: str
    dedup_key: str
    model_id: int = Field(foreign_key="model.id")
    version: str | None = None
    baseline_version: str | None = None
    stage: str | None = None
    evaluation_type: str
    suite: str | None = None
    suite_version: str | None = None
    dataset: str | None = None
    dataset_version: str | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    labelled_fraction: float | None = None
    labels_until: datetime | None = None
    labels_pending: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """Nobody said how many labels there are, and by the model's label lag it was too early for them."""
    occurred_at: datetime
    stated_at: datetime | None = None
    """What the sender's clock said, when it was ahead of ours: then `occurred_at` is when it came."""
    received_at: datetime
    actor: str | None = None
    url: str | None = None
    delivery_id: int | None = None


class MetricValue(SQLModel, table=True):
    """One number of an evaluation; read newest-first by (model, metric, at)."""

    __tablename__ = "metric_value"
    __table_args__ = (sa.Index("metric_value_model_metric_at", "model_id", "metric", "at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    evaluation_id: int = Field(foreign_key="evaluation.id", index=True)
    model_id: int = Field(foreign_key="model.id")
    metric: str
    slice: str = "all"
    at: datetime
    evaluation_type: str
    version: str | None = None
    value: float
    unit: str = "1"
    direction: str | None = None
    family: str | None = None
    role: str | None = None
    n: int | None = Field(default=None, sa_type=BIG)
    ci_low: float | None = None
    ci_high: float | None = None
    successes: float | None = None
    positives: int | None = Field(default=None, sa_type=BIG)
    negatives: int | None = Field(default=None, sa_type=BIG)
    sd: float | None = None
    baseline_only: int | None = Field(default=None, sa_type=BIG)
    candidate_only: int | None = Field(default=None, sa_type=BIG)
    threshold_op: str | None = None
    threshold: float | None = None
    method: str | None = None


class MetricName(SQLModel, table=True):
    """By what a model was ever measured: few rows, so that the many values are only sought and never searched."""

    __tablename__ = "metric_name"
    __table_args__ = (sa.UniqueConstraint("model_id", "metric"),)
    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="model.id")
    metric: str
    newest_id: int | None = Field(default=None, foreign_key="metric_value.id", sa_type=BIG)
    """What its objective is about: the newest value over all rows, where the users are, whose labels have arrived."""
    missed: bool = False
    """That value misses its objective, by the configuration that was read last."""


class AlertGroup(SQLModel, table=True):
    """Alerts of one model and symptom that belong on one card, from the first firing to all resolved."""

    __tablename__ = "alert_group"
    __table_args__ = (
        sa.Index("alert_group_subject", "symptom", "model_id", "status"),
        sa.Index("alert_group_opened", "opened_at"),
        sa.Index("alert_group_open", "status", "model_id"),
        sa.Index("alert_group_model", "model_id", "opened_at"),
        sa.Index("alert_group_upstream", "upstream_group", "unlisted"),
    )
    id: int | None = Field(default=None, primary_key=True)
    model_id: int | None = Field(default=None, foreign_key="model.id")
    symptom: str
    """The alert's name."""
    stage: str | None = None
    channel: str
    """A channel's name or id as configured."""
    alert_class: str
    category: str = "other"
    severity: str
    status: str
    """firing | suppressed | unknown | resolved."""
    opened_at: datetime
    """When the first alert fired, by its source."""
    recorded_at: datetime
    """When we first heard of it."""
    lookback_s: int | None = Field(default=None, sa_type=BIG)
    resolved_at: datetime | None = None
    firing: int = 0
    total: int = 0
    unlisted: int = Field(default=0, sa_type=BIG)
    """Alerts that the source cut off its newest notification; while > 0 the group is never closed on webhooks."""
    upstream_group: str = ""
    version: str | None = None
    """The version that the alerts' labels name."""
    quiet: bool = False
    """It only filled history: no card."""
    incident_id: int | None = Field(default=None, index=True)
    storm_id: int | None = Field(default=None, index=True)
    verdict: str | None = None
    verdict_by: str | None = None
    verdict_at: datetime | None = None
    revision: int = 1
    """+1 whenever a person's act changes what the buttons mean."""


class Alert(SQLModel, table=True):
    """One alert episode; written only by the set-based statement of `ingest.alerts`."""

    __table_args__ = (
        sa.UniqueConstraint("source", "fingerprint", "starts_at"),
        sa.Index("alert_group_status", "group_id", "status"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    source: str
    fingerprint: str
    starts_at: datetime
    group_id: int = Field(foreign_key="alert_group.id")
    model_id: int | None = Field(default=None, foreign_key="model.id")
    name: str
    status: str
    was: str | None = None
    """Its status before the newest change; None = it never changed."""
    ends_at: datetime | None = None
    version: str | None = None
    stage: str | None = None
    feature: str | None = None
    slice: str | None = None
    summary: str = ""
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    runbook_url: str | None = None
    dashboard_url: str | None = None
    source_url: str | None = None
    labels: dict[str, str] = Field(default_factory=dict, sa_type=sa.JSON)
    updated_at: datetime
    delivery_id: int | None = None


class Triage(SQLModel, table=True):
    """Every verdict that a person ever gave on a group; the newest stands on the group."""

    id: int | None = Field(default=None, primary_key=True)
    group_id: int = Field(foreign_key="alert_group.id", index=True)
    verdict: str
    by: str
    at: datetime


class Storm(SQLModel, table=True):
    """A time when more groups opened at once in a channel than people can read as cards."""

    id: int | None = Field(default=None, primary_key=True)
    channel: str = Field(index=True)
    opened_at: datetime
    last_at: datetime
    """When a group last joined."""
    closed_at: datetime | None = None


class Incident(SQLModel, table=True):
    """People look at it: severity, status, lead, suspect, cause."""

    id: int | None = Field(default=None, primary_key=True)
    title: str
    severity: str
    status: str = Field(index=True)
    model_id: int | None = Field(default=None, foreign_key="model.id", index=True)
    """None = shared by several models, or of none."""
    symptom: str | None = None
    """The alert name that opened it; None = opened by a person."""
    shared: bool = False
    merged_into: int | None = None
    channel: str
    onset_at: datetime
    opened_at: datetime
    opened_by: str | None = None
    """A Slack user id; None = opened by the bot on a hard alert."""
    lead: str | None = None
    suspect_change_id: int | None = Field(default=None, foreign_key="change.id")
    suspect: str = ""
    """How near it was, in words: "v42 deployed 11 min before onset"."""
    rollback_by: str | None = None
    rollback_at: datetime | None = None
    next_update_at: datetime | None = None
    mitigated_at: datetime | None = None
    mitigation: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    """A Slack user id; None on a resolved incident = all its alerts resolved."""
    cause: str | None = None
    cause_by: str | None = None
    """Who named the cause, which may be somebody else, later."""
    eval_case: str = ""
    revision: int = 1
    last_act: str = ""
    """What a person last did to it, in words without the person, for whoever clicks an old button."""
    last_act_by: str | None = None
    last_act_at: datetime | None = None


class TimelineEntry(SQLModel, table=True):
    """One line of an incident's story; never changed, folded into the replies of the thread's log."""

    __tablename__ = "timeline_entry"
    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id", index=True)
    at: datetime
    kind: str
    """opened | update | rollback | deployment | alerts | resolved | reopened | merged | ticket."""
    by: str | None = None
    text: str


class Ticket(SQLModel, table=True):
    """What the ticket system last said of our ticket."""

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id", unique=True)
    system: str = "jira"
    remote_id: str
    key: str
    url: str
    status: str
    status_category: str
    summary: str = ""
    priority: str | None = None
    assignee: str | None = None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    closed_by_us: bool = False
    """It is done because we moved it there: reopening the incident may take that back."""
    taken_back_at: datetime | None = None
    """When a person took it out of Done though its incident was over: there it stays until the incident ends anew."""


class Decision(SQLModel, table=True):
    """What a person decided about a version, with time and reason."""

    id: int | None = Field(default=None, primary_key=True)
    model_id: int | None = Field(default=None, foreign_key="model.id", index=True)
    incident_id: int | None = Field(default=None, foreign_key="incident.id")
    proposal_id: int | None = Field(default=None, foreign_key="proposal.id")
    kind: str
    """marked_bad | marked_good | promote | hold | reject | rollback."""
    version: str | None = None
    previous_version: str | None = None
    stage: str | None = None
    by: str
    at: datetime
    reason: str = ""


class Proposal(SQLModel, table=True):
    """A version that somebody wants at a stage: asked for, decided, ordered from a deployer, watched."""

    __table_args__ = (sa.Index("proposal_model_status", "model_id", "status"),)
    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="model.id")
    kind: str
    """promote | rollback."""
    version: str
    stage: str
    incident_id: int | None = Field(default=None, foreign_key="incident.id")
    channel: str | None = None
    """Where its card stands; None = in the thread of its incident."""
    status: str
    """A ProposalStatus."""
    asked_by: str
    asked_at: datetime
    expires_at: datetime | None = None
    """Until when it may be decided; None = it was decided when it was asked for."""
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str = ""
    previous_version: str | None = None
    """What served at the stage when it was decided."""
    gate: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    """What was shown to whoever approved it."""
    deployer: str | None = None
    """Who was to carry it out; None = people."""
    run: str | None = None
    """How the deployer calls what it began."""
    late_at: datetime | None = None
    """When it was noted that the version did not come to serve in time."""
    trouble: str = ""
    """Why the order did not get through until then."""
    deployed_at: datetime | None = None
    """When the version came to serve at the stage."""
    revision: int = 1
    """+1 whenever a person's act changes what the buttons mean."""


class Heartbeat(SQLModel, table=True):
    """When a source was last heard, so that silence is never mistaken for "nothing changed"."""

    source: str = Field(primary_key=True)
    last_at: datetime
    deliveries: int = 0
    silent_since: datetime | None = None
    """When it was noticed that nothing came for too long; None = it is heard."""


class Delivery(SQLModel, table=True):
    """The raw inbox: one request of a source, or one payload of Slack, as it came."""

    __table_args__ = (
        sa.Index("delivery_source_digest", "source", "digest"),
        sa.Index("delivery_received", "received_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    source: str
    digest: str
    """Of the body; for Slack the event or trigger id."""
    received_at: datetime
    last_at: datetime
    """When the same body last came again."""
    repeats: int = 0
    content_type: str = ""
    body: bytes = b""
    """zlib-compressed."""
    recorded: int = 0
    duplicate: int = 0
    unmapped: int = 0
    reason: str = ""
    """Why something of it was not mapped."""


class OwedAnswer(SQLModel, table=True):
    """A command whose answer has not been given yet; kept for the next start of whoever took it in."""

    __tablename__ = "owed_answer"
    delivery_id: int = Field(primary_key=True)
    replica: str
    at: datetime
    response_url: str
    """A secret, for half an hour."""


class Audit(SQLModel, table=True):
    """Every change that a person made: who, when, what, on which subject."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    who: str
    what: str
    subject: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)


class Directory(SQLModel, table=True):
    """The workspace's people and channels, so that cards can name them; read from Slack at start."""

    id: str = Field(primary_key=True)
    kind: str
    """user | channel."""
    name: str = Field(index=True)
    seen_home_at: datetime | None = None
    """When this person last opened the App Home."""


class Capability(SQLModel, table=True):
    """What the workspace turned out to refuse, remembered: block types of the fallback ladder."""

    name: str = Field(primary_key=True)
    refused_at: datetime
    reason: str = ""


class Projection(SQLModel, table=True):
    """One message or ticket that we own, and how far it lags behind our rows."""

    __table_args__ = (sa.Index("projection_due", "lagging", "not_before"),)
    key: str = Field(primary_key=True)
    generation: int
    """+1 in the transaction that changes what it shows."""
    observed_generation: int = 0
    lagging: bool = Field(
        default=True,
        sa_column=sa.Column(sa.Boolean, sa.Computed("generation > observed_generation", persisted=True)),
    )
    behind_since: datetime
    """When the oldest change was made that it does not show, while it lags."""
    not_before: datetime
    """Pause, back-off and the end of a lease: not claimed earlier."""
    earliest: datetime
    """Even when calm, no edit before this time: spacing of a hot card."""
    deadline: datetime
    """While changes keep coming, show what there is at this time."""
    pause_s: int = 0
    """How long the last pause was; doubles while the card stays hot."""
    urgent: bool = False
    """A person is waiting for it."""
    news: bool = False
    """More than a count changed: what only counts higher does not put it off."""
    lease: str = ""
    """Who works on it now; empty = nobody."""
    remote_id: str | None = None
    shown: str = ""
    """Digest of the body last shown; equal, no call."""
    shown_at: datetime | None = None
    nonce: str | None = None
    """Written down before a create is sent; found again by it."""
    nonce_at: datetime | None = None
    looks: int = 0
    """How often an uncertain create was looked for in vain."""
    attempts: int = 0
    error: str = ""
    """Why it lags, for a human."""


class Lease(SQLModel, table=True):
    """Something that one replica does at a time, and who does it: `slack`, `socket/3`, `replica/<name>`."""

    name: str = Field(primary_key=True)
    holder: str
    until: datetime
    """By the database's clock, the only one that all replicas share; then anybody may take it."""
