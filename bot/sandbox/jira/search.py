"""Search: by JQL (eventually consistent, except for `reconcileIssues`) and by keys (consistent).

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/#api-rest-api-3-search-jql-post
"""

import base64
import binascii
from typing import Any

from bot.sandbox.jira import jql
from bot.sandbox.jira.refusal import Refusal
from bot.sandbox.jira.rest import Ask, Endpoint, Reply
from bot.sandbox.jira.work import shown

MOST_RECONCILED = 50
MOST_FETCHED = 100
PAGE, LONGEST_PAGE = 50, 5_000


def search(ask: Ask) -> Reply:
    given: dict[str, Any] = ask.object() if ask.body is not None else dict(ask.query)
    query = jql.parse(str(given.get("jql") or ""))
    fresh = {str(one) for one in _list(given.get("reconcileIssues"))}
    if len(fresh) > MOST_RECONCILED:
        raise Refusal(400, f"The number of issues to reconcile must be at most {MOST_RECONCILED}.")
    world = ask.issues.world
    lag = ask.sandbox.faults.amount("search_lag_s")
    pairs = []
    for issue in world.issues.values():
        fields = dict(issue["fields"]) if issue["id"] in fresh else ask.issues.indexed(issue, lag)
        if fields is not None and query.matches(issue, fields, world.clock.now()):
            pairs.append((issue, fields))
    pairs.sort(key=jql.sort_key("key"), reverse=True)
    for field, descending in reversed(query.order):
        pairs.sort(key=jql.sort_key(field), reverse=descending)
    begin, size = _position(given.get("nextPageToken")), _size(given.get("maxResults"))
    page = pairs[begin : begin + size]
    wanted, held = [str(one) for one in _list(given.get("fields", "id"))], _list(given.get("properties"))
    last = begin + size >= len(pairs)
    answer: dict[str, Any] = {"issues": [shown(issue, fields, wanted, held) for issue, fields in page], "isLast": last}
    if not last:
        answer["nextPageToken"] = base64.urlsafe_b64encode(f"at:{begin + size}".encode()).decode()
    return 200, answer


def removed(_ask: Ask) -> Reply:
    raise Refusal(410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.")


def fetch(ask: Ask) -> Reply:
    given = ask.object()
    refs = [str(one) for one in _list(given.get("issueIdsOrKeys"))]
    if not 0 < len(refs) <= MOST_FETCHED:
        raise Refusal(400, f"issueIdsOrKeys must have from 1 to {MOST_FETCHED} elements.")
    wanted, held = [str(one) for one in _list(given.get("fields", "*all"))], _list(given.get("properties"))
    issues, errors = [], []
    for ref in dict.fromkeys(refs):
        try:
            issue = ask.issues.get(ref)
        except Refusal as refusal:
            errors.append({"id": ref, "errorMessage": str(refusal)})
        else:
            issues.append(shown(issue, issue["fields"], wanted, held))
    return 200, {"issues": issues, "issueErrors": errors}


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else str(value).split(",")


def _size(value: Any) -> int:
    try:
        return min(LONGEST_PAGE, max(1, int(value or PAGE)))
    except ValueError as error:
        raise Refusal(400, "maxResults must be a number.") from error


def _position(token: Any) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(str(token)).decode().removeprefix("at:"))
    except (binascii.Error, ValueError) as error:
        raise Refusal(400, "The provided next page token is invalid or expired.") from error


ROOT = "/jira/rest/api/3"
ENDPOINTS: tuple[tuple[str, str, str, Endpoint], ...] = (
    ("GET", f"{ROOT}/search/jql", "GET search/jql", search),
    ("POST", f"{ROOT}/search/jql", "POST search/jql", search),
    ("GET", f"{ROOT}/search", "GET search", removed),
    ("POST", f"{ROOT}/search", "POST search", removed),
    ("POST", f"{ROOT}/issue/bulkfetch", "POST issue/bulkfetch", fetch),
)
