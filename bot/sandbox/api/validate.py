"""blocks.validate: needs no token, takes forms only. https://docs.slack.dev/reference/methods/blocks.validate"""

from typing import Any

from bot.domain import limits
from bot.sandbox.api.method import Method, Methods
from bot.sandbox.args import Args
from bot.sandbox.box import Sandbox
from bot.sandbox.errors import SlackError


def validate(_sandbox: Sandbox, args: Args) -> dict[str, Any]:
    if "blocks" in args:
        blocks = args.structure("blocks", "invalid_blocks_format")
        if not isinstance(blocks, list):
            raise SlackError("invalid_blocks_format")
        found = limits.problems(blocks, surface="message", at="")
    elif "view" in args:
        found = limits.view_problems(_object(args, "view"))
    elif "message" in args:
        found = limits.message_problems(_object(args, "message"))
    else:
        raise SlackError("invalid_arguments")
    errors = [{"pointer": one.pointer, "code": one.code, "message": one.message, "constraint": None} for one in found]
    return {"errors": errors} if not errors else {"ok": False, "error": "invalid_blocks", "errors": errors}


def _object(args: Args, name: str) -> dict[str, Any]:
    value = args.structure(name, "invalid_json")
    if not isinstance(value, dict):
        raise SlackError("invalid_json")
    return value


METHODS: Methods = {"blocks.validate": Method(validate, (), "special")}
