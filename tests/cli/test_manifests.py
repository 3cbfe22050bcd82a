import json
import webbrowser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

import bot
from bot.sandbox.manifest import load
from tests.cli.conftest import Bellwether

TOP = Path(bot.__file__).parents[1] / "manifest.yml"


def change(here: Path, edit: Any) -> Path:
    content = yaml.safe_load(TOP.read_text())
    edit(content)
    file = here / "theirs.json"
    file.write_text(json.dumps({"display_information": {}, **content}))
    return file


def test_the_file_at_the_top_is_the_default_manifest(bellwether: Bellwether) -> None:
    ran = bellwether("manifest", "--yaml")

    assert (ran.code, ran.out) == (0, TOP.read_text())


def test_the_packaged_copy_is_the_same() -> None:
    packaged = Path(bot.__file__).with_name("manifest.yml")

    assert packaged.read_text() == TOP.read_text()


def test_commands_come_from_the_configuration(bellwether: Bellwether, here: Path) -> None:
    (here / "bellwether.yml").write_text("slack: {command: /ml, aliases: []}")

    printed = yaml.safe_load(bellwether("manifest").out)

    assert [c["command"] for c in printed["features"]["slash_commands"]] == ["/ml"]


def test_open_prints_the_address_that_it_opens(bellwether: Bellwether, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)

    ran = bellwether("manifest", "--open")

    assert (ran.code, ran.out) == (0, opened[0] + "\n")
    page = urlsplit(opened[0])
    assert (page.hostname, parse_qs(page.query)["new_app"]) == ("api.slack.com", ["1"])
    assert json.loads(parse_qs(page.query)["manifest_json"][0]) == yaml.safe_load(TOP.read_text())


def test_open_without_a_browser_says_what_to_do(bellwether: Bellwether, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _url: False)

    ran = bellwether("manifest", "--open")

    assert ran.code == 0
    assert "open this address yourself" in ran.out


def test_the_sandbox_reads_what_we_print(bellwether: Bellwether, here: Path) -> None:
    (here / "printed.yml").write_text(bellwether("manifest").out)

    assert "chat:write" in load(here / "printed.yml").scopes


def test_diff_of_the_same_manifest_is_0(bellwether: Bellwether) -> None:
    ran = bellwether("manifest", "--diff", TOP)

    assert (ran.code, ran.out) == (0, f"{TOP}: same scopes, commands and events.\n")


def test_diff_names_what_is_missing_and_what_is_too_much(bellwether: Bellwether, here: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        content["oauth_config"]["scopes"]["bot"].remove("users:read")
        content["oauth_config"]["scopes"]["bot"].append("files:write")
        content["features"]["slash_commands"].pop(1)
        content["settings"]["event_subscriptions"]["bot_events"] = ["app_mention"]
        content["settings"]["socket_mode_enabled"] = False

    file = change(here, edit)

    ran = bellwether("manifest", "--diff", file)

    assert ran.code == 1
    assert ran.out.splitlines()[:-1] == [
        "scope users:read: missing there; it is to show people by name",
        "scope files:write: only there; Bellwether does not use it",
        "command /incident: missing there",
        "event app_home_opened: missing there",
        "event member_joined_channel: missing there",
        "setting settings.socket_mode_enabled: Socket Mode should be on",
    ]


@pytest.mark.parametrize("content", ["{", "[1]", "slack: {}", None])
def test_diff_with_something_else_is_2(bellwether: Bellwether, here: Path, content: str | None) -> None:
    if content is not None:
        (here / "theirs.yml").write_text(content)

    ran = bellwether("manifest", "--diff", "theirs.yml")

    assert ran.code == 2
    assert "theirs.yml: " in ran.err
    assert "Errno" not in ran.err
