"""What is typed in the channel of one model: about that one, about another, or refused with nothing done."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from bot.domain.errors import UserError
from bot.slack.answers import helping
from bot.slack.commands import VERBS, asked
from bot.slack.grammar import parse
from bot.slack.questions import Asker, Deed
from bot.store.tables import Decision, Link, Model, Version


@pytest.fixture
def typed(story: Any, look: Any) -> Any:
    """Type as bob in #ml-fraud, where only fraud-scorer lives; returns the act, or the answer."""
    model, _, _ = story.bad_release()
    other = story.model("fraud-ranker", channel="#ml-rank")
    story.model("churn", channel="#ml-churn")
    for name in ("41", "42"):
        story.add(Version(model_id=model.id, name=name))
        story.add(Version(model_id=other.id, name=name))
    return lambda text: asked(story.db, Asker("U02BOB", "C02MLFRAUD"), text, story.now, look)


@pytest.fixture
def told(typed: Any, words: Any) -> Any:
    """Type what does nothing; returns what bob reads."""

    def do(text: str) -> str:
        try:
            answer = typed(text)
        except UserError as e:
            return str(e)
        assert not isinstance(answer, Deed)
        return str(words(answer))

    return do


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rename churn-typo", "No model `churn-typo`. Did you mean *churn*"),
        ("rename", "Which model shall be called otherwise?"),
        ("retire", "Of which model?"),
        ("retire churm", "No model `churm`. Did you mean *churn*"),
        ('log nope "filter: x"', "No model `nope`"),
        ("log nope filter: x", "No model `nope`"),
        ("log nope metric definition: x", "No model `nope`"),
        ("mark nope v41 bad oops", "No model `nope`"),
        ('mark v41 bad "oops" nope', "No model `nope`"),
        ("compare v41 v42 nope", "No model `nope`"),
        ("promote nope prod v43", "No model `nope`"),
        ("rollback nope v41", "No model `nope`"),
        ("merge nope churn", "No model `nope`"),
        ("merge fraud-s churm", "No model `churm`. Did you mean *churn*"),
        ("merge churn churn", "*churn* is one model already"),
        ("merge churn", "Into which model? Write `/model merge churn INTO`"),
        ("link nope churn", "No model `nope`"),
        ("link service churn-api churn", "By which label? Write `/model link service=churn-api NAME`"),
        ("link service=churn-api", "To which model? Write `/model link service=churn-api NAME`"),
        ("link service=churn-api nope", "No model `nope`"),
        ("link model=x churn", "An event with `model=x` names its model; `/model merge x NAME` makes two models one."),
        ("unlink", "By which label? Write `/model unlink service=churn-api`"),
        ("silence fraud-s", "I do not know what to do with `silence`"),
        ("note fraud-s hi", "I do not know what to do with `note`"),
        ("evals fraud-s", "I do not know what to do with `evals`"),
        ('log fraud-s "filter: x" and y', "I do not know what to do with `and`. Put all of your own words in quotes."),
        ("rename fraud-s new name", "I do not know what to do with `name`"),
        ("versions fraud-s please", "I do not know what to do with `please`"),
        ("incidents fraud-s", "I do not know what to do with `fraud-s`"),
        ("changes fraud-s --sicne 3d", "I do not know `--sicne`; did you mean `--since`?"),
        ("changes --sicne 3d", "I do not know `--sicne`; did you mean `--since`?"),
        ("changes fraud-s since 3d", "I do not know `since`; did you mean `--since`?"),
        ("changes since 3d", "I do not know `since`; did you mean `--since`?"),
        ("versions fraud-s --all", "I do not know `--all`; `versions` takes no flags."),
        ("--since 3d", "I do not know `--since`; did you mean `--all`?"),
        ("changes fraud-s --since", "`--since` is not a span"),
        ("status team=fraud", "No model `team=fraud`"),
        ("changes fraud-s since=3d", "I do not know `since=3d`; did you mean `--since`?"),
        ("fraud-s retired?", "I do not know `retired?`; did you mean `retire`? Nothing done."),
        ("fraud-s marks v41 good", "I do not know `marks`; did you mean `mark`? Nothing done."),
        ('log hid "closed" shops', "No model `hid`. Put all of your own words in quotes."),
        ("promote v41 chu", "*fraud-scorer* has no stage `chu`"),
        (
            "log fraud-s fitler: hide shops",
            "I do not know `fitler`; did you mean `filter`? Any other change is `other:`.",
        ),
        ('log "Confgi: block BR"', "I do not know `Confgi`; did you mean `config`?"),
        ("log metric definiton: by case", "I do not know `metric definiton`; did you mean `metric definition`?"),
        ("log churm fitler: hide shops", "I do not know `fitler`; did you mean `filter`?"),
        ("changes fraud-s -s 3d", "I do not know `-s`; did you mean `--since`?"),
    ],
)
def test_what_is_mistyped_or_missing_is_told_and_nothing_is_done(told: Any, text: str, said: str) -> None:
    assert said in told(text)


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ('log "filter: x" fraud-ranker', "fraud-ranker"),
        ("log filter: x", "fraud-scorer"),
        ('mark v41 bad "oops" fraud-ranker', "fraud-ranker"),
        ('mark v41 bad "oops"', "fraud-scorer"),
        ('log "churn" fraud-ranker', "fraud-ranker"),
        ("mark v41 good chu", "fraud-scorer"),
        ('mark v41 good "chu"', "fraud-scorer"),
        ("mark `v41` `bad` oops", "fraud-scorer"),
        ("retire --undo fraud-r", "fraud-ranker"),
        ("rename fraud-r to ranker", "fraud-ranker"),
        ("link service=api to fraud-r", "fraud-ranker"),
        ("merge fraud-r into fraud-s --yes", "fraud-ranker"),
    ],
)
def test_an_act_is_about_the_model_that_was_named(typed: Any, text: str, model: str) -> None:
    assert typed(text).action.model == model


@pytest.mark.parametrize("text", ["node: new kernel", "slow: p99 doubled", "Cron: * * * *", "-5 % shops", "- h"])
def test_a_change_of_no_kind_is_another_one(typed: Any, text: str) -> None:
    act = typed(f"log fraud-scorer {text}").action

    assert (act.change_type, act.summary) == ("other", text)


def test_quotes_within_a_text_without_them_are_a_part_of_it(typed: Any) -> None:
    assert typed('log hid the "closed" shops').action.summary == 'hid the "closed" shops'


def test_versions_may_stand_before_the_model(told: Any) -> None:
    assert "I never heard of `v41` of *churn*" in told("compare v41 v42 churn")


def test_a_mistyped_verb_is_understood_after_the_model_too(told: Any) -> None:
    assert told("churn whyy") == told("why churn")


@pytest.mark.parametrize("verb", ["log", "mark", "promote", "rollback", "rename", "merge", "retire", "link", "unlink"])
def test_a_verb_that_acts_is_never_guessed(told: Any, verb: str) -> None:
    assert f"I do not know `{verb}s`; did you mean `{verb}`? Nothing done." in told(f"fraud-s {verb}s v41")


def test_what_was_meant_is_run_with_the_flags_that_were_typed(typed: Any, controls: Any) -> None:
    buttons = controls(typed("retire churm --undo"))

    assert typed(buttons["run_1"]["value"]).action.over is False


def test_the_words_of_a_change_outlast_a_mistyped_model(typed: Any, controls: Any) -> None:
    buttons = controls(typed("log churm filter: don't show old --shops"))

    assert typed(buttons["run_1"]["value"]).action.summary == "don't show old --shops"


def test_a_mistyped_model_in_backticks_is_no_part_of_the_change(typed: Any, controls: Any) -> None:
    buttons = controls(typed("log `churm` filter: `closed` shops"))

    assert typed(buttons["run_1"]["value"]).action.summary == "`closed` shops"


def test_a_rule_of_another_model_is_not_moved_silently(typed: Any, story: Any, words: Any) -> None:
    churn = story.db.exec(select(Model).where(Model.name == "churn")).one()
    story.add(Link(model_id=churn.id, labels={"service": "api"}, by="U02BOB", at=story.now))

    assert "until now they were *churn*'s" in words(typed("link service=api fraud-s").said)
    assert "until now" not in words(typed("link service=api churn").said)


def test_who_cannot_go_back_is_told_that_the_version_before_is_bad(told: Any, story: Any) -> None:
    model = story.db.exec(select(Model).where(Model.name == "fraud-scorer")).one()
    by = {"by": "U02BOB", "at": story.now, "reason": "label leak"}
    story.add(Decision(model_id=model.id, kind="marked_bad", version="41", **by))

    said = told("rollback")

    assert "back to which version? ⚠️ `v41` is marked bad: label leak" in said
    assert "Write `/model rollback fraud-scorer VERSION`" in said

    story.add(Version(model_id=model.id, name="39"))

    assert "Write `/model rollback fraud-scorer v39`" in told("rollback")


def test_a_name_with_quotes_is_asked_for_by_a_button(typed: Any, story: Any, words: Any, controls: Any) -> None:
    story.model('say "hi"')

    values = [one["value"] for one in controls(typed('"say')).values()]

    assert r'status "say \"hi\""' in values
    assert 'say "hi"' in words(typed(r'status "say \"hi\""'))


def test_who_knows_no_model_is_not_told_that_all_is_linked(story: Any, look: Any, words: Any) -> None:
    said = words(asked(story.db, Asker("U02BOB", "C02MLFRAUD"), "unlinked", story.now, look))

    assert said == "I know no model yet, and no event."


def in_a_fire(story: Any, look: Any, text: str) -> Any:
    """Type after `/incident`, as bob in a channel of no model."""
    return asked(story.db, Asker("U02BOB", "C01GENERAL", word="/incident"), text, story.now, look)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("checkout is slow", "\ncheckout is slow"),
        ('fraud-scorer "declines good payments"', "fraud-scorer\ndeclines good payments"),
        ("fraud-scorer declines good payments", "fraud-scorer\ndeclines good payments"),
        ("fraud-s declines good payments", "fraud-scorer\nfraud-s declines good payments"),
        ("users cannot log in", "\nusers cannot log in"),
        ("p99 > 2 s & <b>", "\np99 > 2 s & <b>"),
        ("it is slow " + "s" * 4000, "\nit is slow " + "s" * 238 + "…"),
    ],
)
def test_what_is_said_in_a_fire_is_what_the_form_opens_with(
    typed: Any, story: Any, look: Any, words: Any, controls: Any, text: str, value: str
) -> None:
    answer = in_a_fire(story, look, text)

    button = controls(answer)["incident_declare"]
    assert (button["value"], button["style"]) == (value, "primary")
    assert "Nothing is opened yet." in words(answer)


def test_in_the_channel_of_a_model_the_incident_is_its(typed: Any, controls: Any) -> None:
    assert controls(typed("incident it is slow"))["incident_declare"]["value"] == "fraud-scorer\nit is slow"


def test_an_incident_that_is_open_already_is_named_first(typed: Any, story: Any, look: Any, words: Any) -> None:
    model = story.db.exec(select(Model).where(Model.name == "fraud-scorer")).one()
    story.opened(model, title="Declines are up")

    said = words(in_a_fire(story, look, "fraud-scorer is slow"))

    assert "/archives/C02MLFRAUD/p1795420800000100|*INC-1*> SEV2 is open already: Declines are up\nNothing" in said
    assert "INC-1" not in words(in_a_fire(story, look, "churn is slow"))


def test_a_mistyped_model_in_a_fire_is_a_button_beside_the_form(
    typed: Any, story: Any, look: Any, words: Any, controls: Any
) -> None:
    buttons = controls(in_a_fire(story, look, "churm is slow"))
    refused = in_a_fire(story, look, 'churm "is slow"')

    assert buttons["incident_declare"]["value"] == "\nchurm is slow"
    assert controls(typed(buttons["run_1"]["value"]))["incident_declare"]["value"] == "churn\nis slow"
    assert "No model `churm`. Did you mean *churn*" in words(refused)


@pytest.mark.parametrize(
    ("text", "same"), [("", "incidents"), ("fraud-scorer", "status fraud-scorer"), ("why churn", "why churn")]
)
def test_a_command_after_incident_is_that_command(
    typed: Any, told: Any, story: Any, look: Any, words: Any, text: str, same: str
) -> None:
    assert words(in_a_fire(story, look, text)) == told(same)


@pytest.mark.parametrize("text", ["--help", "-h", "—help", "?", "help", "help frobnicate"])
def test_help_is_found_however_one_asks_for_it(told: Any, text: str) -> None:
    assert "`/model incidents`  what is open" in told(text)


@pytest.mark.parametrize(
    "text", ["help log", "HELP LOG", "log --help", "log fraud-scorer --help", "log fraud-scorer -h", "log -help"]
)
def test_help_with_a_verb_tells_of_that_verb(told: Any, text: str) -> None:
    said = told(text)

    assert said.startswith('`/model log NAME "filter: hide closed shops"`  note a change')
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("verb", sorted(VERBS.keys() - {"help", "models"}))
def test_help_tells_of_every_verb(told: Any, verb: str) -> None:
    assert re.search(rf"`(/model )?{verb}\b", told(f"help {verb}"))


def test_every_command_that_is_documented_is_understood() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/commands.md").read_text(encoding="utf-8")
    documented = re.findall(r"`/model ([^`]*)`", page)
    named = ("NAME", "OLD", "FROM", "OTHER")

    assert len(documented) > 20
    for usage in (*documented, *(usage for usage, _ in helping.EVERY)):
        found = parse(usage, verbs=VERBS, models=named)
        assert (usage, found.left) == (usage, None)
        assert found.model == ("NAME" if "NAME" in usage and found.verb != "link" else None)
