"""One grammar for commands, mentions and buttons: what people type, as phones and habits make it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.grammar import Command, Form, parse, quoted

SINCE = {"since": True}
VERBS = {verb: Form(model=False) for verb in ("models", "incidents", "oncall", "help")}
VERBS |= {"status": Form(flags={"all": False}), "changes": Form(flags=SINCE | {"all": False})}
VERBS |= {"compare": Form(words=2), "promote": Form(words=2, own={"prod"}, skips={"to"})}
VERBS |= {"log": Form(text=True, flags={"ago": True}), "mark": Form(words=2, text=True, own={"bad", "good"})}
VERBS |= {"incident": Form(text=True, loose=True)}
MODELS = ("fraud-scorer", "fraud-rules", "churn", "Ads CTR")


def asked(text: str, default: str = "models") -> Command:
    return parse(text, verbs=VERBS, models=MODELS, default=default)


@pytest.mark.parametrize(
    ("text", "verb", "model"),
    [
        ("", "models", None),
        ("   ", "models", None),
        ("churn", "status", "churn"),
        ("status churn", "status", "churn"),
        ("churn status", "status", "churn"),
        ("STATUS Churn", "status", "churn"),
        ("chu", "status", "churn"),
        ("changes fraud-s", "changes", "fraud-scorer"),
        ('"Ads CTR"', "status", "Ads CTR"),
        ("“Ads CTR” changes", "changes", "Ads CTR"),
        ("`churn`", "status", "churn"),
        ("*churn*", "status", "churn"),
        ("status\u00a0churn", "status", "churn"),
        ("stauts churn", "status", "churn"),
        ("chnages", "changes", None),
        ("help", "help", None),
        (", churn", "status", "churn"),
        (": changes churn", "changes", "churn"),
    ],
)
def test_verb_and_model_are_found_however_they_are_typed(text: str, verb: str, model: str | None) -> None:
    found = asked(text)

    assert (found.verb, found.model, found.unknown) == (verb, model, None)


def test_a_prefix_of_two_models_names_neither() -> None:
    assert (asked("status fraud").model, asked("status fraud").unknown) == (None, "fraud")


def test_a_whole_name_wins_over_the_longer_one_that_begins_with_it() -> None:
    found = parse("status geo", verbs=VERBS, models=("geo", "geo-features"))

    assert found.model == "geo"


def test_a_word_that_fits_nothing_is_named_for_did_you_mean() -> None:
    wrong = "frod-scorer"

    assert asked(f"status {wrong}") == Command("status", None, (wrong,), {}, unknown=wrong, left=wrong)


def test_a_word_alone_that_fits_nothing_is_taken_for_a_model() -> None:
    assert (asked("zebra").verb, asked("zebra").unknown) == ("status", "zebra")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("status churn of last week", "of"),
        ("silence churn", "silence"),
        ("changes churn --sicne 3d", "--sicne"),
        ("changes churn since 3d", "since"),
        ("status churn --all=yes", "--all=yes"),
        ("compare churn v1 v2 v3", "v3"),
        ("compare v1 v2 nope", "nope"),
        ("promote nope prod v43", "nope"),
        ("incidents churn", "churn"),
        ('log nope "filter: x"', "nope"),
        ('log churn "filter: x" --agoo 2h', "--agoo"),
        ('mark v41 bad "oops" nope', "nope"),
        ('mark v41 bad "oops" chu', "chu"),
        ('log hid "churn" shops', "hid"),
        ('log churn --agoo 2h "filter: x"', "--agoo"),
        ("log --agoo 2h filter: x", "--agoo"),
        ("log use --dry-run now", None),
        ("status churn", None),
        ("compare v1 v2", None),
        ("log churn what is left", None),
    ],
)
def test_what_the_verb_has_no_use_for_is_told(text: str, left: str | None) -> None:
    assert asked(text).left == left


@pytest.mark.parametrize(
    ("text", "model", "words"),
    [
        ("compare v1 v2 churn", "churn", ("v1", "v2")),
        ("promote churn prod v43", "churn", ("prod", "v43")),
        ("v43 to prod promote churn", "churn", ("v43", "prod")),
        ('log "filter: x" churn', "churn", ("filter: x",)),
        ('churn log "filter: x"', "churn", ("filter: x",)),
        ('mark v41 bad "oops" churn', "churn", ("v41", "bad", "oops")),
        ('mark churn "4 1" bad "oops"', "churn", ("4 1", "bad", "oops")),
        ('log churn renamed "a b" to fraud-rules', "churn", ('renamed "a b" to fraud-rules',)),
        ("log churn is away", "churn", ("is away",)),
        ("log away is churn", None, ("away", "is churn")),
        ("mark v41 good churn", "churn", ("v41", "good")),
        ("mark v41 bad is worse", None, ("v41", "bad", "is worse")),
        ('log "fraud-rules" churn', "churn", ("fraud-rules",)),
        ('log "Ads CTR" filter: x', "Ads CTR", ("filter: x",)),
        ('mark "Ads CTR" v41 bad "oops"', "Ads CTR", ("v41", "bad", "oops")),
        ("mark v41 good chu", None, ("v41", "good", "chu")),
        ('mark v41 good "chu"', None, ("v41", "good", "chu")),
        ('mark v41 bad churn "oops"', "churn", ("v41", "bad", "oops")),
        ("mark churn `v41` `bad` label `x`", "churn", ("v41", "bad", "label `x`")),
        ('log hid the "closed" shops', None, ("hid", 'the "closed" shops')),
        ("promote v43 chu", None, ("v43", "chu")),
        ("promote chu v43 eu", "churn", ("v43", "eu")),
        ("compare v41 chu", None, ("v41", "chu")),
    ],
)
def test_a_model_stands_anywhere_but_in_words_of_ones_own(text: str, model: str, words: tuple[str, ...]) -> None:
    found = asked(text)

    assert (found.model, found.words) == (model, words)


def test_what_means_something_else_is_no_beginning_of_a_name() -> None:
    models = ("prod-ranker", "badminton", "v43-experiment")

    assert parse("promote v43 prod", verbs=VERBS, models=models).model is None
    assert parse('mark v43 bad "oops"', verbs=VERBS, models=models).model is None
    assert parse("status v43-experiment", verbs=VERBS, models=models).model == "v43-experiment"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("log churn config: --dry-run is on now", "config: --dry-run is on now"),
        ('log churn "slow — and dear"', "slow — and dear"),
        ("log churn slow — and dear –", "slow — and dear –"),
        ("log churn Cron: * * * *", "Cron: * * * *"),
        ("log churn use `*args`", "use `*args`"),
        (r'log churn "it says \"no\""', 'it says "no"'),
        (r"log churn moved to C:\temp", r"moved to C:\temp"),
        ('log churn the 12" disks, don’t ask', 'the 12" disks, don’t ask'),
        ("log churn “he said 'no'”", "he said 'no'"),
    ],
)
def test_words_of_ones_own_are_kept_as_they_were_typed(text: str, words: str) -> None:
    assert " ".join(asked(text).words) == words


@given(st.text(min_size=1, max_size=30).filter(lambda name: name.strip() and "\u00a0" not in name))
def test_any_name_is_one_word_once_quoted(name: str) -> None:
    assert parse(f"status {quoted(name)}", verbs=VERBS, models=[name]).model == name


def test_an_empty_alias_means_its_own_verb() -> None:
    assert asked("", default="oncall").verb == "oncall"


@pytest.mark.parametrize("text", ["changes churn --since 3d", "changes --since=3d churn", "changes churn —since 3d"])
def test_flags_are_read_wherever_they_stand_and_whatever_the_phone_made_of_the_dashes(text: str) -> None:
    found = asked(text)

    assert (found.model, dict(found.flags)) == ("churn", {"since": "3d"})


def test_a_flag_without_a_value_does_not_eat_the_next_flag() -> None:
    assert dict(asked("changes churn --all --since 3d").flags) == {"all": "", "since": "3d"}


def test_a_flag_that_takes_no_value_does_not_eat_the_model() -> None:
    found = asked("changes --all churn")

    assert (found.model, dict(found.flags)) == ("churn", {"all": ""})


def test_a_flag_at_the_end_has_no_value() -> None:
    assert dict(asked("changes churn --since").flags) == {"since": ""}


def test_an_apostrophe_is_no_open_quote() -> None:
    found = asked("log churn what's up, 'they' said")

    assert (found.model, found.words) == ("churn", ("what's up, 'they' said",))


@given(st.text(max_size=60))
def test_whatever_is_typed_is_understood_or_said_to_be_unknown(text: str) -> None:
    found = asked(text)

    assert found.verb in VERBS
    assert found.model is None or found.model in MODELS


@given(st.permutations(["changes", "churn"]), st.sampled_from(["", " ", "  "]))
def test_the_order_of_verb_and_model_does_not_matter(words: list[str], space: str) -> None:
    assert asked(space + f" {space}".join(words) + space) == Command("changes", "churn")


@pytest.mark.parametrize(
    ("text", "verb", "model", "words"),
    [
        ("checkout is slow", "incident", None, "checkout is slow"),
        ("churn loses users", "incident", "churn", "loses users"),
        ("chu loses users", "incident", None, "chu loses users"),
        ('chu "loses users"', "incident", "churn", "loses users"),
        ('the "checkout" is slow', "incident", None, 'the "checkout" is slow'),
        ('churn "loses" users', "incident", "churn", '"loses" users'),
        ("users cannot log in", "incident", None, "users cannot log in"),
        ("changes are lost, help", "changes", None, "are lost, help"),
        ("checkout", "incident", None, "checkout"),
        ("incident chu", "incident", "churn", ""),
        ("churn", "status", "churn", ""),
        ("churn changes", "changes", "churn", ""),
        ("status churn", "status", "churn", ""),
        ("", "incidents", None, ""),
    ],
)
def test_words_of_ones_own_need_no_verb_where_they_are_expected(
    text: str, verb: str, model: str | None, words: str
) -> None:
    found = parse(text, verbs=VERBS, models=MODELS, default="incidents", telling="incident")

    assert (found.verb, found.model, " ".join(found.words)) == (verb, model, words)
