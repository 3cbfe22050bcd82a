"""`bellwether manifest`: the Slack app's manifest, the page that makes the app of it, or what another one lacks."""

import webbrowser
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from bot.config import load
from bot.domain.errors import ConfigError
from bot.manifest import OPTIONAL_SCOPES, SCOPES, address, as_yaml, manifest

SETTINGS = {
    "settings.socket_mode_enabled": "Socket Mode",
    "settings.interactivity.is_enabled": "interactivity",
    "features.app_home.home_tab_enabled": "the Home tab",
}
"""Switches without which a feature is silently dead."""


def show(*, open_page: bool, diff: Path | None) -> int:
    """Print the manifest for this configuration, or open the page, or compare; 1 when the compared one differs."""
    ours = manifest(load().decisions.slack)
    if diff is not None:
        return _compare(ours, diff)
    if open_page:
        url = address(ours)
        print(url)
        if not webbrowser.open(url):
            print("No browser could be opened here: open this address yourself, and choose the workspace.")
        return 0
    print(as_yaml(ours), end="")
    return 0


def _compare(ours: Mapping[str, Any], file: Path) -> int:
    differences = list(_differences(_read(file), ours))
    for line in differences:
        print(line)
    if differences:
        print(f"{file} differs: put `bellwether manifest` under App Manifest of the app's page, and reinstall.")
        return 1
    print(f"{file}: same scopes, commands and events.")
    return 0


def _read(file: Path) -> Mapping[str, Any]:
    """Return a manifest from FILE, YAML or JSON as Slack exports it."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(f"{file}: cannot be read: {e.strerror}") from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{file}: cannot be read: {e}") from e
    except yaml.YAMLError as e:
        raise ConfigError(f"{file}: neither YAML nor JSON: {e}") from e
    if not isinstance(content, dict) or ("features" not in content and "oauth_config" not in content):
        raise ConfigError(f"{file}: is not the manifest of a Slack app, which has `features:` and `oauth_config:`")
    return content


def _differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    yield from _listed("scope", _scopes(theirs), _scopes(ours), SCOPES | OPTIONAL_SCOPES)
    yield from _listed("command", _commands(theirs), _commands(ours), {})
    yield from _listed("event", _events(theirs), _events(ours), {})
    for path, words in SETTINGS.items():
        if bool(_at(theirs, path)) != bool(_at(ours, path)):
            yield f"setting {path}: {words} should be {'on' if _at(ours, path) else 'off'}"


def _listed(what: str, theirs: Iterable[str], ours: Iterable[str], reasons: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(set(ours) - set(theirs)):
        yield f"{what} {name}: missing there" + (f"; it is to {reasons[name]}" if name in reasons else "")
    for name in sorted(set(theirs) - set(ours)):
        yield f"{what} {name}: only there; Bellwether does not use it"


def _scopes(content: Mapping[str, Any]) -> list[str]:
    return [*(_at(content, "oauth_config.scopes.bot") or ()), *(_at(content, "oauth_config.scopes.bot_optional") or ())]


def _commands(content: Mapping[str, Any]) -> list[str]:
    return [str(one.get("command")) for one in _at(content, "features.slash_commands") or () if isinstance(one, dict)]


def _events(content: Mapping[str, Any]) -> list[str]:
    return list(_at(content, "settings.event_subscriptions.bot_events") or ())


def _at(content: Any, path: str) -> Any:
    """Return what stands at the dotted PATH, None where there is nothing."""
    for part in path.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content
