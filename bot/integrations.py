"""Loads integrations by the name that the configuration gives: the configuration is the registry."""

from importlib import import_module
from typing import Any

from bot.config import AuthSection, Environment, Settings, SourceSection
from bot.domain.errors import ConfigError
from bot.ingest.authenticate import Auth
from bot.ingest.receive import Inlet
from bot.ports import Deployer, DeployerOptions, Now, Source, TicketOptions, TicketSystem

HEADERS = {"bearer": "authorization", "basic": "authorization", "hmac": "x-hub-signature-256", "none": ""}


def inlets(settings: Settings) -> dict[str, Inlet]:
    """Return the configured sources by name; raises ConfigError for one that can't be loaded or is left open."""
    found = {}
    for name, section in settings.decisions.sources.items():
        source = _source(name, section)
        found[name] = Inlet(name, source, _auth(name, section, source, settings.environment))
    return found


def tickets(settings: Settings) -> TicketSystem | None:
    """Return the ticket system, None when the environment names none; raises ConfigError when it names half of one."""
    environment, section = settings.environment, settings.decisions.jira
    if not environment.jira_url:
        return None
    missing = [n for n in ("JIRA_EMAIL", "JIRA_API_TOKEN") if not getattr(environment, n.lower())]
    if missing:
        raise ConfigError(f"JIRA_URL is set, but {' and '.join(missing)} is not; set it, or unset JIRA_URL")
    make = _load(section.type, "TICKETS", "jira.type")
    options = TicketOptions(
        url=environment.jira_url.rstrip("/"),
        user=environment.jira_email or "",
        token=environment.jira_api_token or "",
        project=section.project,
        issue_type=section.issue_type,
    )
    system: TicketSystem = make(options)
    return system


def deployers(settings: Settings, now: Now) -> dict[str, Deployer]:
    """Return the configured deployers by name; raises ConfigError for one that can't be loaded or is set up wrong."""
    made: dict[str, Deployer] = {}
    for name, section in settings.decisions.deployers.items():
        make = _load(section.type or name, "DEPLOYER", f"deployers.{name}.type")
        secret = settings.environment.secrets.get(section.secret_env or "")
        made[name] = make(DeployerOptions(name, section.url.rstrip("/"), secret, section.options), now)
    return made


def _source(name: str, section: SourceSection) -> Source:
    loaded = _load(section.type or name, "SOURCE", f"sources.{name}.type")
    if not isinstance(loaded, Source):
        raise ConfigError(f"sources.{name}: SOURCE of its package is not a bot.ports.Source")
    return loaded


def _load(kind: str, attribute: str, key: str) -> Any:
    """Return ATTRIBUTE of the package KIND: one of ours by its plain name, anybody's by a dotted one."""
    path = kind if "." in kind else f"integrations.{kind}"
    try:
        return getattr(import_module(path), attribute)
    except ModuleNotFoundError as e:
        if e.name is None or not path.startswith(e.name):
            raise
        raise ConfigError(f"{key}: there is no integration {kind!r}; looked for the package {path}") from e
    except AttributeError as e:
        raise ConfigError(f"{key}: the package {path} has no {attribute}") from e


def _auth(name: str, section: SourceSection, source: Source, environment: Environment) -> Auth:
    auth = section.auth or AuthSection(type="none")
    if auth.type == "none" and not _listens_on_loopback(environment):
        raise ConfigError(
            f"sources.{name}: has no authentication, and the bot listens on {environment.listen}; "
            f"add `auth: {{type: bearer, secret_env: {name.upper().replace('-', '_')}_TOKEN}}`, or listen on 127.0.0.1"
        )
    if auth.type != "none" and not auth.secret_env:
        raise ConfigError(f"sources.{name}.auth: names no secret; add `secret_env: NAME_OF_AN_ENVIRONMENT_VARIABLE`")
    secret = environment.secrets.get(auth.secret_env or "")
    signed = source.signed if auth.type == "hmac" and auth.header is None else None
    return Auth(auth.type, secret, (auth.header or HEADERS[auth.type]).lower(), auth.user, auth.prefix, signed)


def _listens_on_loopback(environment: Environment) -> bool:
    return environment.host_port[0] in ("127.0.0.1", "::1", "localhost")
