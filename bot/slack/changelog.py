"""Changes as lines, newest first, and what is not heard of: "nothing changed" is only said when everything is heard."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlmodel import Session

from bot.domain.facts import ChangeType, DeploymentStatus
from bot.domain.stages import PRODUCTION
from bot.slack import text
from bot.store.queries.changes import Relevant, kinds_known, rollouts_known
from bot.store.queries.directory import user_ids
from bot.store.queries.metrics import evaluation_types_known
from bot.store.queries.sources import Hearing
from bot.store.tables import Change, Decision

KINDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("config/rule/filter changes", frozenset({ChangeType.CONFIG, ChangeType.RULE, ChangeType.FILTER})),
    ("feature/data changes", frozenset({ChangeType.FEATURE, ChangeType.DATA})),
    ("metric/suite/SLO changes", frozenset({ChangeType.METRIC_DEFINITION, ChangeType.SUITE, ChangeType.SLO})),
    ("code/infrastructure changes", frozenset({ChangeType.CODE, ChangeType.INFRASTRUCTURE})),
    ("upstream models", frozenset({ChangeType.UPSTREAM_MODEL})),
)
"""What may change a model besides its versions; a kind that nobody ever told us of is not connected."""
DECIDED = {
    "promote": "✅ promotion of {version} to {stage} approved",
    "hold": "⏸ {version} to {stage} held",
    "reject": "⛔ {version} to {stage} rejected",
    "rollback": "↩️ roll-back to {version} in {stage} decided",
    "marked_bad": "⚠️ {version} marked bad",
    "marked_good": "✅ {version} marked good again",
}
VERBS = {
    DeploymentStatus.QUEUED: "waits to be deployed to",
    DeploymentStatus.IN_PROGRESS: "being deployed to",
    DeploymentStatus.PAUSED: "deployment paused, going to",
    DeploymentStatus.FAILED: "failed to deploy to",
    DeploymentStatus.CANCELLED: "deployment cancelled, was going to",
    DeploymentStatus.ROLLED_BACK: "deployed, later rolled back, in",
    DeploymentStatus.REMOVED: "removed from",
}


def lines(db: Session, found: Iterable[Relevant]) -> list[str]:
    """Return a line for each change, in the order given."""
    listed = list(found)
    ids = user_ids(db, {r.change.actor for r in listed})
    return [_line(r, ids) for r in listed]


def decisions(found: Iterable[Decision]) -> list[str]:
    """Return a line for each decision, in the order given."""
    return [
        text.join(
            text.date(one.at),
            DECIDED[one.kind].format(version=text.version(one.version), stage=text.line(one.stage or PRODUCTION, 40)),
            text.line(one.reason, 150),
            text.user(one.by),
        )
        for one in found
    ]


def connected(db: Session, model_ids: Collection[int], hearing: Hearing, *, by: datetime) -> tuple[str, bool]:
    """Return the line "Connected: ... Not connected: ...", and whether everything is heard.

    A kind counts as connected when it had been told of BY then, by a source that is not silent: rollouts and
    evaluations of these models, other changes of any.
    """
    known = _known(db, model_ids, by, ())
    told = _known(db, model_ids, by, [name for name, _ in hearing.silent]) if hearing.silent else known
    yes = [name for name, there in told.items() if there]
    no = [f"{name} (silent)" if known[name] else name for name, there in told.items() if not there]
    heard = [text.line(name, 60) for name in hearing.heard]
    silent = [f"{text.line(name, 60)} (silent since {text.date(at)})" for name, at in hearing.silent]
    never = [f"{text.line(name, 60)} (never heard)" for name in hearing.never]
    there = text.join(", ".join(heard), ", ".join(yes), by="; ") or "nothing"
    missing = text.join(", ".join([*silent, *never]), ", ".join(no), by="; ") or "none"
    return f"Connected: {there}. Not connected: {missing}.", hearing.whole and not no


def _known(db: Session, model_ids: Collection[int], by: datetime, silent: Collection[str]) -> dict[str, bool]:
    """Return of each kind of change whether it was told of, by a source that is not SILENT."""
    known = kinds_known(db, by, silent)
    evaluated = evaluation_types_known(db, model_ids, by, silent)
    return {
        "deployments": rollouts_known(db, model_ids, by, silent),
        **{name: bool(types & known) for name, types in KINDS},
        "live evaluations": bool(evaluated & {"live", "product"}),
    }


def nothing(window: str, *, whole: bool) -> str:
    """Return what is said when no change was found."""
    if whole:
        return f"Nothing changed {window}, and every source is heard."
    return f"No change is known {window}; not everything is heard, so there may have been one."


def _line(relevant: Relevant, ids: Mapping[str, str]) -> str:
    change = relevant.change
    owner = f"dependency {text.bold(relevant.of, 60)}" if relevant.of else ""
    everywhere = "any model" if change.model_id is None else ""
    what = _rollout(change) if change.change_type == ChangeType.MODEL else _other(change)
    who = text.mention(change.actor, ids)
    return text.join(text.date(change.occurred_at), owner, everywhere, text.link(change.url, what), who)


def _rollout(change: Change) -> str:
    verb = VERBS.get(DeploymentStatus(change.status or "succeeded"), "deployed to")
    stage = text.line(change.stage or PRODUCTION, 40)
    move = text.join(
        text.version(change.previous_version) if change.previous_version else "", text.version(change.version), by=" → "
    )
    share = change.traffic_percent
    traffic = f"at {share:g} %" if share is not None and share < 100 else ""
    back = "(roll-back)" if change.trigger == "rollback" else ""
    return text.join(f"model {move} {verb} {stage}", traffic, back, text.line(change.summary, 80), by=" ")


def _other(change: Change) -> str:
    values = text.join(text.code(change.before, 40), text.code(change.after, 40), by=" → ")
    ref = text.code(change.ref, 20)
    return text.join(f"{text.word(change.change_type)}:", text.line(change.summary, 150), values, ref, by=" ")
