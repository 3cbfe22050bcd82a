"""A ticket system on Jira Cloud: one issue an incident, ours only in the fields that we wrote last.

A create is stamped (label and issue property, in the same call), because Jira has no idempotency key and its
search lags by seconds to minutes. Which fields are still ours: ownership.py; how a ticket moves: workflow.py.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bot.domain.errors import GoneError, OutboundError, PermanentError, TemporaryError, UncertainError
from bot.domain.facts import StatusCategory, TicketFact
from bot.ports import RemoteId, TicketLink, TicketOptions, TicketView
from integrations.calling import WHEN_MENDED
from integrations.jira import adf, ownership, shapes, workflow
from integrations.jira.client import LOOK_SOON, JiraClient, JiraRefused

logger = logging.getLogger(__name__)

LOOK_AGAIN = (timedelta(seconds=5), timedelta(seconds=15))
"""Longer than a create takes that was on its way when the connection broke; nothing here waits for the index."""
AROUND = 50
"""How many issues below and above the newest one in the index are read by key, where reading does not lag."""
MAX_LINK = 255
BATCH = 50
"""How many ids `reconcileIssues` takes; with it a search is as fresh as a read, for these issues only."""
HOPS = 3
"""How many transitions one move may take: To Do, In Progress, Done."""
OPTIONAL = frozenset({"priority", "labels"})
"""Fields that a project's screens may not have; the ticket is worth more than they are."""
NEEDED = {
    "BROWSE_PROJECTS": "Browse projects",
    "CREATE_ISSUES": "Create issues",
    "EDIT_ISSUES": "Edit issues",
    "TRANSITION_ISSUES": "Transition issues",
    "LINK_ISSUES": "Link issues",
}

M = TypeVar("M", bound=BaseModel)


class JiraTickets:
    """A TicketSystem (bot/ports.py). A remote id is `id:KEY`; a bare key, typed by a person, works too."""

    look_again: Sequence[timedelta] = LOOK_AGAIN

    def __init__(self, options: TicketOptions) -> None:
        """Opens no connection yet."""
        self._options = options
        self._jira = JiraClient(options.url, options.user, options.token)

    async def find(self, view: TicketView, nonce: str) -> RemoteId | None:
        """Search by label, oldest first, and trust only the property: a clone has our label too.

        The index lags by minutes, so what it does not know is looked for by key, where reading does not lag.
        """
        label = view.label.replace("\\", "\\\\").replace('"', '\\"')
        query = {"jql": f'labels = "{label}" ORDER BY created ASC', "fields": ["summary"], "maxResults": 20}
        page = _read(shapes.Found, await self._jira.call("POST", "search/jql", json=query), "a search")
        for issue in page.issues:
            stamp = await self._stamp(issue.id)
            if stamp is not None and stamp.nonce == nonce:
                return RemoteId(f"{issue.id}:{issue.key}")
        return await self._find_by_key(view.project, nonce)

    async def create(self, view: TicketView, *, key: str, nonce: str) -> RemoteId:
        """Create the issue, never twice in one call; moving it comes after, and may fail."""
        content = adf.blocks(view.paragraphs)
        summary = ownership.summary(view)
        stamp = {"nonce": nonce, "key": key, "wrote": ownership.wrote(summary, content).model_dump()}
        fields = {
            "project": {"key": view.project},
            "issuetype": {"name": view.issue_type},
            "summary": summary,
            "description": adf.document(content),
            "labels": [view.label],
        }
        if view.priority:
            fields["priority"] = {"name": view.priority}
        body = {"fields": fields, "properties": [{"key": self._options.property_key, "value": stamp}]}
        answer = await self._write("POST", "issue", body, repeatable=False)
        try:
            issue = shapes.Created.model_validate(answer)
        except ValidationError as exc:
            raise UncertainError("Jira did not say which issue it created", LOOK_SOON) from exc
        logger.info("Jira ticket created", extra={"ticket": issue.key, "projection": key})
        if view.category not in (None, StatusCategory.TODO):
            await self._move_if_possible(issue, view.category)
        return RemoteId(f"{issue.id}:{issue.key}")

    async def update(self, remote_id: RemoteId, view: TicketView) -> None:
        """Write what of our fields is still ours, and move the ticket if it is not where it should be."""
        issue_id = _id(remote_id)
        try:
            issue = await self._get(issue_id)
            status = issue.fields.status
            if status.category.ours is StatusCategory.DONE:  # many workflows forbid edits of a closed issue
                status = await self._move(issue_id, status, view.category)
            if body := ownership.edit(issue, view, self._options.property_key):
                await self._write("PUT", f"issue/{issue_id}", body)
            await self._move(issue_id, status, view.category)
        except JiraRefused as exc:
            if exc.status == 404:
                raise await self._missing(remote_id, view.project) from exc
            raise

    async def link(self, remote_id: RemoteId, link: TicketLink) -> None:
        """Upsert by `globalId`; what is left out would become null, so all is sent each time."""
        body = {
            "globalId": link.global_id[:MAX_LINK],
            "application": {"type": "com.bellwether", "name": "Bellwether"},
            "relationship": "discussed in",
            "object": {
                "url": link.url,
                "title": adf.one_line(link.title, MAX_LINK),
                "status": {"resolved": link.resolved},
            },
        }
        await self._jira.call("POST", f"issue/{_id(remote_id)}/remotelink", json=body)

    async def read(self, tickets: Mapping[RemoteId, int]) -> Sequence[TicketFact]:
        """Ask for up to 50 tickets a call; what Jira does not know (deleted, hidden) is left out."""
        incidents = {_id(remote_id): number for remote_id, number in tickets.items()}
        ids = sorted(incidents)
        facts = []
        for start in range(0, len(ids), BATCH):
            for issue in await self._known(ids[start : start + BATCH]):
                number = incidents.get(issue.id, incidents.get(issue.key))
                if number is not None:
                    facts.append(self._fact(issue, number))
        return facts

    async def check(self) -> str | None:
        """Try the credentials, the permissions in the configured project, and its issue type."""
        project, wanted = self._options.project, self._options.issue_type
        try:
            await self._myself()
            grants = await self._grants(project, *NEEDED)
            types = await self._issue_types(project) if "CREATE_ISSUES" in grants else []
        except JiraRefused as exc:
            if exc.status == 404:
                return f"Jira has no project {project!r} that {self._options.user} can see. {exc}"
            return str(exc)
        except OutboundError as exc:
            return str(exc)
        lacking = [words for name, words in NEEDED.items() if name not in grants]
        if lacking:
            return (
                f"{self._options.user} lacks permissions in Jira project {project}: {', '.join(lacking)}. "
                f"Give them to the account in the project's permission scheme."
            )
        if wanted.lower() not in (name.lower() for name in types):
            return f"Jira project {project} has no issue type {wanted!r}, but: {', '.join(types)}. Set jira.issue_type."
        return None

    def browse_url(self, key: str) -> str:
        """Return the address of a ticket for people."""
        return f"{self._jira.url}/browse/{key}"

    async def close(self) -> None:
        """Let go of connections."""
        await self._jira.close()

    async def _find_by_key(self, project: str, nonce: str) -> RemoteId | None:
        """Read the newest issues of PROJECT: keys count up, so an issue that was just made is among them."""
        query = {"jql": f'project = "{project}" ORDER BY created DESC', "fields": ["summary"], "maxResults": 1}
        page = _read(shapes.Found, await self._jira.call("POST", "search/jql", json=query), "a search")
        newest = max((issue.number for issue in page.issues), default=0)
        while True:
            numbers = range(max(1, newest - AROUND + 1), newest + AROUND + 1)
            wanted = {
                "issueIdsOrKeys": [f"{project}-{number}" for number in numbers],
                "fields": ["summary"],
                "properties": [self._options.property_key],
            }
            page = _read(shapes.Found, await self._jira.call("POST", "issue/bulkfetch", json=wanted), "a bulk fetch")
            for issue in page.issues:
                stamp = ownership.stamp(issue.properties.get(self._options.property_key))
                if stamp is not None and stamp.nonce == nonce:
                    return RemoteId(f"{issue.id}:{issue.key}")
            highest = max((issue.number for issue in page.issues if issue.number in numbers), default=0)
            if highest <= newest:
                return None
            newest = highest

    async def _get(self, issue_id: str) -> shapes.Issue:
        params = {"fields": "status,summary,description,labels", "properties": self._options.property_key}
        answer = await self._jira.call("GET", f"issue/{issue_id}", params=params)
        return _read(shapes.Issue, answer, f"issue {issue_id}")

    async def _stamp(self, issue_id: str) -> shapes.Stamp | None:
        try:
            answer = await self._jira.call("GET", f"issue/{issue_id}/properties/{self._options.property_key}")
        except JiraRefused as exc:
            if exc.status == 404:
                return None
            raise
        return ownership.stamp(_read(shapes.Property, answer, "an issue property").value)

    async def _write(self, method: str, path: str, body: dict[str, Any], *, repeatable: bool = True) -> Any:
        """Write BODY; if a screen lacks an optional field, which is a definite no, once more without it."""
        try:
            return await self._jira.call(method, path, json=body, repeatable=repeatable)
        except JiraRefused as exc:
            kept = _without(body, OPTIONAL & exc.fields.keys())
            if exc.status != 400 or kept == body:
                raise
            logger.warning("Jira does not take a field, left out", extra={"fields": sorted(exc.fields), "call": path})
        return await self._jira.call(method, path, json=kept, repeatable=repeatable) if kept else None

    async def _move_if_possible(self, issue: shapes.Created, target: StatusCategory | None) -> None:
        """Move a new issue; that it exists must not be forgotten because it could not be moved."""
        try:
            status = (await self._get(issue.id)).fields.status
            await self._move(issue.id, status, target)
        except OutboundError as exc:
            logger.warning("new Jira ticket not moved yet", extra={"ticket": issue.key, "reason": str(exc)})

    async def _move(self, issue_id: str, at: shapes.Status, target: StatusCategory | None) -> shapes.Status:
        """Take transitions until the status is of category TARGET; return the status reached."""
        for _ in range(HOPS):
            if target is None or at.category.ours is target:
                return at
            params = {"expand": "transitions.fields"}
            answer = await self._jira.call("GET", f"issue/{issue_id}/transitions", params=params)
            ways = _read(shapes.Transitions, answer, "transitions").transitions
            way = workflow.choose(ways, at.category.ours, target)
            if way is None:
                raise PermanentError(workflow.no_way(issue_id, at, ways, target))
            try:
                await self._jira.call("POST", f"issue/{issue_id}/transitions", json=workflow.answer(way))
            except JiraRefused as exc:
                now = (await self._get(issue_id)).fields.status
                if exc.status != 400 or now.name == at.name:
                    raise
                at = now  # somebody moved it meanwhile
            else:
                at = way.to
        if target is not None and at.category.ours is not target:
            raise TemporaryError(f"Jira issue {issue_id} keeps moving; it is {at.name} now", LOOK_SOON)
        return at

    async def _missing(self, remote_id: RemoteId, project: str) -> OutboundError:
        """Return what a 404 means: Jira says it of a deleted issue and of a lost permission alike."""
        if "BROWSE_PROJECTS" in await self._grants(project, "BROWSE_PROJECTS"):
            return GoneError(f"Jira issue {remote_id} was deleted")
        return TemporaryError(
            f"{self._options.user} can't see Jira project {project} any more, nor issue {remote_id}. "
            f"Give the account {NEEDED['BROWSE_PROJECTS']} again.",
            WHEN_MENDED,
        )

    async def _grants(self, project: str, *permissions: str) -> set[str]:
        params = {"projectKey": project, "permissions": ",".join(permissions)}
        answer = await self._jira.call("GET", "mypermissions", params=params)
        grants = _read(shapes.Grants, answer, "mypermissions").permissions
        return {name for name, grant in grants.items() if grant.have}

    async def _myself(self) -> None:
        try:
            await self._jira.call("GET", "myself")
        except JiraRefused as exc:
            if exc.status == 404:
                raise PermanentError(f"There is no Jira at {self._jira.url}: is JIRA_URL right?") from exc
            raise

    async def _issue_types(self, project: str) -> list[str]:
        path = f"issue/createmeta/{project}/issuetypes"
        answer = await self._jira.call("GET", path, params={"maxResults": "200"})
        return [one.name for one in _read(shapes.IssueTypes, answer, path).types if one.name]

    async def _known(self, ids: Sequence[str]) -> list[shapes.Issue]:
        """Return the issues of IDS that exist; a query that names a deleted one may be refused as a whole."""
        try:
            return await self._search(ids)
        except JiraRefused as exc:
            kept = [i for i in ids if f"'{i}'" not in str(exc)]
            if exc.status != 400 or len(kept) == len(ids):
                raise
            return await self._known(kept) if kept else []

    async def _search(self, ids: Sequence[str]) -> list[shapes.Issue]:
        query = {
            "jql": f"id in ({', '.join(ids)}) ORDER BY id ASC",
            "fields": ["status", "summary", "priority", "assignee", "updated"],
            "maxResults": BATCH,
            "reconcileIssues": [int(i) for i in ids if i.isdecimal()],
        }
        found: list[shapes.Issue] = []
        for _ in ids:  # a page has one issue at least
            page = _read(shapes.Page, await self._jira.call("POST", "search/jql", json=query), "a search")
            found += page.issues
            if page.next_page is None:
                break
            query["nextPageToken"] = page.next_page
        return found

    def _fact(self, issue: shapes.Issue, incident_id: int) -> TicketFact:
        fields = issue.fields
        return TicketFact(
            incident_id=incident_id,
            key=issue.key,
            url=self.browse_url(issue.key),
            status=fields.status.name,
            category=fields.status.category.ours,
            summary=fields.summary,
            priority=fields.priority.name if fields.priority else None,
            assignee=fields.assignee.display_name if fields.assignee else None,
        )


def _id(remote_id: RemoteId) -> str:
    return remote_id.partition(":")[0]


def _read(shape: type[M], answer: Any, what: str) -> M:
    try:
        return shape.model_validate(answer)
    except ValidationError as exc:
        raise PermanentError(f"Jira answered {what} in a shape that we don't know: {exc.errors()[0]['loc']}") from exc


def _without(body: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    kept = dict(body)
    for part in ("fields", "update"):
        if part in kept:
            kept[part] = {name: value for name, value in kept[part].items() if name not in names}
            if not kept[part]:
                del kept[part]
    return kept
