"""What we read of Jira's answers; the rest of them is ignored.

Reference: https://developer.atlassian.com/cloud/jira/platform/rest/v3/.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from bot.domain.facts import StatusCategory

CATEGORIES: Mapping[str, StatusCategory] = {
    "new": StatusCategory.TODO,
    "indeterminate": StatusCategory.IN_PROGRESS,
    "done": StatusCategory.DONE,
}
"""Jira's status category keys. Any other (there is `undefined`) counts as TODO: it closes nothing."""


class Category(BaseModel):
    """The category of a status: the one thing that every workflow has."""

    key: str = "undefined"

    @property
    def ours(self) -> StatusCategory:
        """Our word for it."""
        return CATEGORIES.get(self.key, StatusCategory.TODO)


class Status(BaseModel):
    """A status of a workflow; its name is the team's own."""

    name: str
    category: Category = Field(default_factory=Category, alias="statusCategory")


class Named(BaseModel):
    """A priority, a resolution, an issue type."""

    name: str | None = None


class Person(BaseModel):
    """Whoever a ticket is assigned to."""

    display_name: str | None = Field(None, alias="displayName")


class Created(BaseModel):
    """The answer to a create."""

    id: str
    key: str


class Fields(BaseModel):
    """The fields that we ask for; a field hidden by configuration is absent."""

    status: Status
    summary: str = ""
    description: dict[str, Any] | None = None
    labels: list[str] = Field(default_factory=list)
    priority: Named | None = None
    assignee: Person | None = None


class Issue(Created):
    """An issue as GET and search return it."""

    fields: Fields
    properties: dict[str, Any] = Field(default_factory=dict)


class IssueRef(Created):
    """An issue of which only the names matter, and whose it is."""

    properties: dict[str, Any] = Field(default_factory=dict)

    @property
    def number(self) -> int:
        """What stands behind the project in its key."""
        return int(self.key.rpartition("-")[2])


class Found(BaseModel):
    """One page of a search for names, or what a bulk fetch found."""

    issues: list[IssueRef] = Field(default_factory=list)


class Page(BaseModel):
    """One page of a search; there is no total, the last page has no token."""

    issues: list[Issue] = Field(default_factory=list)
    next_page: str | None = Field(None, alias="nextPageToken")


class ScreenField(BaseModel):
    """A field on a transition's screen."""

    required: bool = False
    has_default: bool = Field(False, alias="hasDefaultValue")
    allowed: list[Named] = Field(default_factory=list, alias="allowedValues")


class Transition(BaseModel):
    """A way out of the current status. Ids and names differ in every workflow: choose by where it leads."""

    id: str
    to: Status
    fields: dict[str, ScreenField] = Field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The fields that its screen insists on and that have no default."""
        return [name for name, field in self.fields.items() if field.required and not field.has_default]


class Transitions(BaseModel):
    """The ways out that our account may take."""

    transitions: list[Transition] = Field(default_factory=list)


class Grant(BaseModel):
    """Whether our account has a permission."""

    have: bool = Field(False, alias="havePermission")


class Grants(BaseModel):
    """The answer of `mypermissions`."""

    permissions: dict[str, Grant] = Field(default_factory=dict)


class Wrote(BaseModel):
    """What we last wrote ourselves, so that a person's edit can be told from ours."""

    summary: str = ""
    blocks: int = 0
    digest: str = ""


class Stamp(BaseModel):
    """The issue property of a ticket that we made."""

    nonce: str = ""
    key: str = ""
    wrote: Wrote | None = None


class IssueTypes(BaseModel):
    """What may be created in a project."""

    types: list[Named] = Field(default_factory=list, alias="issueTypes")


class Property(BaseModel):
    """The answer of the property endpoint; anybody may have written the value."""

    value: Any = None
