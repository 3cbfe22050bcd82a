"""The issues: made, changed and moved in one place, so that index, changelog, webhook and page agree.

They live in `world.issues`. What search sees may be older (`search_lag_s`): snapshots are kept for that.
"""

import copy
from collections import deque
from datetime import datetime
from typing import Any

from bot.sandbox.jira import edits
from bot.sandbox.jira import vocabulary as v
from bot.sandbox.jira.hooks import Hooks
from bot.sandbox.jira.refusal import Refusal, missing_issue
from bot.sandbox.world import Cause, User, World

SNAPSHOTS = 50
FIRST_ID = 10_100
Issue = dict[str, Any]
Change = dict[str, Any]


class Issues:
    """`address` is the base of `self` links, set when the server knows it."""

    def __init__(self, world: World, hooks: Hooks) -> None:
        self.world, self.hooks = world, hooks
        self.address = ""
        self._snapshots: dict[str, deque[tuple[float, dict[str, Any]]]] = {}

    def get(self, ref: str) -> Issue:
        """Find by key (case does not matter) or id. Raises Refusal 404."""
        found = self.world.issues.get(ref.upper())
        if found is None:
            found = next((one for one in self.world.issues.values() if one["id"] == ref), None)
        if found is None:
            raise missing_issue()
        return found

    def create(self, body: dict[str, Any], by: User, cause: Cause) -> Issue:
        fields = edits.checked(self.world, body, creating=True)
        held = edits.properties(body)
        number = 1 + max((int(key.partition("-")[2]) for key in self.world.issues), default=0)
        key, now = f"{v.PROJECT['key']}-{number}", self._now()
        issue: Issue = {
            "id": str(FIRST_ID + number),
            "key": key,
            "self": f"{self.address}/jira/rest/api/3/issue/{FIRST_ID + number}",
            "fields": {
                "summary": "",
                "description": None,
                "labels": [],
                "priority": v.PRIORITIES[2],
                "assignee": None,
                "reporter": v.account(by),
                "creator": v.account(by),
                "status": v.STATUSES[0],
                "statusCategory": v.STATUSES[0]["statusCategory"],
                "resolution": None,
                "resolutiondate": None,
                "created": now,
                "updated": now,
                "duedate": None,
                "comment": {"comments": [], "total": 0, "maxResults": 0, "startAt": 0},
                **fields,
            },
            "properties": held,
            "remotelinks": [],
            "changelog": [],
        }
        comments = edits.apply_update(self.world, issue["fields"], body.get("update") or {})
        self.world.issues[key] = issue
        for comment in comments:
            self._add_comment(issue, comment, by, [])
        if isinstance(body.get("transition"), dict):
            self._move(issue, str(body["transition"].get("id")))
        self._keep(issue, cause)
        self.hooks.send("jira:issue_created", issue, by, [], "issue_created")
        return issue

    def edit(self, issue: Issue, body: dict[str, Any], by: User, cause: Cause) -> None:
        """Set fields and properties, all or nothing."""
        changed = edits.checked(self.world, body, creating=False)
        held = edits.properties(body)
        fields = issue["fields"] | changed
        comments = edits.apply_update(self.world, fields, body.get("update") or {})
        before = issue["fields"]
        issue["fields"] = fields
        issue["properties"] |= held
        for comment in comments:
            self._add_comment(issue, comment, by, [])
        self.changed(issue, before, by, cause)

    def transition(self, issue: Issue, body: dict[str, Any], by: User, cause: Cause) -> None:
        """Move, and set fields on the way. Raises Refusal 400 for an unknown transition."""
        chosen = body.get("transition")
        ident = str(chosen.get("id")) if isinstance(chosen, dict) else ""
        if not ident:
            raise Refusal(400, "Missing 'transition' identifier")
        before = copy.deepcopy(issue["fields"])
        changed = edits.checked(self.world, body, creating=False)
        self._move(issue, ident)
        issue["fields"] |= changed
        for comment in edits.apply_update(self.world, issue["fields"], body.get("update") or {}):
            self._add_comment(issue, comment, by, [])
        self.changed(issue, before, by, cause)

    def comment(self, issue: Issue, body: dict[str, Any], by: User, cause: Cause) -> dict[str, Any]:
        made = self._add_comment(issue, edits.adf(body.get("body"), "comment"), by, body.get("properties") or [])
        self._keep(issue, cause)
        self.hooks.send("comment_created", issue, by, [], "issue_commented", comment=made)
        return made

    def changed(self, issue: Issue, before: dict[str, Any], by: User, cause: Cause) -> None:
        """Note what differs from `before`; nothing at all if nothing does."""
        items = [
            change
            for name, value in issue["fields"].items()
            if name in SHOWN and (change := _change(name, before.get(name), value)) is not None
        ]
        if items:
            entry = {"id": self.world.new_id("1"), "author": v.account(by), "created": self._now(), "items": items}
            issue["changelog"].append(entry)
        self._keep(issue, cause)
        if items:
            self.hooks.send("jira:issue_updated", issue, by, items, "issue_generic")

    def touched(self, issue: Issue, cause: Cause) -> None:
        """A link or a property changed: the page shows it, webhooks and the index do not care."""
        self.world.touch("issue", cause, ref=issue["key"])

    def indexed(self, issue: Issue, lag_s: float) -> dict[str, Any] | None:
        """Return the fields that search knows, `lag_s` behind; None when it does not know the issue yet."""
        if lag_s <= 0:
            return dict(issue["fields"])
        kept = self._snapshots.get(issue["key"])
        if not kept:
            return dict(issue["fields"])
        until = self.world.clock.epoch() - lag_s
        return next((fields for at, fields in reversed(kept) if at <= until), None)

    def _move(self, issue: Issue, ident: str) -> None:
        status = v.TRANSITIONS.get(ident)
        if status is None:
            raise Refusal(400, f"Transition id '{ident}' is not valid for this issue.")
        done = status["statusCategory"]["key"] == "done"
        issue["fields"] |= {
            "status": status,
            "statusCategory": status["statusCategory"],
            "resolution": v.RESOLUTION if done else None,
            "resolutiondate": self._now() if done else None,
        }

    def _add_comment(self, issue: Issue, body: Any, by: User, properties: list[Any]) -> dict[str, Any]:
        comments = issue["fields"]["comment"] = copy.deepcopy(issue["fields"]["comment"])
        ident = self.world.new_id("2")
        made = {
            "id": ident,
            "self": f"{issue['self']}/comment/{ident}",
            "author": v.account(by),
            "updateAuthor": v.account(by),
            "body": body,
            "created": self._now(),
            "updated": self._now(),
            "properties": properties,
        }
        comments["comments"].append(made)
        comments["total"] = comments["maxResults"] = len(comments["comments"])
        return made

    def _keep(self, issue: Issue, cause: Cause) -> None:
        issue["fields"]["updated"] = self._now()
        kept = self._snapshots.setdefault(issue["key"], deque(maxlen=SNAPSHOTS))
        kept.append((self.world.clock.epoch(), dict(issue["fields"])))
        self.world.touch("issue", cause, ref=issue["key"])

    def _now(self) -> str:
        return written(self.world.clock.now())


SHOWN = frozenset({"summary", "description", "labels", "priority", "assignee", "status", "resolution", "duedate"})


def written(at: datetime) -> str:
    """Return Jira's form: 2026-11-23T08:00:00.000+0000."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"


def _change(name: str, before: Any, now: Any) -> Change | None:
    if before == now:
        return None
    old, new = _words(before), _words(now)
    return {
        "field": name,
        "fieldtype": "jira",
        "fieldId": name,
        "from": old[0],
        "fromString": old[1],
        "to": new[0],
        "toString": new[1],
    }


def _words(value: Any) -> tuple[str | None, str | None]:
    if value is None:
        return None, None
    if isinstance(value, dict):
        ident = value.get("accountId") or value.get("id")
        return (str(ident) if ident else None), value.get("displayName") or value.get("name")
    if isinstance(value, list):
        return None, " ".join(map(str, value))
    return None, str(value)
