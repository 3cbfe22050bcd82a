"""`bellwether init`: the first bellwether.yml and .env, to be edited. Every key and variable shown has effect."""

import os
import secrets
import shlex
from pathlib import Path
from string import Template

from bot.domain.errors import ConfigError

CONFIGURATION = """\
# Decisions, for git; secrets stand in the environment. `bellwether check-config` checks this file.
# Every key has a default and may be left out. People and channels are names or ids.

# How people call the bot. After a change here: `bellwether manifest --open` makes the app with these commands.
slack: {command: /model, aliases: [/incident, /oncall]}

# Where tickets of incidents go; used when JIRA_URL is set.
jira: {project: ML, issue_type: Bug}

# Who may tell the bot something, each at POST /hooks/<name>. `secret_env` names the variable that holds its secret.
sources:
  alertmanager: {auth: {type: bearer, secret_env: ALERTMANAGER_TOKEN}}
  events: {auth: {type: bearer, secret_env: EVENTS_TOKEN}}

# The first event of a model creates it; this refines it. Put your models here. Invite the bot to their channels.
models:
  fraud-scorer: {owner: "@alice", channel: "#ml-fraud"}

# Regular reports. Try one with `bellwether digest preview weekly`.
digests:
  weekly: {channels: ["#ml-weekly"], at: "Mon 09:00", tz: Europe/Paris, audience: stakeholders}
"""

ENVIRONMENT = Template("""\
# Secrets: not for git. Load it with `set -a; . ./.env; set +a`, with EnvironmentFile= of systemd, or with
# `docker run --env-file`. Each variable may also be given as NAME_FILE, the path of a file that holds the value.

# Slack. `bellwether manifest --open` makes the app; then https://api.slack.com/apps, your app:
# Install App, "Bot User OAuth Token":
SLACK_BOT_TOKEN=
# Basic Information, App-Level Tokens, "Generate" with the scope connections:write (Socket Mode, no public address):
SLACK_APP_TOKEN=
# Only without Socket Mode, when Slack posts to https://<you>/slack/events: Basic Information, "Signing Secret":
#SLACK_SIGNING_SECRET=

# Sources of bellwether.yml: the bearer token that each has to send. Made up at random just now; any other will do.
ALERTMANAGER_TOKEN=$alertmanager
EVENTS_TOKEN=$events

# Jira Cloud, if you have it. The token: https://id.atlassian.com/manage-profile/security/api-tokens
#JIRA_URL=https://your-site.atlassian.net
#JIRA_EMAIL=
#JIRA_API_TOKEN=

# The defaults of what else there is:
#DATABASE_URL=sqlite:///bellwether.db
#BELLWETHER_LISTEN=127.0.0.1:8080
#BELLWETHER_CONFIG=bellwether.yml
""")

NEXT = """\
Next:
  bellwether manifest --open   makes the Slack app; then copy its two tokens into .env
  set -a; . ./.env; set +a     loads them
  bellwether doctor --online   checks everything
  bellwether run"""


def write(folder: Path) -> int:
    """Write both files into FOLDER; 1 when one of them was there before, which is left as it is."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ConfigError(f"{folder}: cannot be made a folder: {e.strerror}") from e
    environment = ENVIRONMENT.substitute(alertmanager=secrets.token_urlsafe(24), events=secrets.token_urlsafe(24))
    written = [
        _write_new(folder / "bellwether.yml", CONFIGURATION, 0o644),
        _write_new(folder / ".env", environment, 0o600),
    ]
    if any(written):
        print(NEXT if folder == Path() else NEXT.replace("\n", f"\n  cd {shlex.quote(str(folder))}\n", 1))
    return 0 if all(written) else 1


def _write_new(file: Path, content: str, mode: int) -> bool:
    """Write FILE unless there is one; returns whether it was written."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        print(f"{file} is there already; left as it is")
        return False
    except OSError as e:
        raise ConfigError(f"{file}: cannot be written: {e.strerror}") from e
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(content)
    print(f"{file} written")
    return True
