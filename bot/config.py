"""Settings: one frozen value from bellwether.yml and the environment; passed as arguments, never imported.

Secrets come from the environment (each also as NAME_FILE), decisions from YAML. An unknown key, a wrong type or a bad
time is a ConfigError that names file, line, key and the nearest right name.
"""

import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.domain.errors import ConfigError
from bot.domain.links import LABEL, PATTERN
from bot.domain.metrics import parse_threshold
from bot.domain.names import MODEL_LABELS, clean_stage, duration_of, nearest

COMMAND = r"^/[a-z0-9_-]{1,31}$"
SOURCE = r"^[a-z0-9][a-z0-9_-]{0,63}$"
NAME = r"^[a-z0-9][a-z0-9_-]{0,31}$"
INSTANCE = r"^[a-z0-9]{1,16}$"
PATTERNS = {
    COMMAND: "a command: / and up to 31 of a-z 0-9 _ -",
    SOURCE: "a name: up to 64 of a-z 0-9 _ -, a letter or digit first",
    NAME: "a name: up to 32 of a-z 0-9 _ -, a letter or digit first",
    INSTANCE: "up to 16 of a-z 0-9",
}
SECTION = "should be a section, with keys under it"
TYPES = {
    "string_type": "should be a text; write it in quotes",
    "tuple_type": "should be a list, such as [a, b]",
    "dict_type": SECTION,
    "model_type": SECTION,
}
"""What is wrong, in the words of the file instead of Python's."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

ENVIRONMENT = (
    "BELLWETHER_CONFIG",
    "BELLWETHER_CLOCK",
    "BELLWETHER_LISTEN",
    "DATABASE_URL",
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_API_URL",
    "JIRA_URL",
    "JIRA_EMAIL",
    "JIRA_API_TOKEN",
)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as e:
        raise ValueError(f"no time zone {name!r}; use an IANA name such as Europe/Paris") from e
    return name


def _when(text: object) -> str:
    if not isinstance(text, str):  # YAML reads 10:00 as the number 600
        raise ValueError("a time must be quoted: write at: '10:00' or 'Mon 09:00'")
    parse_when(text)
    return text


def _duration(text: str) -> str:
    if duration_of(text) is None:
        raise ValueError("a duration such as 7d, 12h or 1d12h")
    return text


def _label(text: str) -> str:
    if not LABEL(text):
        raise ValueError("the name of a label, such as service or app.kubernetes.io/name")
    if text in MODEL_LABELS:
        raise ValueError("an event with it names its model; match is for those that name none")
    return text


def _pattern(text: str) -> str:
    if text.startswith(PATTERN):
        try:
            re.compile(text)
        except re.error as e:
            raise ValueError(f"with ^ in front it is a regular expression, and {e}") from e
    return text


def _objective(text: str) -> str:
    parse_threshold(text)
    return text


def parse_when(text: str) -> tuple[str | None, time]:
    """Return weekday (`mon`..`sun`, None = every day) and local time of `Mon 09:00` or `09:00`.

    Raises ValueError. Numbers for weekdays are refused: crontab and APScheduler count them differently.
    """
    *day, clock = text.split() or [""]
    try:
        at = datetime.strptime(clock, "%H:%M").time()  # noqa: DTZ007 - a wall-clock time has no zone yet
    except ValueError as e:
        raise ValueError(f"{text!r} is not a time; write 'Mon 09:00' or '09:00'") from e
    if not day:
        return None, at
    if len(day) > 1 or day[0][:3].lower() not in WEEKDAYS:
        raise ValueError(f"{text!r} is not a time; write 'Mon 09:00' or '09:00'")
    return day[0][:3].lower(), at


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SlackSection(_Section):
    """`slack:` how people call the bot, and where it speaks when a model has no channel of its own."""

    command: Annotated[str, Field(pattern=COMMAND)] = "/model"
    aliases: tuple[Annotated[str, Field(pattern=COMMAND)], ...] = ("/incident", "/oncall")
    channel: str = "#general"


class JiraSection(_Section):
    """`jira:` where tickets go; credentials are in the environment."""

    type: str = "jira"
    project: str = "ML"
    issue_type: str = "Bug"
    poll_seconds: Annotated[float, Field(gt=0, le=86_400)] = 30


class AuthSection(_Section):
    """`auth:` of a source: how a delivery proves where it comes from."""

    type: Literal["bearer", "basic", "hmac", "none"] = "bearer"
    header: str | None = None
    secret_env: str | None = None
    user: str | None = None
    """For basic: the user name; None accepts any."""
    prefix: str = "sha256="
    """For hmac: what stands before the hex digest."""


class SourceSection(_Section):
    """One of `sources:`; the key is its name and its address, `/hooks/<name>`."""

    type: str | None = None
    auth: AuthSection | None = None


class DeployerSection(_Section):
    """One of `deployers:`; the key is its name."""

    type: str | None = None
    url: str
    secret_env: str | None = None
    options: dict[str, Any] = {}
    """What only its package understands."""


class ApproverSection(_Section):
    """One of a model's `approvers:`; the key is the stage to which nothing goes without them."""

    users: tuple[str, ...] = ()
    group: str | None = None
    """One of `people:`."""
    not_author: bool = True
    channel: str | None = None
    expires: Annotated[str, AfterValidator(_duration)] = "24h"
    rollback: bool = False
    """Going back needs them, too."""


class MetricSection(_Section):
    """One of a model's `metrics:`."""

    title: str | None = None
    direction: Literal["higher", "lower", "target", "none"] | None = None
    role: Literal["primary", "guardrail", "diagnostic"] | None = None
    family: Literal["model", "product", "data", "system", "cost"] | None = None
    unit: str | None = None
    slo: Annotated[str, AfterValidator(_objective)] | None = None
    gate: Annotated[str, AfterValidator(_objective)] | None = None
    """What a version has to keep to be promoted; None = the slo."""
    margin: float = 0.0


class ModelSection(_Section):
    """One of `models:`; refines what events say of a model, never gates it."""

    owner: str | None = None
    channel: str | None = None
    on_call: str | None = None
    lifecycle: Literal["experimental", "production", "deprecated", "retired"] = "production"
    stages: tuple[str, ...] = ()
    """In the order in which versions pass them: the last one is where users are. Empty = production."""
    fallback: str | None = None
    depends_on: tuple[str, ...] = ()
    aliases: dict[str, str] = {}
    """Registry alias -> the stage that serves what it points to."""
    match: dict[
        Annotated[str, AfterValidator(_label)], Annotated[str, Field(min_length=1), AfterValidator(_pattern)]
    ] = {}
    """Labels of events that name no model, all of which together mean this one."""
    metrics: dict[str, MetricSection] = {}
    label_lag: Annotated[str, AfterValidator(_duration)] | None = None
    evaluate_every: Annotated[str, AfterValidator(_duration)] | None = None
    retrain_every: Annotated[str, AfterValidator(_duration)] | None = None
    approvers: dict[str, ApproverSection] = {}
    """Stage -> who decides what goes there."""
    deployer: str | None = None
    """One of `deployers:`; None = the only one."""
    deploy_url: str | None = None
    """What people open or type where no deployer does it; {model}, {version}, {stage} are filled in."""
    deploy_within: Annotated[str, AfterValidator(_duration)] = "30m"


class DigestSection(_Section):
    """One of `digests:`."""

    channels: tuple[str, ...]
    at: Annotated[str, BeforeValidator(_when)] = "Mon 09:00"
    tz: Annotated[str, AfterValidator(_zone)] = "UTC"
    audience: Literal["stakeholders", "engineers"] = "stakeholders"
    models: tuple[str, ...] = ()
    """Empty = every model."""


class RetentionSection(_Section):
    """`retention:` how long what came in is kept as it came."""

    deliveries_days: Annotated[int, Field(ge=2, le=36_500)] = 30
    """At least 26 hours in whole days: so long the ids of Slack's events must be known; at most a hundred years."""


class Decisions(_Section):
    """The whole of bellwether.yml."""

    slack: SlackSection = SlackSection()
    jira: JiraSection = JiraSection()
    sources: dict[Annotated[str, Field(pattern=SOURCE)], SourceSection] = {}
    models: dict[str, ModelSection] = {}
    digests: dict[Annotated[str, Field(pattern=NAME)], DigestSection] = {}
    retention: RetentionSection = RetentionSection()
    deployers: dict[Annotated[str, Field(pattern=NAME)], DeployerSection] = {}
    people: dict[str, tuple[str, ...]] = {}
    """Names for several people, such as `"@ml-leads"`."""
    admins: tuple[str, ...] = ()
    instance: Annotated[str, Field(pattern=INSTANCE)] = "main"
    """Distinguishes two bots that share one Jira project: part of every ticket label."""


class Environment(BaseModel):
    """What the environment says: addresses and secrets."""

    model_config = ConfigDict(frozen=True)

    database_url: str = "sqlite:///bellwether.db"
    clock: str | None = None
    listen: str = "127.0.0.1:8080"
    slack_bot_token: str | None = None
    slack_app_token: str | None = None
    slack_signing_secret: str | None = None
    slack_api_url: str = "https://slack.com/api/"
    jira_url: str | None = None
    jira_email: str | None = None
    jira_api_token: str | None = None
    secrets: Mapping[str, str] = Field(default_factory=dict, repr=False)
    """The secrets that `secret_env` of a source or deployer names, as far as they are set."""

    @property
    def host_port(self) -> tuple[str, int]:
        """Where to listen; raises ConfigError for nonsense."""
        host, _, port = self.listen.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError(f"BELLWETHER_LISTEN={self.listen!r} is not HOST:PORT, for example 127.0.0.1:8080")
        return host.strip("[]"), int(port)


class Settings(BaseModel):
    """Everything that was decided outside the program."""

    model_config = ConfigDict(frozen=True)

    decisions: Decisions = Decisions()
    environment: Environment = Environment()
    path: Path | None = None


def load(environ: Mapping[str, str] = os.environ, *, path: Path | None = None) -> Settings:
    """Read the configuration file and ENVIRON; raises ConfigError.

    `path` wins over BELLWETHER_CONFIG; the default file bellwether.yml may be missing, a named one may not.
    """
    named = path or (Path(environ["BELLWETHER_CONFIG"]) if environ.get("BELLWETHER_CONFIG") else None)
    file = named or Path("bellwether.yml")
    if file.exists():
        decisions = parse(_text(file), name=str(file))
    elif named:
        raise ConfigError(f"{file}: no such file; write one with `bellwether init`, or unset BELLWETHER_CONFIG")
    else:
        decisions = Decisions()
    return Settings(decisions=decisions, environment=_environment(environ, decisions), path=file)


def parse(text: str, *, name: str = "bellwether.yml") -> Decisions:
    """Return the decisions in TEXT; raises ConfigError with `name:line:` for the first thing that is wrong."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
        twice = _named_twice(node)
    except yaml.MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 1
        hint = "; write it in quotes" if "'@'" in (e.problem or "") else ""
        raise ConfigError(f"{name}:{line}: not YAML: {e.problem}{hint}") from e
    except (yaml.YAMLError, ValueError, RecursionError) as e:  # the 30th of February, a section that holds itself
        raise ConfigError(f"{name}: not YAML: {e}") from e
    if twice is not None:
        line, key = twice
        raise ConfigError(f"{name}:{line}: `{key}` stands twice; only one of them would count")
    if (empty := _without_value(node)) is not None:
        line, key = empty
        raise ConfigError(f'{name}:{line}: `{key}` has no value; leave it out, or write "#..." in quotes')
    if content is None:
        return Decisions()
    if not isinstance(content, dict):
        raise ConfigError(f"{name}:1: expected keys such as `slack:` and `sources:`")
    try:
        decisions = Decisions.model_validate(content)
    except ValidationError as e:
        raise ConfigError("\n".join(_explain(error, node, name) for error in e.errors()[:5])) from e
    for path, wrong in _dangling(decisions):
        line, column = _position(node, path)
        raise ConfigError(f"{name}:{line}:{column}: {'.'.join(path)}: {wrong}")
    return decisions


def _dangling(decisions: Decisions) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield where something names what stands nowhere else in the file, or nothing at all, and what to do."""
    for name, digest in decisions.digests.items():
        if not digest.channels:
            yield ("digests", name, "channels"), "it names no channel, so it would not be posted"
    for name, model in decisions.models.items():
        if model.deployer is not None and model.deployer not in decisions.deployers:
            yield ("models", name, "deployer"), f"there is no {model.deployer!r} under `deployers:`; add it there"
        known = {clean_stage(stage) for stage in model.stages}
        for stage, section in model.approvers.items():
            path = ("models", name, "approvers", stage)
            if known and clean_stage(stage) not in known:
                yield path, f"{stage!r} is none of its `stages`: {', '.join(model.stages)}"
            if section.group is not None and section.group not in decisions.people:
                yield (
                    (*path, "group"),
                    f'there is no group {section.group!r}; write `people: {{"{section.group}": [...]}}`',
                )
            if section.group is not None and decisions.people.get(section.group) == ():
                yield ("people", section.group), "it names nobody"
            if section.group is None and not section.users:
                yield path, 'it names nobody; write `users: ["@dana"]`, or a `group`'


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{file}: cannot be read as text: {e}") from e


def _named_twice(node: yaml.Node | None) -> tuple[int, str] | None:
    """Return line and name of the first key that stands twice in one section: YAML would let the last one win."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                return key.start_mark.line + 1, str(key.value)
            seen.add(key.value)
            if (inside := _named_twice(value)) is not None:
                return inside
    return None


def _without_value(node: yaml.Node | None) -> tuple[int, str] | None:
    """Return line and name of the first key after which nothing stands: YAML takes `#ml-fraud` for a comment.

    Its default would hold, and nobody would notice.
    """
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(value, yaml.ScalarNode) and value.style is None and not value.value:
                return key.start_mark.line + 1, str(key.value)
            if (inside := _without_value(value)) is not None:
                return inside
    return None


def _explain(error: Any, node: yaml.Node | None, name: str) -> str:
    path = tuple(str(part) for part in error["loc"] if part != "[key]")
    line, column = _position(node, path)
    key = ".".join(path)
    where = f"{name}:{line}:{column}: {key}"
    match error["type"]:
        case "extra_forbidden":
            known = _known_keys(path[:-1])
            close = nearest(path[-1], known, limit=1)
            hint = f"did you mean `{close[0]}`?" if close else f"it may be one of: {', '.join(known)}"
            return f"{where}: unknown key; {hint}"
        case "missing":
            return f"{where}: missing; this key has no default"
        case "string_pattern_mismatch":
            return f"{where}: should be {PATTERNS[error['ctx']['pattern']]}; got {error['input']!r}"
        case kind:
            said = TYPES.get(kind) or error["msg"].removeprefix("Value error, ").removeprefix("Input ")
            return f"{where}: {said}; got {error['input']!r}"


def _known_keys(path: tuple[str, ...]) -> list[str]:
    """Return the keys that may stand at PATH of the file."""
    section: type[BaseModel] = Decisions
    rest = list(path)
    while rest:
        inner = section.model_fields.get(rest.pop(0))
        if inner is None:
            return []
        found = [t for t in (inner.annotation, *_arguments(inner.annotation)) if isinstance(t, type)]
        sections = [t for t in found if issubclass(t, BaseModel)]
        if not sections:
            return []
        section = sections[-1]
        if rest and section not in (inner.annotation,) and "dict" in str(inner.annotation):
            rest.pop(0)  # the name of a source, model, stage, metric or digest
    return list(section.model_fields)


def _arguments(annotation: Any) -> list[Any]:
    inner = list(getattr(annotation, "__args__", ()))
    return inner + [t for a in inner for t in _arguments(a)]


def _position(node: yaml.Node | None, path: tuple[str, ...]) -> tuple[int, int]:
    """Return line and column, from 1, of the deepest node on PATH."""
    mark = node.start_mark if node else None
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == part), None)
            if pair is None:
                break
            mark, node = pair[0].start_mark, pair[1]
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            mark = node.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _environment(environ: Mapping[str, str], decisions: Decisions) -> Environment:
    def value(name: str) -> str | None:
        if stated := environ.get(name, "").strip():
            return stated
        if file := environ.get(f"{name}_FILE"):
            try:
                return Path(file).read_text(encoding="utf-8").strip() or None
            except OSError as e:
                raise ConfigError(f"{name}_FILE={file}: cannot be read ({e.strerror})") from e
            except UnicodeDecodeError as e:
                raise ConfigError(f"{name}_FILE={file}: cannot be read as text") from e
        return None

    named = {name.removeprefix("BELLWETHER_").lower(): value(name) for name in ENVIRONMENT}
    secret_names = {s.auth.secret_env for s in decisions.sources.values() if s.auth and s.auth.secret_env}
    secret_names |= {d.secret_env for d in decisions.deployers.values() if d.secret_env}
    secrets = {name: found for name in secret_names if (found := value(name))}
    known = {k: v for k, v in named.items() if k in Environment.model_fields and v is not None}
    return Environment(**known, secrets=secrets)
