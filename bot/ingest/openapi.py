"""The OpenAPI description of the bot's endpoints, built from what is configured."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json, to_json

from bot.domain.version import VERSION

RECORDED = {
    "type": "object",
    "description": "Answered after the commit. The counts are of facts.",
    "properties": {name: {"type": "integer"} for name in ("delivery", "recorded", "duplicate", "unmapped")},
    "required": ["delivery", "recorded", "duplicate", "unmapped"],
}
ANSWERS = {
    "401": {"description": "Bad or missing authentication."},
    "404": {"description": "No such source is configured."},
    "413": {"description": "Larger than 1 MiB."},
    "503": {"description": "It cannot be written now, or too much waits: try again after Retry-After seconds."},
}


def openapi(sources: Sequence[str], schemas: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document; `schemas` are the JSON Schemas of the sources that have one."""
    parts: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for name in sorted(sources):
        schema = _own(name, schemas.get(name, {"type": "object"}))
        parts |= {f"{name}.{part}": inner for part, inner in schema.pop("$defs", {}).items()}
        paths[f"/hooks/{name}"] = {"post": _hook(name, schema)}
    for path, summary, kind in (
        ("/healthz", "The process lives.", "text/plain"),
        ("/readyz", "Intake can commit; how Slack and Jira are connected.", "application/json"),
        ("/metrics", "Prometheus metrics.", "text/plain"),
        ("/openapi.json", "This document.", "application/json"),
        ("/schema/{source}.json", "JSON Schema of what a source takes.", "application/schema+json"),
    ):
        answer: dict[str, Any] = {
            "summary": summary,
            "responses": {"200": {"description": "OK", "content": {kind: {}}}},
        }
        if "{source}" in path:
            answer["parameters"] = [{"name": "source", "in": "path", "required": True, "schema": {"type": "string"}}]
        paths[path] = {"get": answer}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bellwether", "version": VERSION},
        "paths": paths,
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}, "schemas": parts},
    }


def _own(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a source's schema with references that hold in this document, where its parts stand elsewhere."""
    moved = to_json(schema).replace(b'"#/$defs/', f'"#/components/schemas/{name}.'.encode())
    found: dict[str, Any] = from_json(moved)
    return found


def _hook(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    accepted = {"description": "Stored, and recorded as far as it could be read.", "content": _json(RECORDED)}
    return {
        "summary": f"Deliver to the source {name}",
        "security": [{"bearer": []}],
        "requestBody": {"required": True, "content": _json(schema)},
        "responses": {"202": accepted, **ANSWERS},
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
