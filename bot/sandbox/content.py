"""The content of a message or a view on its way in: decoded, checked against the limits, completed as Slack does."""

import copy
import secrets
import string
from typing import Any

from bot.domain import limits
from bot.sandbox.args import Args
from bot.sandbox.errors import SlackError, refused

LETTERS = string.ascii_letters + string.digits


def message_content(args: Args) -> dict[str, Any]:
    """Return the keys that were given of text, blocks, attachments, metadata, checked and completed.

    Raises SlackError: invalid_blocks, invalid_attachments, invalid_metadata_format, metadata_too_large, ...
    """
    content: dict[str, Any] = {}
    if "text" in args:
        content["text"] = args.text("text")[: limits.MESSAGE_TEXT]
    for name in ("blocks", "attachments"):
        value = args.structure(name, f"invalid_{name}_format")
        if value is not None:
            if not isinstance(value, list):
                raise SlackError(f"invalid_{name}_format")
            content[name] = copy.deepcopy(value)
    metadata = args.structure("metadata", "invalid_metadata_format")
    if metadata is not None:
        content["metadata"] = copy.deepcopy(metadata)
    check(content)
    complete(content)
    return content


def check(content: dict[str, Any]) -> None:
    """Raise the SlackError that Slack answers for the first kind of problem in `content`."""
    found = [problem for problem in limits.message_problems(content) if problem.code != "no_text"]
    blocks = [problem for problem in found if problem.pointer.startswith("/blocks")]
    if blocks:
        raise refused("invalid_blocks", blocks)
    attached = [problem for problem in found if problem.pointer.startswith("/attachments")]
    if any(problem.code == "too_many_attachments" for problem in attached):
        raise SlackError("too_many_attachments")
    if attached:
        raise refused("invalid_attachments", attached)
    if any(problem.code == "metadata_too_large" for problem in found):
        raise SlackError("metadata_too_large")
    if found:
        raise refused("invalid_metadata_format", found)


def is_empty(content: dict[str, Any]) -> bool:
    return not (content.get("text", "").strip() or content.get("blocks") or content.get("attachments"))


def complete(content: dict[str, Any]) -> None:
    """Give ids to blocks and elements that have none, as Slack does; attachments get an `id`."""
    complete_blocks(content.get("blocks") or [])
    for number, attachment in enumerate(content.get("attachments") or [], start=1):
        attachment.setdefault("id", number)
        complete_blocks(attachment.get("blocks") or [])


def complete_blocks(blocks: list[dict[str, Any]]) -> None:
    for block in blocks:
        block.setdefault("block_id", _word(5))
        for element in elements_of(block):
            if element.get("type") not in ("image", "mrkdwn", "plain_text"):
                element.setdefault("action_id", _word(5))
        complete_blocks(block.get("child_blocks") or [])


def elements_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what can be pressed or filled in `block` (children of a container are blocks of their own)."""
    found = [block[name] for name in ("accessory", "element") if isinstance(block.get(name), dict)]
    if block.get("type") in ("actions", "context_actions"):
        found += [one for one in block.get("elements") or [] if isinstance(one, dict)]
    if block.get("type") == "card":
        found += [one for one in block.get("actions") or [] if isinstance(one, dict)]
    return found


def all_blocks(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the blocks of a message or a view, with those in attachments, containers and carousels."""
    todo = list(content.get("blocks") or [])
    for attachment in content.get("attachments") or []:
        todo += attachment.get("blocks") or []
    found = []
    while todo:
        block = todo.pop(0)
        found.append(block)
        todo = [*(block.get("child_blocks") or []), *todo]
        if block.get("type") == "carousel":
            todo = [*(block.get("elements") or []), *todo]
    return found


def _word(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))
