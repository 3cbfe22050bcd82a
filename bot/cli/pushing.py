"""`bellwether push-eval`: an evaluation from a CSV file of predictions, with the counts that a verdict needs."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from bot.cli.posting import Door, door, post, taken
from bot.config import Settings
from bot.domain.errors import UserError
from bot.domain.evaluations import judge
from bot.domain.facts import EvaluationType, MetricFact
from bot.domain.measurements import Measured, paired_baseline
from bot.domain.metrics import direction_of
from bot.domain.names import nearest
from bot.domain.predictions import Row, metric_of
from bot.ingest.authenticate import Auth

PAIRS = ("baseline_only", "candidate_only")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What stands where in the file."""

    label: str
    prediction: str
    baseline: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the evaluation is of."""

    model: str
    version: str
    metrics: Sequence[str]
    positive: str
    stated: dict[str, str | None]
    """Further fields of the event, such as `suite`; None = not stated."""


def push(file: Path, columns: Columns, wanted: Wanted, into: Door | None) -> int:
    """Count the metrics of FILE and post them; without INTO, print the event. Raises UserError for a bad file or type.

    Returns 1 when the bot is away or did not take it.
    """
    if (kind := wanted.stated["evaluation_type"]) not in [*EvaluationType]:
        raise UserError(f"--type: {kind!r} is no kind of evaluation; it may be {', '.join(EvaluationType)}")
    rows, labelled, metrics = _counted(file, columns, wanted)
    event = _event(wanted, metrics, rows, labelled)
    if into is None:
        print(json.dumps(event, indent=2))
        return 0
    for metric in metrics:
        print(_words(metric))
    answer = post(into, event)
    if answer is None or not taken(into, answer):
        return 1
    known = bool(answer.json().get("duplicate"))
    print(f"✓ {wanted.model} {wanted.version}: {'known already, nothing added' if known else 'recorded'} at {into.url}")
    return 0


def way_in(settings: Settings, url: str | None, token: str | None) -> Door:
    """Return where to post: the address given with its token, else the bot that this configuration is of."""
    if url is None:
        return door(settings)
    address = url if "/hooks/" in url else f"{url.rstrip('/')}/hooks/events"
    auth = Auth("bearer" if token else "none", token, "authorization")
    return Door(address, auth, address.rpartition("/")[2], "set BELLWETHER_TOKEN to the bot's")


def _counted(file: Path, columns: Columns, wanted: Wanted) -> tuple[list[Row], int, list[MetricFact]]:
    """Return the rows of FILE, how many have a label, and their metrics; raises UserError with file and line."""
    try:
        rows = list(_rows(file, columns))
        labelled = [row for row in rows if row.label]
        return rows, len(labelled), [metric_of(name, labelled, positive=wanted.positive) for name in wanted.metrics]
    except OSError as e:
        raise UserError(f"{file}: cannot be read: {e.strerror}") from e
    except (UnicodeDecodeError, csv.Error) as e:
        raise UserError(f"{file}: cannot be read as CSV in UTF-8: {e}") from e
    except UserError as e:
        raise UserError(f"{file}: {e}") from e


def _rows(file: Path, columns: Columns) -> Iterator[Row]:
    """Yield the rows of FILE, also those without a label."""
    with file.open(newline="", encoding="utf-8-sig") as text:
        reader = csv.DictReader(text, strict=True)
        _check(reader.fieldnames or (), columns)
        for cells in reader:
            yield _row(reader.line_num, cells, columns)


def _check(names: Sequence[str], columns: Columns) -> None:
    if not names:
        raise UserError("it is empty; the first line should name the columns")
    for column in filter(None, (columns.label, columns.prediction, columns.baseline)):
        if column not in names:
            close = nearest(column, names, limit=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there is {', '.join(map(repr, names[:12]))}"
            raise UserError(f"no column {column!r}; {hint}")


def _row(line: int, cells: dict[str, Any], columns: Columns) -> Row:
    def cell(name: str) -> str:
        value = cells[name]
        if value is None:
            raise UserError(f"line {line}: fewer cells than columns")
        return str(value).strip()

    found = Row(
        line,
        cell(columns.label),
        cell(columns.prediction),
        None if columns.baseline is None else cell(columns.baseline),
    )
    if not found.prediction or found.baseline == "":
        missing = columns.baseline if found.prediction else columns.prediction
        raise UserError(f"line {line}: no prediction in {missing!r}")
    return found


def _event(wanted: Wanted, metrics: Sequence[MetricFact], rows: Sequence[Row], labelled: int) -> dict[str, Any]:
    """Return the event; the labels name the data set where nobody did, so that only equal rows are compared."""
    digest = sha256("\n".join(row.label for row in rows).encode()).hexdigest()[:12]
    event: dict[str, Any] = {
        "kind": "evaluation",
        "model": wanted.model,
        "version": wanted.version,
        "dataset_version": f"labels-{digest}",
        **{name: value for name, value in wanted.stated.items() if value},
        "metrics": [_metric(metric) for metric in metrics],
    }
    if labelled < len(rows):
        event["labelled_fraction"] = labelled / len(rows)
    key = sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()
    return event | {"dedup_key": f"push-eval/{key[:32]}"}


def _metric(metric: MetricFact) -> dict[str, Any]:
    stated = {name: value for name, value in asdict(metric).items() if value is not None}
    pairs = {name: stated.pop(name) for name in PAIRS if name in stated}
    kept = {name: value for name, value in stated.items() if name not in ("unit", "slice")}
    return kept | ({"paired": pairs} if pairs else {})


def _words(metric: MetricFact) -> str:
    """Return the metric with the verdict that its pairs allow; how the bot judges it, which may know more."""
    pairs = (metric.baseline_only, metric.candidate_only)
    measured = Measured(
        name=metric.name,
        value=metric.value,
        n=metric.n,
        successes=metric.successes,
        discordant=None if pairs[0] is None or pairs[1] is None else (pairs[0], pairs[1]),
    )
    way = direction_of(metric.name)
    base = paired_baseline(measured, way)
    judgement = judge(measured, base, direction=way)
    if base is None:
        return f"{metric.name} {judgement.facts}"
    only = f"{pairs[0]} rows only the baseline has right, {pairs[1]} only this version"
    return f"{metric.name} {judgement.words} (p {judgement.p:.4f}; {only})"
