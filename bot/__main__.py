"""The command line. Imports stand inside the functions here, and only here: `--help` must answer at once."""

import gc
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
db = typer.Typer(no_args_is_help=True, help="The database: upgrade, back up, count.")
digest = typer.Typer(no_args_is_help=True, help="Digests.")
app.add_typer(db, name="db")
app.add_typer(digest, name="digest")

JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LAST_PORT = 65535


def main() -> None:
    """Run the command line; exit codes: 0 good, 1 a problem was found, 2 usage or configuration."""
    from bot.domain.errors import PeopleError, StoreUnavailable

    try:
        app()
    except PeopleError as e:
        print(f"bellwether: {e}", file=sys.stderr)
        raise SystemExit(2) from e
    except StoreUnavailable as e:
        print(f"bellwether: {e}; see DATABASE_URL", file=sys.stderr)
        raise SystemExit(1) from e


def _version(*, wanted: bool) -> None:
    if wanted:
        from bot.domain.version import VERSION

        print(f"bellwether {VERSION}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=lambda v: _version(wanted=v))
    ] = False,
) -> None:
    """Link deployments, alerts and tickets of machine-learning models: one Slack card that is always true."""


@app.command()
def run(verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False) -> None:
    """Run the bot until it is told to stop (SIGTERM, Ctrl-C)."""
    gc.disable()  # all that starting makes is kept; `bot.app` enables it when everything is there

    from bot.cli.running import run as serve
    from bot.config import load

    raise typer.Exit(serve(load(), verbose=verbose))


@app.command()
def demo(
    story: Annotated[str, typer.Option(help="Which story to play.")] = "a-bad-release",
    speed: Annotated[float, typer.Option(help="How fast the story's time passes.", min=0.1, max=3600)] = 30,
    port: Annotated[
        int, typer.Option(help="The sandbox's port; the bot takes the next one.", min=1, max=LAST_PORT - 1)
    ] = 3500,
    headless: Annotated[bool, typer.Option("--headless", help="Play it without a page and check every step.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Begin with empty data.")] = False,
) -> None:
    """Show the whole product on a local Slack and Jira. No account, no token, nothing to set up."""
    from bot.demo import play

    raise typer.Exit(play(story=story, speed=speed, port=port, headless=headless, reset=reset))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Listen on this port of 127.0.0.1.", min=1, max=LAST_PORT)] = 3500,
    manifest: Annotated[Path | None, typer.Option(help="The app's manifest; default: Bellwether's.")] = None,
    state: Annotated[Path | None, typer.Option(help="Keep the state in this file; default: in memory.")] = None,
    events_url: Annotated[str | None, typer.Option(help="HTTP mode: send events to this address.")] = None,
    signing_secret: Annotated[str | None, typer.Option(help="HTTP mode: sign with this secret.")] = None,
    jira_webhook_url: Annotated[str | None, typer.Option(help="Send Jira's webhooks to this address.")] = None,
    start: Annotated[
        datetime | None, typer.Option(help="What its clock says at first; default: the real time.")
    ] = None,
) -> None:
    """Run a local Slack and a local Jira, with a page. They speak the real protocols."""
    from bot.cli.sandboxes import serve
    from bot.sandbox.settings import Settings

    chosen = Settings(
        port=port,
        manifest=manifest,
        state=state,
        events_url=events_url,
        signing_secret=signing_secret,
        jira_webhook_url=jira_webhook_url,
        started=start.replace(tzinfo=start.tzinfo or UTC) if start else None,
    )
    raise typer.Exit(serve(chosen))


@app.command("check-config")
def check_config(
    path: Annotated[Path | None, typer.Argument(help="Default: BELLWETHER_CONFIG, else bellwether.yml.")] = None,
) -> None:
    """Check the configuration. Every key, and that each integration can be loaded."""
    from bot.cli.configuration import check
    from bot.config import load

    raise typer.Exit(check(load(path=path)))


@app.command()
def manifest(
    open_page: Annotated[bool, typer.Option("--open", help="Open the page that creates the app.")] = False,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print manifest.yml (the default).")] = False,
    diff: Annotated[Path | None, typer.Option("--diff", help="Compare with this manifest.")] = None,
) -> None:
    """Print the Slack app's manifest for this configuration. Or open the page that creates the app from it."""
    from bot.cli.manifests import show

    raise typer.Exit(show(open_page=open_page and not yaml, diff=diff))


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Where to write.")] = Path()) -> None:
    """Write a first bellwether.yml and .env. With comments, and never over an existing file."""
    from bot.cli.first_files import write

    raise typer.Exit(write(folder))


@app.command()
def doctor(
    as_json: JSON = False,
    online: Annotated[bool, typer.Option("--online", help="Ask Slack, Jira and the deployers, too.")] = False,
) -> None:
    """Check the installation. One line a check: what is wrong, and what to do."""
    from bot.cli.doctor import show
    from bot.config import load

    raise typer.Exit(show(load(), as_json=as_json, online=online))


@app.command("send-test")
def send_test(kind: Annotated[str, typer.Argument(help="deployment, alert, resolved, change or evaluation.")]) -> None:
    """Send a made-up event to the running bot, to see its card."""
    from bot.cli.sending import send
    from bot.config import load

    raise typer.Exit(send(load(), kind))


@app.command("push-eval")
def push_eval(
    file: Annotated[Path, typer.Argument(help="A CSV file with a header, a line an example.")],
    model: Annotated[str, typer.Option(help="The model.")],
    version: Annotated[str, typer.Option(help="Its version, whose predictions these are.")],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="accuracy (default), error_rate, precision, recall, auc, mae; repeatable."),
    ] = None,
    label_column: Annotated[str, typer.Option(help="The truth; an empty cell has no label yet.")] = "label",
    prediction_column: Annotated[str, typer.Option(help="What this version said; for auc its score.")] = "prediction",
    baseline_column: Annotated[str | None, typer.Option(help="What the baseline said of the same examples.")] = None,
    baseline_version: Annotated[str | None, typer.Option(help="Which version the baseline is.")] = None,
    positive: Annotated[str, typer.Option(help="Label of the positive class, for precision, recall and auc.")] = "1",
    evaluation_type: Annotated[str, typer.Option("--type", help="offline, shadow, live or product.")] = "offline",
    suite: Annotated[str | None, typer.Option(help="The evaluation suite.")] = None,
    suite_version: Annotated[str | None, typer.Option(help="Its version.")] = None,
    dataset: Annotated[str | None, typer.Option(help="The data set.")] = None,
    dataset_version: Annotated[str | None, typer.Option(help="Its version; default: a digest of the labels.")] = None,
    url: Annotated[
        str | None, typer.Option(envvar="BELLWETHER_URL", help="The bot's address; default: from the configuration.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="BELLWETHER_TOKEN", help="The secret that goes with --url.", show_envvar=True)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the event and send nothing.")] = False,
) -> None:
    """Send an evaluation, counted from a file of predictions. It goes to the running bot."""
    from bot.cli.pushing import Columns, Wanted, push, way_in
    from bot.config import Settings, load

    stated = {
        "evaluation_type": evaluation_type,
        "baseline_version": baseline_version,
        "suite": suite,
        "suite_version": suite_version,
        "dataset": dataset,
        "dataset_version": dataset_version,
    }
    columns = Columns(label=label_column, prediction=prediction_column, baseline=baseline_column)
    wanted = Wanted(model=model, version=version, metrics=metric or ["accuracy"], positive=positive, stated=stated)
    into = None if dry_run else way_in(load() if url is None else Settings(), url, token)
    raise typer.Exit(push(file, columns, wanted, into))


@app.command()
def why(
    key: Annotated[str, typer.Argument(help="For example incident/42 or slack/group/7.")], as_json: JSON = False
) -> None:
    """Say why a message or ticket is, or is not, as it should be."""
    from bot.cli.reading import show_why
    from bot.config import load

    raise typer.Exit(show_why(load(), key, as_json=as_json))


@app.command()
def status(name: Annotated[str, typer.Argument(help="The model.")], as_json: JSON = False) -> None:
    """Say how a model is: what `/model status` answers."""
    from bot.cli.reading import show_status
    from bot.config import load

    raise typer.Exit(show_status(load(), name, as_json=as_json))


@app.command()
def replay(delivery: Annotated[int, typer.Argument(help="The delivery's number, as in the 202 answer.")]) -> None:
    """Read a stored delivery again. With today's configuration and integrations."""
    from bot.cli.replaying import replay as again
    from bot.config import load

    raise typer.Exit(again(load(), delivery))


@db.command()
def stats(as_json: JSON = False) -> None:
    """Count the rows, and say what lags."""
    from bot.cli.reading import show_stats
    from bot.config import load

    raise typer.Exit(show_stats(load(), as_json=as_json))


@db.command()
def upgrade() -> None:
    """Bring the tables to this program's version. `run` does it by itself."""
    from bot.cli.databases import upgrade as bring_up
    from bot.config import load

    raise typer.Exit(bring_up(load()))


@db.command()
def backup(target: Annotated[Path, typer.Argument(help="The file to write.")]) -> None:
    """Copy the database while the bot runs."""
    from bot.cli.databases import backup as copy
    from bot.config import load

    raise typer.Exit(copy(load(), target))


@db.command()
def restore(origin: Annotated[Path, typer.Argument(help="A file that `db backup` wrote.")]) -> None:
    """Put a backup in place of the database; stop the bot first."""
    from bot.cli.databases import restore as bring_back
    from bot.config import load

    raise typer.Exit(bring_back(load(), origin))


@db.command("copy")
def copy_all(
    source: Annotated[str, typer.Argument(help="DATABASE_URL of the database to copy.")],
    target: Annotated[str, typer.Argument(help="DATABASE_URL of an empty one.")],
) -> None:
    """Copy everything into another database. From SQLite to PostgreSQL, or back; stop the bot first."""
    from bot.cli.copying import copy

    raise typer.Exit(copy(source, target))


@digest.command("preview")
def preview(name: Annotated[str, typer.Argument(help="The digest's name in the configuration.")]) -> None:
    """Print a digest as it would be told today."""
    from bot.cli.reading import show_digest
    from bot.config import load

    raise typer.Exit(show_digest(load(), name))


if __name__ == "__main__":
    main()
