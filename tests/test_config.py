from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from bot import integrations
from bot.config import Decisions, load, parse, parse_when
from bot.domain.errors import ConfigError
from bot.ports import Deployer

NAMES_ITS_MODEL = "an event with it names its model; match is for those that name none"
TOKENS = {"ALERTMANAGER_TOKEN": "a", "EVENTS_TOKEN": "e"}


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    return str(refused.value)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}"])
def test_every_key_has_a_default(text: str) -> None:
    assert parse(text) == Decisions()


def test_the_smallest_file_of_the_contract_works() -> None:
    decisions = parse("""
slack: {command: /model, aliases: [/incident, /oncall]}
jira: {project: ML, issue_type: Bug}
sources:
  alertmanager: {auth: {type: bearer, secret_env: ALERTMANAGER_TOKEN}}
  events: {auth: {type: bearer, secret_env: EVENTS_TOKEN}}
models:
  fraud-scorer: {owner: "@alice", channel: "#ml-fraud"}
digests:
  weekly: {channels: ["#ml-weekly"], at: "Mon 09:00", tz: Europe/Paris, audience: stakeholders}
""")

    assert decisions.slack.aliases == ("/incident", "/oncall")
    assert decisions.models["fraud-scorer"].channel == "#ml-fraud"
    assert decisions.digests["weekly"].tz == "Europe/Paris"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sorces: {}", "bellwether.yml:1:1: sorces: unknown key; did you mean `sources`?"),
        ("slack:\n  comand: /m", "bellwether.yml:2:3: slack.comand: unknown key; did you mean `command`?"),
        (
            "jira: {project: ML}\nsources:\n  events:\n    auth: {secret: x}",
            "bellwether.yml:4:12: sources.events.auth.secret: unknown key; did you mean `secret_env`?",
        ),
        (
            "models:\n  fraud:\n    metrics:\n      auc:\n        directon: higher",
            "bellwether.yml:5:9: models.fraud.metrics.auc.directon: unknown key; did you mean `direction`?",
        ),
        (
            "digests:\n  weekly: {channels: [a], time: x}",
            "bellwether.yml:2:27: digests.weekly.time: unknown key; ",
        ),
    ],
)
def test_an_unknown_key_is_named_with_its_place_and_the_nearest(text: str, said: str) -> None:
    assert refusal(text).startswith(said)


def test_an_unknown_key_like_no_other_names_them_all() -> None:
    assert refusal("slack: {zzzzzz: 1}").endswith("it may be one of: command, aliases, channel")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slack: {command: model}", "bellwether.yml:1:9: slack.command: "),
        ("slack:\n  aliases: [/ok, No]", "bellwether.yml:2:18: slack.aliases.1: "),
        ("sources: {Bad Name: {}}", "bellwether.yml:1:11: sources.Bad Name: "),
        ("sources:\n  events: {auth: {type: magic}}", "bellwether.yml:2:19: sources.events.auth.type: "),
        ("jira: {poll_seconds: 0}", "bellwether.yml:1:8: jira.poll_seconds: "),
        ("jira: {poll_seconds: .inf}", "bellwether.yml:1:8: jira.poll_seconds: "),
        ("retention: {deliveries_days: 1000000}", "bellwether.yml:1:13: retention.deliveries_days: "),
        ("models: {m: {lifecycle: old}}", "bellwether.yml:1:14: models.m.lifecycle: "),
        ("digests: {w: {at: '09:00'}}", "bellwether.yml:1:11: digests.w.channels: missing; this key has no default"),
        ("instance: Two Words", "bellwether.yml:1:1: instance: "),
        ("[slack]", "bellwether.yml:1: expected keys such as `slack:`"),
        ("slack: {command: /m", "bellwether.yml:1: not YAML: "),
        ("a: 1\nb: @alice", "bellwether.yml:2: not YAML: "),
        ("a: 2026-02-30", "bellwether.yml: not YAML: "),
        ("a: &a {b: *a}", "bellwether.yml: not YAML: "),
    ],
)
def test_a_wrong_value_is_named_with_its_place(text: str, said: str) -> None:
    assert refusal(text).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "models:\n  a:\n    deployer: cd",
            "3:5: models.a.deployer: there is no 'cd' under `deployers:`; add it there",
        ),
        (
            'models: {a: {approvers: {prod: {group: "@leads"}}}}',
            "1:33: models.a.approvers.prod.group: there is no group '@leads'; write `people: {\"@leads\": [...]}`",
        ),
        (
            "models: {a: {approvers: {prod: {channel: x}}}}",
            '1:26: models.a.approvers.prod: it names nobody; write `users: ["@dana"]`, or a `group`',
        ),
        (
            'models: {a: {stages: [canary, prod], approvers: {prd: {users: ["@dana"]}}}}',
            "1:50: models.a.approvers.prd: 'prd' is none of its `stages`: canary, prod",
        ),
        ("digests: {w: {channels: []}}", "1:15: digests.w.channels: it names no channel, so it would not be posted"),
        (
            'models: {a: {approvers: {prod: {group: "@leads"}}}}\npeople: {"@leads": []}',
            "2:10: people.@leads: it names nobody",
        ),
        ("deployers: {cd: {type: outgoing}}", "1:13: deployers.cd.url: missing; this key has no default"),
    ],
)
def test_a_name_that_stands_nowhere_else_is_told_with_its_place(text: str, said: str) -> None:
    assert refusal(text) == f"bellwether.yml:{said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slack: /model", "1:1: slack: should be a section, with keys under it; got '/model'"),
        ("models: [fraud]", "1:1: models: should be a section, with keys under it; got ['fraud']"),
        ("models: {m: {fallback: 41}}", "1:14: models.m.fallback: should be a text; write it in quotes; got 41"),
        ("models: {m: {depends_on: n}}", "1:14: models.m.depends_on: should be a list, such as [a, b]; got 'n'"),
        ("slack: {command: m}", "1:9: slack.command: should be a command: / and up to 31 of a-z 0-9 _ -; got 'm'"),
        ("instance: EU-1", "1:1: instance: should be up to 16 of a-z 0-9; got 'EU-1'"),
        (
            "sources: {Am: {}}",
            "1:11: sources.Am: should be a name: up to 64 of a-z 0-9 _ -, a letter or digit first; got 'Am'",
        ),
        ("jira: {poll_seconds: 0}", "1:8: jira.poll_seconds: should be greater than 0; got 0"),
        ("models: {m: {match: {model: x}}}", f"1:22: models.m.match.model: {NAMES_ITS_MODEL}; got 'model'"),
        ("admins: @dana", "1: not YAML: found character '@' that cannot start any token; write it in quotes"),
    ],
)
def test_what_is_wrong_is_said_in_words_of_the_file(text: str, said: str) -> None:
    assert refusal(text) == f"bellwether.yml:{said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models:\n  m:\n    channel: #ml-fraud", '3: `channel` has no value; leave it out, or write "#..." in quotes'),
        ("sources:\n  # none yet", '1: `sources` has no value; leave it out, or write "#..." in quotes'),
    ],
)
def test_a_key_without_a_value_is_refused(text: str, said: str) -> None:
    assert refusal(text) == f"bellwether.yml:{said}"


@pytest.mark.parametrize("stated", ["null", "~"])
def test_a_key_may_be_said_to_be_nothing(stated: str) -> None:
    assert parse(f"models: {{m: {{channel: {stated}}}}}").models["m"].channel is None


def test_several_mistakes_are_told_at_once() -> None:
    said = refusal("slack: {command: x}\njira: {projct: ML}")

    assert [line.split(": ")[0] for line in said.splitlines()] == ["bellwether.yml:1:9", "bellwether.yml:2:8"]


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Mon 09:00", ("mon", time(9))),
        ("friday 17:30", ("fri", time(17, 30))),
        ("09:00", (None, time(9))),
        (" sun  23:59 ", ("sun", time(23, 59))),
    ],
)
def test_a_time_is_a_weekday_and_a_clock(text: str, when: Any) -> None:
    assert parse_when(text) == when


@pytest.mark.parametrize(
    "text", ["", " ", "25:00", "1 09:00", "Mo 09:00", "Mon", "Mon Tue 09:00", "Lundi 09:00", "9 am", "* 09:00"]
)
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    said = refusal(f"digests: {{w: {{channels: [a], at: '{text}'}}}}")

    assert "write 'Mon 09:00' or '09:00'" in said


@pytest.mark.parametrize("zone", ["Europe/Pariss", "CEST+1", "../etc/passwd", "/etc/passwd", ""])
def test_what_is_no_time_zone_is_refused_with_an_example(zone: str) -> None:
    said = refusal(f"digests: {{w: {{channels: [a], tz: '{zone}'}}}}")

    assert f"no time zone {zone!r}; use an IANA name such as Europe/Paris" in said


def test_environment_wins_its_defaults(tmp_path: Path) -> None:
    environment = load({"BELLWETHER_LISTEN": "[::1]:9000", "SLACK_BOT_TOKEN": "xoxb-1"}).environment

    assert environment.host_port == ("::1", 9000)
    assert environment.slack_bot_token == "xoxb-1"
    assert environment.database_url == "sqlite:///bellwether.db"


@pytest.mark.parametrize("listen", ["8080", "localhost", ":8080", "localhost:http"])
def test_a_wrong_address_to_listen_on_is_refused(listen: str) -> None:
    with pytest.raises(ConfigError, match="is not HOST:PORT"):
        _ = load({"BELLWETHER_LISTEN": listen}).environment.host_port


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("xoxb-2\n")
    (tmp_path / "events").write_text("e\n")
    (tmp_path / "b.yml").write_text("sources: {events: {auth: {secret_env: EVENTS_TOKEN}}}")
    environ = {
        "BELLWETHER_CONFIG": str(tmp_path / "b.yml"),
        "SLACK_BOT_TOKEN_FILE": str(tmp_path / "token"),
        "EVENTS_TOKEN_FILE": str(tmp_path / "events"),
    }

    environment = load(environ).environment

    assert environment.slack_bot_token == "xoxb-2"
    assert environment.secrets == {"EVENTS_TOKEN": "e"}


def test_the_variable_itself_wins_over_its_file(tmp_path: Path) -> None:
    environment = load({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_BOT_TOKEN_FILE": "/nowhere"}).environment

    assert environment.slack_bot_token == "xoxb-1"


def test_a_secret_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigError, match="SLACK_APP_TOKEN_FILE=/nowhere: cannot be read"):
        load({"SLACK_APP_TOKEN_FILE": "/nowhere"})


def test_a_secret_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xfex")

    with pytest.raises(ConfigError, match=r"SLACK_APP_TOKEN_FILE=.*token: cannot be read"):
        load({"SLACK_APP_TOKEN_FILE": str(tmp_path / "token")})


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "JIRA_URL", "DATABASE_URL"])
def test_an_empty_variable_is_not_set(name: str) -> None:
    assert load({name: ""}).environment == load({}).environment


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text("sources: {events: {auth: {secret_env: EVENTS_TOKEN}}}")

    settings = load({"BELLWETHER_CONFIG": str(tmp_path / "b.yml"), "EVENTS_TOKEN": "hush"})

    assert settings.environment.secrets == {"EVENTS_TOKEN": "hush"}
    assert "hush" not in repr(settings)


def test_a_named_file_has_to_exist_and_the_default_one_need_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert load({}).decisions == Decisions()
    with pytest.raises(ConfigError, match=r"other\.yml: no such file; write one with `bellwether init`"):
        load({"BELLWETHER_CONFIG": "other.yml"})


def test_an_argument_wins_over_the_environment(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text("instance: two")

    settings = load({"BELLWETHER_CONFIG": "/nowhere"}, path=tmp_path / "b.yml")

    assert (settings.decisions.instance, settings.path) == ("two", tmp_path / "b.yml")


def sources(tmp_path: Path, text: str, **environ: str) -> dict[str, Any]:
    (tmp_path / "b.yml").write_text(text)
    return integrations.inlets(load({"BELLWETHER_CONFIG": str(tmp_path / "b.yml"), **environ}))


def test_two_sources_may_be_of_one_type(tmp_path: Path) -> None:
    text = "sources: {eu: {type: alertmanager}, us: {type: alertmanager}, events: {}}"

    inlets = sources(tmp_path, text)

    assert list(inlets) == ["eu", "us", "events"]
    assert inlets["eu"].source is inlets["us"].source


@pytest.mark.parametrize("listen", ["127.0.0.1:8080", "[::1]:8080", "localhost:8080"])
def test_a_source_may_be_open_on_loopback(tmp_path: Path, listen: str) -> None:
    assert sources(tmp_path, "sources: {events: {}}", BELLWETHER_LISTEN=listen)["events"].auth.kind == "none"


@pytest.mark.parametrize("text", ["sources: {events: {}}", "sources: {events: {auth: {type: none}}}"])
@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "10.0.0.5:80"])
def test_an_open_source_is_refused_elsewhere(tmp_path: Path, text: str, listen: str) -> None:
    with pytest.raises(ConfigError, match=r"sources\.events: has no authentication, and the bot listens on"):
        sources(tmp_path, text, BELLWETHER_LISTEN=listen)


def test_authentication_has_to_name_its_secret(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sources\.events\.auth: names no secret; add `secret_env:"):
        sources(tmp_path, "sources: {events: {auth: {type: hmac}}}")


def test_an_integration_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sources\.x\.type: there is no integration 'grafanna'"):
        sources(tmp_path, "sources: {x: {type: grafanna}}")


def test_half_of_a_ticket_system_is_refused() -> None:
    with pytest.raises(ConfigError, match="JIRA_URL is set, but JIRA_API_TOKEN is not"):
        integrations.tickets(load({"JIRA_URL": "https://x.atlassian.net", "JIRA_EMAIL": "a@example.com"}))


def deployers(tmp_path: Path, text: str, **environ: str) -> dict[str, Deployer]:
    file = tmp_path / "bellwether.yml"
    file.write_text(text)
    return integrations.deployers(load(environ, path=file), lambda: datetime(2026, 11, 23, tzinfo=UTC))


async def test_a_deployer_is_made_with_its_secret(tmp_path: Path) -> None:
    text = "deployers: {cd: {type: outgoing, url: https://cd.example.com/hook, secret_env: CD}}"

    made = deployers(tmp_path, text, CD="whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")

    assert await made["cd"].check() is None
    await made["cd"].close()


def test_a_deployer_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"deployers\.spinnaker\.type: there is no integration 'spinnaker'"):
        deployers(tmp_path, "deployers: {spinnaker: {url: https://cd.example.com}}")
