"""The warning that a version is marked bad: who said so, when, and why."""

from collections.abc import Iterable, Mapping

from bot.slack import text
from bot.store.tables import Decision


def warnings(bad: Mapping[tuple[int, str], Decision], model_id: int, versions: Iterable[str | None]) -> list[str]:
    """Return a line for each of these versions that is BAD, as `bad_versions` found it."""
    said = (bad[model_id, v] for v in dict.fromkeys(versions) if v is not None and (model_id, v) in bad)
    return [
        text.join(f"⚠️ {text.version(d.version)} is marked bad: {text.line(d.reason)}", text.user(d.by), text.date(d.at))
        for d in said
    ]
