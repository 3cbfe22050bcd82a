"""The forms that a field of an event may take, and what each is turned into before it is checked."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from bot.domain import names
from bot.domain.facts import AlertClass, AlertStatus, DeploymentStatus, EvaluationType, Trigger

DEPLOYMENT_WORDS = {
    "success": DeploymentStatus.SUCCEEDED,
    "completed": DeploymentStatus.SUCCEEDED,
    "deployed": DeploymentStatus.SUCCEEDED,
    "running": DeploymentStatus.IN_PROGRESS,
    "started": DeploymentStatus.IN_PROGRESS,
    "pending": DeploymentStatus.QUEUED,
    "failure": DeploymentStatus.FAILED,
    "error": DeploymentStatus.FAILED,
    "canceled": DeploymentStatus.CANCELLED,
    "rolledback": DeploymentStatus.ROLLED_BACK,
}
ALERT_WORDS = {
    "open": AlertStatus.FIRING,
    "active": AlertStatus.FIRING,
    "alerting": AlertStatus.FIRING,
    "triggered": AlertStatus.FIRING,
    "acked": AlertStatus.ACKNOWLEDGED,
    "silenced": AlertStatus.SUPPRESSED,
    "closed": AlertStatus.RESOLVED,
    "ok": AlertStatus.RESOLVED,
}
DIRECTION_WORDS = {"higher_is_better": "higher", "lower_is_better": "lower"}
OPERATOR_WORDS = {"ge": ">=", "gte": ">=", "gt": ">", "le": "<=", "lte": "<=", "lt": "<"}
MAX_COUNT = 10**15
"""Fits every database's integer."""


def _word(synonyms: Mapping[str, str] | None = None) -> Callable[[Any], Any]:
    """Return a validator that folds case, spaces and dashes, then other systems' words for ours."""

    def fold(value: Any) -> Any:
        if not isinstance(value, str) or isinstance(value, StrEnum):
            return value
        word = value.strip().lower().replace("-", "_").replace(" ", "_")
        return (synonyms or {}).get(word, word)

    return fold


def _time(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("should be a time, ISO 8601 or epoch seconds or milliseconds")
    return value


def _utc(value: datetime) -> datetime:
    if not 1970 <= value.year <= 2200:
        raise ValueError("should be a time between 1970 and 2200, ISO 8601 or epoch seconds or milliseconds")
    return value.astimezone(UTC) if value.utcoffset() else value.replace(tzinfo=UTC)


def _own(value: str) -> str:
    if names.clean_version(value) is None:
        raise ValueError("should be a version's own name: `latest` and `default` move")
    return value


def _duration(value: Any) -> Any:
    duration = names.duration_of(str(value))
    if duration is None:
        raise ValueError("should be a duration such as 5m or 1h30m, or seconds")
    return duration


def _percent(value: Any) -> Any:
    return value.strip().removesuffix("%") if isinstance(value, str) else value


def _fraction(value: Any) -> Any:
    try:
        return float(value.strip()[:-1]) / 100 if isinstance(value, str) and value.strip()[-1:] == "%" else value
    except ValueError:
        return value


def _reading(value: Any) -> Any:
    """Return a finite number, or None: an alert must not be lost because its value is prose."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _labels(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    words = {True: "true", False: "false"}
    return {k: words[v] if isinstance(v, bool) else v for k, v in value.items() if v is not None}


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Version = Annotated[Name, BeforeValidator(lambda value: value, json_schema_input_type=str | int | float)]
Time = Annotated[datetime, AfterValidator(_utc), BeforeValidator(_time, json_schema_input_type=datetime | float)]
Duration = Annotated[timedelta, BeforeValidator(_duration, json_schema_input_type=str | float)]
Reading = Annotated[float | None, BeforeValidator(_reading, json_schema_input_type=float | str)]
Percent = Annotated[
    float,
    Field(ge=0, le=100),
    BeforeValidator(_percent, json_schema_input_type=Annotated[float, Field(ge=0, le=100)] | str),
]
Fraction = Annotated[
    float,
    Field(ge=0, le=1),
    BeforeValidator(_fraction, json_schema_input_type=Annotated[float, Field(ge=0, le=1)] | str),
]
Amount = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
TriggerWord = Annotated[Trigger, BeforeValidator(_word())]
VersionChange = Annotated[
    Literal["registered", "aliased", "unaliased", "tagged", "approved", "rejected", "archived", "deleted"],
    BeforeValidator(_word()),
]
OtherChange = Annotated[
    Literal[
        "config",
        "rule",
        "filter",
        "feature",
        "data",
        "metric_definition",
        "suite",
        "slo",
        "code",
        "infrastructure",
        "upstream_model",
        "other",
    ],
    BeforeValidator(_word({"infra": "infrastructure"})),
]
Direction = Annotated[Literal["higher", "lower", "target", "none"], BeforeValidator(_word(DIRECTION_WORDS))]
Family = Annotated[Literal["model", "product", "data", "system", "cost"], BeforeValidator(_word())]
Role = Annotated[Literal["primary", "guardrail", "diagnostic"], BeforeValidator(_word())]
Operator = Annotated[Literal[">=", ">", "<=", "<"], BeforeValidator(_word(OPERATOR_WORDS))]
Labels = Annotated[
    dict[str, str], BeforeValidator(_labels, json_schema_input_type=dict[str, str | float | bool | None])
]
DeploymentWord = Annotated[DeploymentStatus, BeforeValidator(_word(DEPLOYMENT_WORDS))]
StatusWord = Annotated[AlertStatus, BeforeValidator(_word(ALERT_WORDS))]
ClassWord = Annotated[AlertClass, BeforeValidator(_word())]
EvaluationWord = Annotated[EvaluationType, BeforeValidator(_word())]
OwnWord = Annotated[Name, BeforeValidator(_word())]
OwnVersion = Annotated[Version, AfterValidator(_own)]
