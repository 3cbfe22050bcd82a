from pathlib import Path

import pytest
import yaml

from bot.cli.first_files import CONFIGURATION
from bot.config import ENVIRONMENT, load, parse
from tests.cli.conftest import Bellwether

SMALLEST = """
slack: {command: /model, aliases: [/incident, /oncall]}
jira: {project: ML, issue_type: Bug}
sources:
  alertmanager: {auth: {type: bearer, secret_env: ALERTMANAGER_TOKEN}}
  events: {auth: {type: bearer, secret_env: EVENTS_TOKEN}}
models:
  fraud-scorer: {owner: "@alice", channel: "#ml-fraud"}
digests:
  weekly: {channels: ["#ml-weekly"], at: "Mon 09:00", tz: Europe/Paris, audience: stakeholders}
"""
"""The contract's example, design section 10."""


def variables(file: Path) -> dict[str, str]:
    lines = [line.removeprefix("#") for line in file.read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if line.partition("=")[0].replace("_", "").isupper())


def test_what_init_writes_is_what_the_contract_shows() -> None:
    assert parse(CONFIGURATION) == parse(SMALLEST)
    assert yaml.safe_load(CONFIGURATION) == yaml.safe_load(SMALLEST)


def test_init_writes_both_files_and_says_what_comes_next(bellwether: Bellwether, here: Path) -> None:
    ran = bellwether("init")

    assert ran.code == 0
    assert ran.out.startswith("bellwether.yml written\n.env written\nNext:\n")
    assert (here / ".env").stat().st_mode & 0o777 == 0o600


def test_every_variable_shown_is_one_that_the_bot_reads(bellwether: Bellwether, here: Path) -> None:
    bellwether("init")

    shown = variables(here / ".env")

    assert shown.keys() <= {*ENVIRONMENT, "ALERTMANAGER_TOKEN", "EVENTS_TOKEN"}
    assert shown.keys() >= {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "JIRA_URL", "EVENTS_TOKEN", "DATABASE_URL"}


def test_the_sources_work_with_the_tokens_made_up(bellwether: Bellwether, here: Path) -> None:
    bellwether("init")

    secrets = load(variables(here / ".env")).environment.secrets

    assert secrets.keys() == {"ALERTMANAGER_TOKEN", "EVENTS_TOKEN"}
    assert len({secret for secret in secrets.values() if len(secret) >= 30}) == 2


def test_init_makes_the_folder(bellwether: Bellwether, here: Path) -> None:
    ran = bellwether("init", "deploy/bot")

    assert ran.code == 0
    assert "Next:\n  cd deploy/bot\n  bellwether manifest" in ran.out
    assert (here / "deploy/bot/bellwether.yml").exists()


@pytest.mark.parametrize("name", ["bellwether.yml", ".env"])
def test_init_leaves_an_existing_file_as_it_is(bellwether: Bellwether, here: Path, name: str) -> None:
    (here / name).write_text("mine")

    ran = bellwether("init")

    assert ran.code == 1
    assert f"{name} is there already; left as it is" in ran.out
    assert (here / name).read_text() == "mine"
    assert (here / "bellwether.yml").exists()
    assert (here / ".env").exists()


def test_init_into_a_file_is_2(bellwether: Bellwether, here: Path) -> None:
    (here / "taken").write_text("")

    ran = bellwether("init", "taken")

    assert ran.code == 2
    assert "taken: cannot be made a folder" in ran.err
