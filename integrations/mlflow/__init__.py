"""MLflow's registry webhooks: versions, aliases and tags of models, and aliases of prompts. Moving one: deployer.py.

They are a hint: MLflow gives up after four attempts in seven seconds, and sends nothing about runs, metrics, stages or
what is deleted. An alias that moves is one event that does not name the version before; one that is deleted names no
version at all, so what it pointed to is read from what came before. https://mlflow.org/docs/latest/ml/webhooks/
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.domain import names
from bot.domain.errors import MalformedPayload, UnsupportedEvent
from bot.domain.facts import ChangeFact, ChangeType, Fact, Unmapped, VersionFact
from bot.ports import Delivery, Deployer, DeployerFactory, DeployerOptions, Now, Signed, Source

DELIVERY = "x-mlflow-delivery-id"
INTERNAL = ("mlflow.", "_mlflow")
"""Tags that MLflow sets for itself arrive as events, too."""
CODE_TAGS = ("git_sha", "git_commit", "mlflow.source.git.commit")
DATASET_TAGS = ("dataset", "dataset_version")
APPROVALS = {"approved": "approved", "passed": "approved", "rejected": "rejected", "failed": "rejected"}
"""What a tag `validation_status` says; any other word is only a tag."""
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
MAX_TEXT, MAX_REF = 500, 255


def _no_nulls(tags: Any) -> Any:
    return {k: v for k, v in tags.items() if v is not None} if isinstance(tags, dict) else tags


Tags = Annotated[dict[str, str], BeforeValidator(_no_nulls)]


class _Subject(BaseModel):
    """`data` of an event: what it is about; which fields are there depends on the entity."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    name: str = Field(min_length=1)
    version: str | None = None
    alias: str | None = None
    key: str | None = None
    value: str | None = None
    source: str | None = None
    run_id: str | None = None
    tags: Tags | None = None
    description: str | None = None


class _Envelope(BaseModel):
    entity: str
    action: str
    timestamp: Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST)]


class _Event(_Envelope):
    data: _Subject


def normalize(delivery: Delivery) -> Sequence[Fact | Unmapped]:
    """Return the one fact of an event. https://mlflow.org/docs/latest/ml/webhooks/

    Raises MalformedPayload when it is none of MLflow's, UnsupportedEvent for one that changes no model.
    """
    try:
        envelope = _Envelope.model_validate_json(delivery.body)
        read = EVENTS.get((envelope.entity, envelope.action))
        if read is None:
            raise UnsupportedEvent(f"{envelope.entity}.{envelope.action} changes no model: there is nothing to record.")
        event = _Event.model_validate_json(delivery.body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise MalformedPayload(f"Not an event of MLflow's registry webhooks: {where}: {first['msg']}.") from error
    at = event.timestamp.astimezone(UTC)
    return [read(event.data, at, delivery.headers.get(DELIVERY, "").strip()[:MAX_REF] or None)]


def _registered(subject: _Subject, at: datetime, key: str | None) -> Fact:
    tags = subject.tags or {}
    return VersionFact(
        model=_model(subject),
        version=_version(subject),
        occurred_at=at,
        dedup_key=key,
        code_ref=_ref(names.first_label(tags, CODE_TAGS)),
        dataset_ref=_ref(names.first_label(tags, DATASET_TAGS)),
        artifact=_ref(subject.source),
        run_id=_ref(subject.run_id),
        description=names.clip(subject.description, MAX_TEXT),
    )


def _tagged(subject: _Subject, at: datetime, key: str | None) -> Fact:
    tag, value = subject.key or "", subject.value or ""
    if tag.startswith(INTERNAL):
        raise UnsupportedEvent(f"The tag {tag} is MLflow's own: there is nothing to record.")
    said = APPROVALS.get(value.strip().lower(), "tagged") if tag == "validation_status" else "tagged"
    return VersionFact(
        model=_model(subject),
        version=_version(subject),
        occurred_at=at,
        dedup_key=key,
        change=said,
        code_ref=_ref(value) if tag in CODE_TAGS else None,
        dataset_ref=_ref(value) if tag in DATASET_TAGS else None,
    )


def _aliased(subject: _Subject, at: datetime, key: str | None) -> Fact:
    return VersionFact(
        model=_model(subject),
        version=_version(subject),
        occurred_at=at,
        dedup_key=key,
        change="aliased",
        alias=_alias(subject),
    )


def _unaliased(subject: _Subject, at: datetime, key: str | None) -> Fact:
    return VersionFact(
        model=_model(subject),
        version=None,
        occurred_at=at,
        dedup_key=key,
        change="unaliased",
        alias=_alias(subject),
    )


def _prompt_moved(subject: _Subject, at: datetime, key: str | None) -> Fact:
    """Return the change of a prompt; which model it is of, its label may tell."""
    prompt, alias, version = _model(subject), _alias(subject), names.clean_version(subject.version)
    now = names.version_label(version) if version else "nothing"
    return ChangeFact(
        change_type=ChangeType.CONFIG,
        summary=names.clip(f"prompt {prompt}: {alias} is {now}", MAX_TEXT),
        occurred_at=at,
        dedup_key=key,
        after=names.version_label(version) if version else None,
        labels={"prompt": prompt},
        ref=f"prompts:/{quote(prompt)}@{quote(alias)}"[:MAX_REF],
    )


EVENTS: Mapping[tuple[str, str], Callable[[_Subject, datetime, str | None], Fact]] = {
    ("model_version", "created"): _registered,
    ("model_version_tag", "set"): _tagged,
    ("model_version_alias", "created"): _aliased,
    ("model_version_alias", "deleted"): _unaliased,
    ("prompt_alias", "created"): _prompt_moved,
    ("prompt_alias", "deleted"): _prompt_moved,
}
"""Every other event is quiet: a model or prompt without a version does nothing yet, a tag that is gone says nothing."""


def _deployer(options: DeployerOptions, now: Now) -> Deployer:
    from integrations.mlflow.deployer import AliasMover  # here, because webhooks alone need no HTTP client

    return AliasMover(options)


def _model(subject: _Subject) -> str:
    return _stated(names.clean_name(subject.name), "name")


def _alias(subject: _Subject) -> str:
    return _stated(names.clean_name(subject.alias), "alias")


def _version(subject: _Subject) -> str:
    return _stated(names.clean_version(subject.version), "version")


def _stated(text: str | None, field: str) -> str:
    if text is None:
        raise MalformedPayload(f"Not an event of MLflow's registry webhooks: data.{field} is missing.")
    return text


def _ref(text: str | None) -> str | None:
    return text[:MAX_REF] if text else None


SOURCE = Source(
    normalize=normalize,
    signed=Signed(id=DELIVERY, timestamp="x-mlflow-timestamp", signature="x-mlflow-signature"),
)
DEPLOYER: DeployerFactory = _deployer
