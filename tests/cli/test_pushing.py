"""`bellwether push-eval` as a pipeline calls it: what it counts, what it sends, and what it says of a bad file."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.config import load
from bot.store.database import Database
from bot.store.queries.judging import judged
from bot.store.queries.metrics import values_of_version
from bot.store.tables import Evaluation, Model
from tests.cli.conftest import Bellwether, Serving

OF_V3 = ("--model", "churn-scorer", "--version", "3")
PAIRED = ("--baseline-column", "v1", "--baseline-version", "1")


def predictions(path: Path, *, both: int = 594, only_base: int = 56, only_new: int = 31, neither: int = 119) -> Path:
    """Write version 3 of the demo beside version 1: 625 and 650 of 800 right."""
    cells = [("1", "1", "1")] * both + [("1", "0", "1")] * only_base
    cells += [("1", "1", "0")] * only_new + [("0", "1", "1")] * neither
    path.write_text("label,prediction,v1\n" + "".join(",".join(row) + "\n" for row in cells), encoding="utf-8")
    return path


def printed(bellwether: Bellwether, *arguments: object) -> Any:
    ran = bellwether("push-eval", *arguments, "--dry-run")
    assert ran.code == 0
    return json.loads(ran.out)


def test_v3_is_counted_sent_and_judged(
    bellwether: Bellwether,
    intake: Serving,
    here: Path,
    database: Database,
) -> None:
    file = predictions(here / "v3.csv")

    with intake():
        ran = bellwether("push-eval", file, *OF_V3, *PAIRED)
        again = bellwether("push-eval", file, *OF_V3, *PAIRED)

    assert ran.code == again.code == 0
    assert "accuracy 0.781 (n 800), down 0.031 [-0.054, -0.009]: regressed (p 0.0097; 56 rows only" in ran.out
    assert "✓ churn-scorer 3: recorded at http://127.0.0.1:" in ran.out
    assert "known already, nothing added" in again.out

    def kept(db: Session) -> tuple[str, str | None]:
        model = db.exec(select(Model)).one()
        evaluation = db.exec(select(Evaluation)).one()
        (reading,) = values_of_version(db, model.id or 0, "3")
        return judged(model, reading, []).words, evaluation.baseline_version

    words, baseline = database.submit(kept).result()
    assert (words, baseline) == ("0.781 (n 800), down 0.031 [-0.054, -0.009]: regressed", "1")


def test_true_is_one(bellwether: Bellwether, here: Path) -> None:
    (here / "bools.csv").write_text("label,prediction\nTrue,1\nFalse,1\ntrue,1.0\n")

    (metric,) = printed(bellwether, "bools.csv", *OF_V3)["metrics"]

    assert (metric["successes"], metric["n"]) == (2, 3)


def test_without_a_baseline_column_there_are_no_pairs(bellwether: Bellwether, here: Path) -> None:
    event = printed(bellwether, predictions(here / "v3.csv"), *OF_V3)

    assert event["metrics"] == [{"name": "accuracy", "value": 0.78125, "n": 800, "successes": 625}]
    assert event["evaluation_type"] == "offline"


def test_equal_labels_are_one_data_set_and_others_another(bellwether: Bellwether, here: Path) -> None:
    one = printed(bellwether, predictions(here / "a.csv"), *OF_V3)
    other = printed(bellwether, predictions(here / "b.csv", only_base=50, both=600), *OF_V3)
    longer = printed(bellwether, predictions(here / "c.csv", neither=120), *OF_V3)

    assert one["dataset_version"] == other["dataset_version"] != longer["dataset_version"]
    assert one["dedup_key"] != other["dedup_key"]


def test_rows_without_a_label_are_counted_as_missing(bellwether: Bellwether, here: Path) -> None:
    (here / "live.csv").write_text("label,prediction\n1,1\n0,1\n,1\n,0\n")

    event = printed(bellwether, "live.csv", *OF_V3, "--type", "live")

    assert event["labelled_fraction"] == 0.5
    assert event["metrics"][0]["n"] == 2


def test_several_metrics_each_have_their_own_counts(bellwether: Bellwether, here: Path) -> None:
    (here / "p.csv").write_text("y,said,old\nspam,spam,ham\nspam,ham,ham\nham,spam,ham\nham,ham,ham\nspam,spam,spam\n")
    named = ("--label-column", "y", "--prediction-column", "said", "--baseline-column", "old", "--positive", "spam")

    event = printed(
        bellwether, "p.csv", *OF_V3, *named, "--metric", "recall", "--metric", "precision", "--metric", "error_rate"
    )

    recall, precision, errors = event["metrics"]
    assert (recall["n"], recall["successes"]) == (3, 2)
    assert recall["paired"] == {"baseline_only": 0, "candidate_only": 1}
    assert (precision["n"], precision["successes"], "paired" in precision) == (3, 2, False)
    assert (errors["value"], errors["paired"]) == (0.4, {"baseline_only": 1, "candidate_only": 1})


def test_auc_and_mean_error_carry_what_their_interval_needs(bellwether: Bellwether, here: Path) -> None:
    (here / "s.csv").write_text("label,prediction\n1,0.9\n1,0.4\n0,0.4\n0,0.1\n")

    auc, mae = printed(bellwether, "s.csv", *OF_V3, "--metric", "auc", "--metric", "mae")["metrics"]

    assert auc == {"name": "auc", "value": 0.875, "n": 4, "positives": 2, "negatives": 2}
    assert mae["value"] == pytest.approx(0.3)
    assert mae["sd"] == pytest.approx(0.2449, abs=1e-4)


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (None, (), "bad.csv: cannot be read: No such file or directory"),
        ("", (), "it is empty; the first line should name the columns"),
        ("label,predicton\n1,1\n", (), "no column 'prediction'; did you mean 'predicton'?"),
        ("a,b\n1,1\n", (), "no column 'label'; there is 'a', 'b'"),
        ("label,prediction\n1,1\n1\n", (), "line 3: fewer cells than columns"),
        ("label,prediction\n1,1\n1,\n", (), "line 3: no prediction in 'prediction'"),
        ("label,prediction\n", (), "bad.csv: there is no labelled row"),
        ("label,prediction\n,1\n", (), "there is no labelled row"),
        ("label,prediction\n1,1\n", ("--metric", "f1"), "'f1' cannot be counted here; there is accuracy"),
        ("label,prediction\n1,high\n0,0.1\n", ("--metric", "auc"), "bad.csv: line 2: 'high' is not a number"),
        ("label,prediction\n1,nan\n0,0.1\n", ("--metric", "auc"), "line 2: 'nan' is not a number"),
        ("label,prediction\nyes,0.4\n", ("--metric", "auc"), "an AUC needs both classes; 0 of 1 labels are '1'"),
        ("label,prediction\nyes,no\n", ("--metric", "recall"), "no label is '1'"),
        ("label,prediction\nyes,no\n", ("--metric", "precision"), "no prediction is '1'"),
        ('label,prediction\n"1,1\n', (), "cannot be read as CSV"),
        (
            "label,prediction\nham,0\nspam,1\n",
            (),
            "no prediction is any of the 2 labels, such as '0' for the label 'ham'",
        ),
    ],
)
def test_a_bad_file_is_2_and_says_where(
    bellwether: Bellwether, here: Path, content: str | None, options: tuple[str, ...], said: str
) -> None:
    if content is not None:
        (here / "bad.csv").write_text(content)

    ran = bellwether("push-eval", "bad.csv", *OF_V3, *options, "--dry-run")

    assert ran.code == 2
    assert said in ran.err


def test_a_type_that_there_is_not_is_2_and_nothing_is_sent(bellwether: Bellwether, configured: Path) -> None:
    ran = bellwether("push-eval", predictions(configured / "v3.csv"), *OF_V3, "--type", "prod")

    assert (ran.code, ran.out) == (2, "")
    assert "--type: 'prod' is no kind of evaluation; it may be offline, shadow, live, product" in ran.err


def test_a_file_in_another_encoding_is_2(bellwether: Bellwether, here: Path) -> None:
    (here / "bad.csv").write_bytes("label,prediction\nñ,ñ\n".encode("latin-1"))

    assert bellwether("push-eval", "bad.csv", *OF_V3, "--dry-run").code == 2


def test_an_address_and_a_token_need_no_configuration(
    bellwether: Bellwether,
    intake: Serving,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
) -> None:
    file = predictions(here / "v3.csv")
    with intake():
        host, port = load().environment.host_port
        (here / "bellwether.yml").unlink()
        monkeypatch.setenv("BELLWETHER_TOKEN", "right")
        good = bellwether("push-eval", file, *OF_V3, "--url", f"http://{host}:{port}/hooks/intake")
        bad = bellwether("push-eval", file, *OF_V3, "--url", f"http://{host}:{port}/hooks/intake", "--token", "wrong")

    assert (good.code, bad.code) == (0, 1)
    assert "another secret for sources.intake than this shell; set BELLWETHER_TOKEN to the bot's" in bad.out


def test_a_bot_that_is_away_is_1(bellwether: Bellwether, configured: Path) -> None:
    ran = bellwether("push-eval", predictions(configured / "v3.csv"), *OF_V3)

    assert ran.code == 1
    assert "the bot does not answer at http://127.0.0.1:" in ran.out
