"""The JSON Schema of the canonical intake, generated from its models, served at /schema/events.json."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from integrations.events.models import ALIASES, KINDS, METRIC_ALIASES, AnyEvent

MAX_EVENTS = 10_000


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of what is taken: one event, a list of them, or `{"events": [...]}`."""
    one = TypeAdapter[AnyEvent](Annotated[AnyEvent, Field(discriminator="kind")])
    generated = one.json_schema(mode="validation")
    defs = generated.pop("$defs")
    for kind, model in KINDS.items():
        _allow_other_names(defs[model.__name__], ALIASES[kind])
    for model_name in ("Metric", "MetricValue"):
        _allow_other_names(defs[model_name], METRIC_ALIASES)
    event = {"$ref": "#/$defs/Event"}
    many = {"type": "array", "items": event, "maxItems": MAX_EVENTS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Bellwether events",
        "description": "What POST /hooks/events takes: one event, a list of them, or an object with a list `events`.",
        "anyOf": [event, many, {"type": "object", "properties": {"events": many}, "required": ["events"]}],
        "$defs": defs | {"Event": {"title": "Event", "description": "One event, by its `kind`."} | generated},
    }


def _allow_other_names(model: dict[str, Any], aliases: Mapping[str, str]) -> None:
    """Add the other names of fields to a generated schema; a required field may be there under any of its names."""
    properties, required = model["properties"], model.get("required", [])
    # A package URL names both, and is itself a field.
    others = {name: ["artifact"] for name in ("model", "version") if "artifact" in properties}
    others.setdefault("model", []).append("labels")  # which may tell
    for alias, name in aliases.items():
        if name in properties:
            properties.setdefault(alias, properties[name] | {"description": f"Another name of `{name}`."})
            others.setdefault(name, []).append(alias)
    choices = [
        {"anyOf": [{"required": [name]} for name in (field, *others[field])]} for field in required if field in others
    ]
    model["required"] = [field for field in required if field not in others]
    if choices:
        model["allOf"] = choices
