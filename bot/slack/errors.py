"""What Slack's answers mean for the loop: try later, look first, make it anew, or give up.

https://docs.slack.dev/reference/methods/chat.postMessage#errors; which outcomes are ambiguous: platforms.md section 2.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.domain.errors import GoneError, NoBudget, OutboundError, PermanentError, TemporaryError, UncertainError

SECONDS = re.compile(r"\d{1,6}(\.\d+)?").fullmatch
SOON, LATER = timedelta(seconds=3), timedelta(seconds=60)

AMBIGUOUS = {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
GONE = {"message_not_found", "thread_not_found", "message_deleted"}
OPERATOR = {
    "invalid_auth": "Slack refuses the bot token; set a valid SLACK_BOT_TOKEN",
    "not_authed": "no bot token was sent; set SLACK_BOT_TOKEN",
    "account_inactive": "the bot's account was deactivated; install the app again",
    "token_revoked": "the bot token was revoked; install the app again and set SLACK_BOT_TOKEN",
    "token_expired": "the bot token expired; install the app again and set SLACK_BOT_TOKEN",
    "not_in_channel": "the bot is not in the channel; write /invite @bellwether there",
    "channel_not_found": "the bot cannot see the channel; create it, or invite the bot",
    "is_archived": "the channel is archived; unarchive it, or configure another one and restart",
    "is_inactive": "the channel is archived; unarchive it, or configure another one and restart",
    "restricted_action": "the workspace forbids the bot to post there",
}
"""Somebody can mend these, and then everything follows by itself: so they are tried again."""
REINSTALL = "put `bellwether manifest` into the app's manifest and install it again"

PLACE = {"not_in_channel", "channel_not_found", "is_archived", "is_inactive"}


class OutOfReach(TemporaryError):
    """The channel cannot be written to, for as long as nobody opens it to the bot."""


def translate(error: SlackApiError | aiohttp.ClientError | OSError, *, idempotent: bool) -> OutboundError:
    """Return what ERROR means; `idempotent`: doing it twice is the same as once, so nothing is ambiguous."""
    match error:
        case SlackApiError():
            return _api_error(error, idempotent=idempotent)
        case aiohttp.ClientConnectorError():
            return TemporaryError(f"Slack cannot be reached: {error}", SOON)
        case _:  # a timeout is an OSError, too
            return _unclear(f"the connection to Slack broke: {error!r}", idempotent=idempotent)


def asked_to_wait(headers: Mapping[str, str], *, default_s: float) -> float:
    """Return for how many seconds HEADERS ask to wait; what is no number, as a date of a proxy, says nothing."""
    given = headers.get("Retry-After", headers.get("retry-after", ""))
    return float(given) if SECONDS(given) else default_s


def _api_error(error: SlackApiError, *, idempotent: bool) -> OutboundError:
    response = error.response
    given = getattr(response, "data", None)  # the SDK hands over aiohttp's own response when the JSON is broken
    body = given if isinstance(given, dict) else {}  # a proxy's error page is a string
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    code = str(body.get("error", ""))
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return NoBudget("Slack asks to wait", timedelta(seconds=max(1.0, asked_to_wait(response.headers, default_s=1))))
    if status >= 500 or code in AMBIGUOUS or not code:  # without a code it was not Slack that answered
        return _unclear(f"Slack answered {status} {code}".strip(), idempotent=idempotent)
    if code in GONE:
        return GoneError(code)
    if code == "missing_scope":
        return TemporaryError(f"the app lacks the scope {body.get('needed')}; {REINSTALL} ({code})", LATER)
    if code in OPERATOR:
        kind = OutOfReach if code in PLACE else TemporaryError
        return kind(f"{OPERATOR[code]} ({code})", LATER)
    said = (body.get("response_metadata") or {}).get("messages", [])
    return PermanentError(f"Slack refuses this message: {code} {'; '.join(map(str, said))}".strip())


def _unclear(message: str, *, idempotent: bool) -> OutboundError:
    return TemporaryError(message, SOON) if idempotent else UncertainError(message, SOON)
