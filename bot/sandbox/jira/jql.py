"""The part of JQL that tools use: clauses joined by AND, and ORDER BY.

`field = x`, `!=`, `in (a, b)`, `not in (...)`, `is EMPTY`, `is not EMPTY`, `~ text`, and `>=`, `<=`, `>`,
`<` for times (`-30m`, "2026-11-23 08:00").
https://support.atlassian.com/jira-software-cloud/docs/jql-fields/
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.sandbox.jira.refusal import Refusal

TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>!=|>=|<=|!~|[=~<>(),])|(?P<word>[^\s=!~<>(),"']+))"""
)
UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60}
Fields = dict[str, Any]
Read = Callable[[dict[str, Any], Fields], list[str]]


def _name(fields: Fields, name: str, *keys: str) -> list[str]:
    value = fields.get(name)
    return [str(value[key]) for key in keys if key in value] if isinstance(value, dict) else []


READ: dict[str, Read] = {
    "project": lambda issue, fields: _name(fields, "project", "key", "id", "name"),
    "key": lambda issue, fields: [issue["key"], issue["id"]],
    "labels": lambda issue, fields: list(fields["labels"]),
    "status": lambda issue, fields: _name(fields, "status", "name", "id"),
    "statuscategory": lambda issue, fields: _name(fields, "statusCategory", "name", "key"),
    "issuetype": lambda issue, fields: _name(fields, "issuetype", "name", "id"),
    "priority": lambda issue, fields: _name(fields, "priority", "name", "id"),
    "assignee": lambda issue, fields: _name(fields, "assignee", "accountId", "displayName", "emailAddress"),
    "reporter": lambda issue, fields: _name(fields, "reporter", "accountId", "displayName", "emailAddress"),
    "resolution": lambda issue, fields: _name(fields, "resolution", "name", "id") or ["Unresolved"],
    "summary": lambda issue, fields: [fields["summary"]],
    "created": lambda issue, fields: [fields["created"]],
    "updated": lambda issue, fields: [fields["updated"]],
}
SAME = {"issue": "key", "issuekey": "key", "id": "key", "type": "issuetype", "text": "summary"}
TIMES = frozenset({"created", "updated"})


@dataclass(frozen=True)
class Clause:
    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Query:
    """`order` is (field, descending)."""

    clauses: tuple[Clause, ...]
    order: tuple[tuple[str, bool], ...]

    def matches(self, issue: dict[str, Any], fields: Fields, now: datetime) -> bool:
        return all(_holds(clause, issue, fields, now) for clause in self.clauses)


def parse(text: str) -> Query:
    """Raises Refusal 400, worded as Jira words it."""
    head, *tail = re.split(r"(?i)\border\s+by\b", text, maxsplit=1)
    tokens = _tokens(head)
    clauses = []
    while tokens:
        clauses.append(_clause(tokens))
        if tokens:
            joiner = tokens.pop(0)
            if joiner.upper() != "AND":
                raise _wrong(f"Expecting operator before the end of the query but got '{joiner}'.")
            if not tokens:
                raise _wrong("Expecting a field name before the end of the query.")
    if not clauses:
        raise Refusal(400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
    return Query(tuple(clauses), _order(tail[0]) if tail else ())


def sort_key(order_field: str) -> Callable[[tuple[dict[str, Any], Fields]], Any]:
    """Return the key to sort (issue, fields) pairs by."""

    def key(pair: tuple[dict[str, Any], Fields]) -> Any:
        issue, fields = pair
        first = "" if order_field == "key" else (READ[order_field](issue, fields) or [""])[0]
        return first, int(issue["id"])

    return key


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            raise _wrong(f"The character '{text[at:].strip()[0]}' is a reserved JQL character.")
        at = match.end()
        string = match["string"]
        tokens.append('"' + re.sub(r"\\(.)", r"\1", string[1:-1]) if string else match["sign"] or match["word"])
    return tokens


def _clause(tokens: list[str]) -> Clause:
    field = _field(tokens.pop(0))
    if not tokens:
        raise _wrong("Expecting operator before the end of the query.")
    operator = tokens.pop(0).lower()
    if operator in ("is", "not") and tokens and tokens[0].lower() in ("not", "in"):
        operator += " " + tokens.pop(0).lower()
    if operator not in ("=", "!=", "~", "!~", ">=", "<=", ">", "<", "in", "not in", "is", "is not"):
        raise _wrong(f"Expecting operator but got '{operator}'.")
    if not tokens:
        raise _wrong("Expecting either a value, list or function before the end of the query.")
    if operator not in ("in", "not in"):
        return Clause(field, operator, (tokens.pop(0).removeprefix('"'),))
    if tokens.pop(0) != "(":
        raise _wrong("Expecting a list after 'in'.")
    values = []
    while tokens and tokens[0] != ")":
        token = tokens.pop(0)
        if token != ",":  # noqa: S105 - a token of the language
            values.append(token.removeprefix('"'))
    if not tokens or not values:
        raise _wrong("Expecting ')' before the end of the query.")
    tokens.pop(0)
    return Clause(field, operator, tuple(values))


def _field(word: str) -> str:
    name = word.removeprefix('"').lower()
    name = SAME.get(name, name)
    if name not in READ:
        raise Refusal(400, f"Field '{word}' does not exist or you do not have permission to view it.")
    return name


def _order(text: str) -> tuple[tuple[str, bool], ...]:
    found = []
    for part in text.split(","):
        field, _, direction = part.strip().partition(" ")
        found.append((_field(field), direction.strip().lower() == "desc"))
    return tuple(found)


def _holds(clause: Clause, issue: dict[str, Any], fields: Fields, now: datetime) -> bool:
    there = [value.lower() for value in READ[clause.field](issue, fields)]
    wanted = [value.lower() for value in clause.values]
    match clause.operator:
        case "=" | "in":
            return any(value in there for value in wanted) or (wanted == ["empty"] and not there)
        case "!=" | "not in":
            return bool(there) and not any(value in there for value in wanted)
        case "is":
            return not there
        case "is not":
            return bool(there)
        case "~":
            return any(value.strip("*") in text for value in wanted for text in there)
        case "!~":
            return not any(value.strip("*") in text for value in wanted for text in there)
        case _:
            return _compares(clause, READ[clause.field](issue, fields), now)


def _compares(clause: Clause, there: list[str], now: datetime) -> bool:
    if clause.field not in TIMES:
        raise _wrong(f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.")
    at, limit = datetime.fromisoformat(there[0]), _time(clause.values[0], now)
    return {">=": at >= limit, "<=": at <= limit, ">": at > limit, "<": at < limit}[clause.operator]


def _time(text: str, now: datetime) -> datetime:
    relative = re.fullmatch(r"(-?\d+)([wdhm])", text)
    if relative:
        return now + timedelta(seconds=int(relative[1]) * UNITS[relative[2]])
    for form in ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise Refusal(400, f"Date value '{text}' for field is invalid. Valid formats include: 'yyyy/MM/dd HH:mm'.")


def _wrong(why: str) -> Refusal:
    return Refusal(400, f"Error in the JQL Query: {why}")
