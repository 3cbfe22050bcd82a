"""What Slack refuses: one table of limits for the renderer, the sandbox and the tests.

`problems`, `message_problems` and `view_problems` say what Slack would say, with JSON pointers; nothing is
changed or cut here. Numbers are in `limits.table` and can be used from here (`limits.SECTION_TEXT`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.domain.limits import table
from bot.domain.limits.blocks import SHAPES, Surface, one_block, together
from bot.domain.limits.rules import Problem, string, text
from bot.domain.limits.table import *  # noqa: F403 - the numbers are this package's vocabulary

__all__ = [
    "BLOCK_TYPES",
    "Problem",
    "Surface",
    "message_problems",
    "metadata_problems",
    "problems",
    "view_problems",
]
__all__ += [name for name in vars(table) if name.isupper()]

BLOCK_TYPES = frozenset(SHAPES)


def problems(blocks: Sequence[Any], *, surface: Surface, at: str = "/blocks") -> list[Problem]:
    """Return what Slack would refuse in `blocks`; empty means that it takes them."""
    return list(_block_list(blocks, surface, at))


def message_problems(message: Mapping[str, Any]) -> list[Problem]:
    """Return what chat.postMessage would refuse in `message` (text, blocks, attachments, metadata)."""
    return list(_message(message))


def view_problems(view: Mapping[str, Any]) -> list[Problem]:
    """Return what views.open, views.update or views.publish would refuse in `view`."""
    return list(_view(view))


def metadata_problems(metadata: Any, at: str = "/metadata") -> list[Problem]:
    """Return what is wrong with message metadata; `{}` (remove it) is fine."""
    return list(_metadata(metadata, at))


def _block_list(blocks: Any, surface: Surface, at: str) -> Iterator[Problem]:
    most = table.BLOCKS_PER_MESSAGE if surface == "message" else table.BLOCKS_PER_VIEW
    if not isinstance(blocks, list | tuple):
        yield Problem(at, "wrong_type", "must be an array")
        return
    if len(blocks) > most:
        yield Problem(at, "too_many", f"no more than {most} items allowed")
    for index, block in enumerate(blocks):
        yield from one_block(block, f"{at}/{index}", surface)
    yield from together(list(blocks), at)


def _message(message: Mapping[str, Any]) -> Iterator[Problem]:
    written, blocks, attachments = (message.get(key) for key in ("text", "blocks", "attachments"))
    if not blocks and not attachments and not (isinstance(written, str) and written.strip()):
        yield Problem("/text", "no_text", "no text, blocks or attachments")
    if written is not None:
        yield from string(table.MESSAGE_TEXT, 0)(written, "/text")
    if blocks is not None:
        yield from _block_list(blocks, "message", "/blocks")
    if attachments is not None:
        if not isinstance(attachments, list):
            yield Problem("/attachments", "wrong_type", "must be an array")
        else:
            if len(attachments) > table.ATTACHMENTS_PER_MESSAGE:
                yield Problem("/attachments", "too_many_attachments", "too many attachments")
            for index, attachment in enumerate(attachments):
                if not isinstance(attachment, dict):
                    yield Problem(f"/attachments/{index}", "wrong_type", "must be an object")
                elif attachment.get("blocks") is not None:
                    yield from _block_list(attachment["blocks"], "message", f"/attachments/{index}/blocks")
    if message.get("metadata") is not None:
        yield from _metadata(message["metadata"], "/metadata")


def _metadata(metadata: Any, at: str) -> Iterator[Problem]:
    if not isinstance(metadata, dict):
        yield Problem(at, "wrong_type", "must be an object")
        return
    if not metadata:
        return
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(kind, str) or not kind:
        yield Problem(f"{at}/event_type", "missing_field", "missing required field: event_type")
    if not isinstance(payload, dict):
        yield Problem(f"{at}/event_payload", "missing_field", "missing required field: event_payload")
        return
    for name, value in payload.items():
        nested = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict) for v in value))
        if nested:
            yield Problem(f"{at}/event_payload/{name}", "nested", "event_payload must be flat")
    if len(json.dumps(metadata)) > table.METADATA_BYTES:
        yield Problem(at, "metadata_too_large", "metadata is too large")


def _view(view: Mapping[str, Any]) -> Iterator[Problem]:
    kind = view.get("type")
    if kind not in ("modal", "home"):
        yield Problem("/type", "invalid_value", "must be one of modal, home")
        return
    blocks = view.get("blocks")
    if blocks is None:
        yield Problem("", "missing_field", "missing required field: blocks")
    else:
        yield from _block_list(blocks, kind, "/blocks")
    for name, most in (
        ("private_metadata", table.PRIVATE_METADATA),
        ("callback_id", table.CALLBACK_ID),
        ("external_id", table.EXTERNAL_ID),
    ):
        if view.get(name) is not None:
            yield from string(most, 0)(view[name], f"/{name}")
    if kind == "modal":
        yield from _modal(view, blocks if isinstance(blocks, list) else [])
    if len(json.dumps(view, ensure_ascii=False).encode()) > table.VIEW_BYTES:
        yield Problem("", "view_too_large", "view is too large")


def _modal(view: Mapping[str, Any], blocks: list[Any]) -> Iterator[Problem]:
    if view.get("title") is None:
        yield Problem("", "missing_field", "missing required field: title")
    for name, most in (
        ("title", table.VIEW_TITLE),
        ("submit", table.VIEW_BUTTON),
        ("close", table.VIEW_BUTTON),
    ):
        if view.get(name) is not None:
            yield from text(most, plain=True)(view[name], f"/{name}")
    asks = any(isinstance(block, dict) and block.get("type") == "input" for block in blocks)
    if asks and view.get("submit") is None:
        yield Problem("", "missing_field", "missing required field: submit (a modal with inputs needs it)")
