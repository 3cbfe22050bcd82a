"""The documentation says what the code does: every key, variable, command, address and fault, and its examples work."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin

import httpx
import pytest
import typer
import yaml
from prometheus_client import REGISTRY
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import bot.app.outside
import integrations.events
from bot.__main__ import app as command_line
from bot.config import ENVIRONMENT, Decisions, Environment, parse
from bot.domain.facts import Unmapped
from bot.ingest.http import routes
from bot.manifest import EVENTS, OPTIONAL_SCOPES, SCOPES
from bot.ports import Delivery
from bot.sandbox.box import Sandbox
from bot.sandbox.faults import NAMES as FAULTS
from bot.sandbox.people import routes as deeds
from bot.sandbox.server import running
from bot.sandbox.settings import Settings as SandboxSettings
from bot.slack.commands import DEFAULT_VERBS, VERBS

TOP = Path(__file__).parents[1]
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PAGES = [
    *sorted(TOP.glob("*.md")),
    *sorted((TOP / "docs").rglob("*.md")),
    *sorted((TOP / "integrations").glob("*/README.md")),
]
each_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(TOP)) for page in PAGES])

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FIRST = re.compile(r"^\| `([^|]+)` \|", re.MULTILINE)
ROW = re.compile(r"^\| `([^`]+)` \| (.*) \|$", re.MULTILINE)
SENT = re.compile(r"""(?:^post|(?:-d|--data\S*)) '((?:[^']|'"\$\w+"')*)'""", re.MULTILINE)
CURL = re.compile(r"""^curl -sS (?P<options>.*?)\$S(?P<path>/\S*)(?P<rest>.*)$""", re.MULTILINE)


def text(path: str) -> str:
    return (TOP / path).read_text(encoding="utf-8")


def blocks(page: str, *kinds: str) -> list[str]:
    """Return the code blocks of these kinds, without their indentation."""
    return [re.sub(f"(?m)^{m[1]}", "", m[3]) for m in FENCE.finditer(page) if m[2] in kinds]


def rows(page: str) -> dict[str, list[str]]:
    """Return the rows of the tables whose first cell is code: what it names -> the other cells."""
    return {m[1]: re.split(r" \| ", m[2]) for m in ROW.finditer(page)}


# -- configuration.md

CONFIGURATION = rows(text("docs/reference/configuration.md"))


INNER = {"metrics": "metric", "approvers": "stage"}
"""What the keys of a section inside another one are."""


def keys(section: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """Yield each key of the file with its default and, where it is one of a few words, these."""
    for name, field in section.model_fields.items():
        key, annotation, inside = f"{path}{name}", field.annotation, None
        for part in (annotation, *get_args(annotation)):
            if isinstance(part, type) and not get_origin(part) and issubclass(part, BaseModel):
                inside = part
        if inside is None or not isinstance(field.default, BaseModel | Mapping):
            words = next((get_args(a) for a in (annotation, *get_args(annotation)) if get_origin(a) is Literal), ())
            yield key, field.get_default(), words
        if inside is not None and get_origin(annotation) is dict:
            yield from keys(inside, f"{key}.<{INNER.get(name, 'name')}>.")
        elif inside is not None:
            yield from keys(inside, f"{key}.")


KEYS = list(keys(Decisions))
MUST = "must be there"


@pytest.mark.parametrize(("key", "default", "words"), KEYS, ids=[k for k, _, _ in KEYS])
def test_every_key_stands_with_its_default_and_its_words(key: str, default: Any, words: tuple[str, ...]) -> None:
    kind, shown, meaning = CONFIGURATION[key]

    assert meaning
    assert all(f"`{word}`" in kind for word in words)
    if shown == MUST:
        assert default is PydanticUndefined
    elif default is None:
        assert shown == "none"
    else:
        stated = yaml.safe_load(shown.strip("`"))
        assert stated == (list(default) if isinstance(default, tuple) else default)


def test_only_channels_of_a_digest_and_the_address_of_a_deployer_must_be_there() -> None:
    assert [key for key, cells in CONFIGURATION.items() if len(cells) == 3 and cells[1] == MUST] == [
        "deployers.<name>.url",
        "digests.<name>.channels",
    ]


def test_no_key_stands_that_there_is_not() -> None:
    shown = {key for key in CONFIGURATION if re.fullmatch(r"[a-z<>._]+", key)}
    sections = {"models.<name>.metrics", "models.<name>.approvers"}

    assert shown <= {key for key, _, _ in KEYS} | sections


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_every_variable_stands_with_its_default(name: str) -> None:
    field = Environment.model_fields.get(name.removeprefix("BELLWETHER_").lower())
    shown = CONFIGURATION[name][0]

    if field is None:
        assert (name, shown) == ("BELLWETHER_CONFIG", "`bellwether.yml`")
    else:
        assert shown == (f"`{field.default}`" if field.default else "not set")


# -- commands.md, http.md, scopes.md, use-the-sandbox.md


def test_every_verb_and_every_bare_alias_stands() -> None:
    page = text("docs/reference/commands.md")

    assert {verb for verb in VERBS if f"/model {verb}" not in page} == set()
    assert {alias for alias in DEFAULT_VERBS if f"or only `{alias}`" not in page} == set()


def shell_commands(group: Any, path: str = "bellwether") -> Iterator[tuple[str, set[str]]]:
    """Yield each subcommand with its options."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from shell_commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", {p.opts[0] for p in command.params if p.param_type_name == "option"} - {"--help"}


SHELL = list(shell_commands(typer.main.get_command(command_line)))


@pytest.mark.parametrize(("command", "options"), SHELL, ids=[c for c, _ in SHELL])
def test_every_shell_command_stands_with_its_options_and_exit_codes(command: str, options: set[str]) -> None:
    page = rows(text("docs/reference/commands.md"))
    shown = {usage: cells for usage, cells in page.items() if re.match(rf"{command}( [\[A-Z-]|$)", usage)}
    usages = " ".join(shown)

    assert shown
    assert {o for o in options if o not in usages and not (o == "--verbose" and "-v" in usages)} == set()
    assert all(re.match(r"0\b", cells[-1]) for cells in shown.values())


def test_every_address_of_the_bot_stands() -> None:
    endpoints: Any = SimpleNamespace(intake=None)
    there = {
        f"{'POST' if 'POST' in (route.methods or ()) else 'GET'} {route.path}"
        for route in routes(endpoints)
        if hasattr(route, "methods") and hasattr(route, "path")
    }

    assert {*rows(text("docs/reference/http.md"))} >= there | {"POST /slack/events"}


def test_every_metric_stands_and_no_other() -> None:
    shown = {name for name in rows(text("docs/reference/http.md")) if name.startswith("bellwether_")}
    found = [family for family in REGISTRY.collect() if family.name.startswith("bellwether_")]

    assert bot.app.outside  # it imports whatever measures
    assert shown == {f"{family.name}_total" if family.type == "counter" else family.name for family in found}


def test_every_scope_and_event_stands_with_its_reason() -> None:
    page = rows(text("docs/reference/scopes.md"))

    reasons = SCOPES | OPTIONAL_SCOPES
    assert {name: page[name][0] for name in reasons} == reasons
    assert {event for event in EVENTS if event not in page} == set()


def test_every_fault_and_every_deed_of_the_sandbox_stands() -> None:
    page = text("docs/how-to/use-the-sandbox.md")
    named = {name for first in FIRST.findall(page) for name in first.split("`, `")}
    there = {route.path.removeprefix("/_sandbox/") for route in deeds(Sandbox(SandboxSettings()))}

    assert named >= FAULTS | there | {"jira"}


def test_every_fault_has_a_stated_behaviour() -> None:
    page = text("docs/reference/outages.md")

    assert {fault for fault in FAULTS if f"`{fault}`" not in page} == set()


def test_every_line_of_doctor_that_outages_names_is_one_that_it_says() -> None:
    named = [line.rpartition(" | ")[2] for line in text("docs/reference/outages.md").splitlines() if line[:2] == "| "]
    lines = {words for cell in named for words in re.findall(r"`([a-z' ]+)`", cell)}
    said = "".join(file.read_text(encoding="utf-8") for file in (TOP / "bot" / "cli").glob("*.py"))

    assert {words for words in lines if f'"{words}"' not in said and f'"{words}' not in said} == set()
    assert len(lines) >= 12


# -- links and examples


def anchors(page: str) -> set[str]:
    """Return what the headings of a page can be linked by, as GitHub makes it."""
    titles = re.findall(r"(?m)^#+ (.+)$", FENCE.sub("", page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@each_page
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    found = LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    broken = []
    for target in (t for t in found if not re.match(r"https?:", t)):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)

    assert broken == []


@each_page
def test_what_is_shown_of_bellwether_yml_is_right(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "yaml"):
        content = yaml.safe_load(block)
        if isinstance(content, dict) and content.keys() & Decisions.model_fields.keys():
            parse(block)


def events_of(page: str) -> Iterator[str]:
    """Yield the bodies that a page sends to `/hooks/events`, and those it shows as JSON."""
    for block in blocks(page, "sh"):
        if re.search(r"^post '|/hooks/events", block, re.MULTILINE):
            yield from (re.sub(r"""'"\$(\w+)"'""", r"\1", body) for body in SENT.findall(block.replace("\\\n", "")))
    yield from (body for body in blocks(page, "json") if '"kind"' in body)


EVENTS_SHOWN = [(page, body) for page in PAGES for body in events_of(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("page", "body"), EVENTS_SHOWN, ids=[f"{p.relative_to(TOP)}-{n}" for n, (p, _) in enumerate(EVENTS_SHOWN)]
)
def test_an_event_that_is_shown_is_understood(page: Path, body: str) -> None:
    facts = integrations.events.SOURCE.normalize(Delivery("events", body.encode(), NOW, {}, {}))

    assert facts
    assert [fact.reason for fact in facts if isinstance(fact, Unmapped)] == []


def test_events_are_shown_where_people_look_for_them() -> None:
    assert {page.relative_to(TOP).as_posix() for page, _ in EVENTS_SHOWN} >= {
        "integrations/events/README.md",
        "docs/reference/http.md",
    }
    assert len(EVENTS_SHOWN) >= 10


@each_page
def test_json_that_is_shown_is_json(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "json"):
        json.loads(block)


async def test_each_curl_of_the_sandbox_page_is_answered(tmp_path: Path) -> None:
    page = text("docs/how-to/use-the-sandbox.md")
    (tmp_path / "hello.yml").write_text(blocks(page, "yaml")[0], encoding="utf-8")
    lines = [m for b in blocks(page, "sh") for m in CURL.finditer(b.replace("\\\n", ""))]
    answers: dict[str, int | str] = {}

    async with (
        running(SandboxSettings(port=0, manifest=tmp_path / "hello.yml")) as sandbox,
        httpx.AsyncClient(base_url=sandbox.address, trust_env=False) as client,
    ):
        for line in lines:
            try:
                answers[line[0]] = (await client.send(request(client, line))).status_code
            except httpx.RemoteProtocolError:
                answers[line[0]] = "cut off"

    assert len(lines) >= 12
    assert [line for line, status in answers.items() if status == "cut off"] == [
        line for line in answers if "chat.postMessage" in line
    ]
    assert {line for line, status in answers.items() if status not in (200, 201, "cut off")} == set()


def request(client: httpx.AsyncClient, line: re.Match[str]) -> httpx.Request:
    """Return the request that a line with curl makes."""
    options = f"{line['options']} {line['rest']}"
    body = SENT.search(options)
    form = dict(re.findall(r"-d (\w+)=(\w+)", options))
    headers = dict(re.findall(r"-H '([\w-]+): ([^']+)'", options))
    user = re.search(r"-u (\S+):(\S+)", options)
    verb = re.search(r"-X (\w+)", options)
    method = verb[1] if verb else "POST" if body or form else "GET"
    made = client.build_request(method, line["path"], content=body[1] if body else None, data=form, headers=headers)
    return next(httpx.BasicAuth(user[1], user[2]).auth_flow(made)) if user else made
