from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.metrics import Direction
from bot.slack import numbers, text

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def test_foreign_text_cannot_notify_a_channel_or_make_a_link() -> None:
    assert text.escape("<!channel> & <https://evil|x>") == "&lt;!channel&gt; &amp; &lt;https://evil|x&gt;"


def test_a_persons_words_keep_mentions_and_addresses_and_nothing_else() -> None:
    said = text.said("ask <@U01ALICE>, not <!here>: https://x.io/a?b=1&c=2.")

    assert said == "ask <@U01ALICE>, not &lt;!here&gt;: <https://x.io/a?b=1&amp;c=2>."


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        ("R&amp;D: p &lt; 0.1", "R&D: p < 0.1"),
        ("say &amp;lt; and &copy;", "say &lt; and &copy;"),
        ("see <https://x.io/a?b=1&amp;c=2>.", "see https://x.io/a?b=1&c=2."),
        ("see <https://x.io/run|the run>", "see https://x.io/run"),
        ("status <http://scorer.ai|scorer.ai>", "status scorer.ai"),
        ("ask <mailto:a@x.io|a@x.io>, <@U01ALICE> or <#C02MLFRAUD|ml-fraud>", "ask a@x.io, <@U01ALICE> or #ml-fraud"),
    ],
)
def test_a_message_is_read_as_it_was_typed(sent: str, typed: str) -> None:
    assert text.typed(sent) == typed


def test_a_name_of_the_directory_is_a_mention_and_another_one_stays_text() -> None:
    ids = {"@alice": "U01ALICE"}

    assert text.mention("@alice", ids) == "<@U01ALICE>"
    assert text.mention("<b>ob", ids) == "&lt;b&gt;ob"
    assert text.user("U02BOB") == "<@U02BOB>"


def test_a_moment_is_shown_in_the_readers_zone_with_utc_where_that_fails() -> None:
    assert text.date(AT) == f"<!date^{int(AT.timestamp())}^{{date_short_pretty}} {{time}}|23 Nov 08:00 UTC>"


@pytest.mark.parametrize("foreign", ["", "`", "*", "a`b*c", "  ", "<", "&" * 5000])
def test_bold_and_code_survive_signs_of_their_own(foreign: str) -> None:
    assert text.bold(foreign).count("*") in (0, 2)
    assert text.code(foreign).count("`") in (0, 2)


@given(st.text(max_size=200), st.integers(min_value=20, max_value=120))
def test_a_cut_goes_through_no_link_date_or_entity(foreign: str, limit: int) -> None:
    whole = f"{text.escape(foreign)} <https://x.io/{'y' * 30}|label> {text.date(AT)}"

    cut = text.cut(whole, limit)

    assert len(cut) <= limit
    assert cut.count("<") == cut.count(">")
    assert text.TOKENS.sub("", cut).count("&") == 0


@pytest.mark.parametrize("limit", range(12, 60))
def test_a_cut_through_code_closes_it_and_goes_through_no_entity(limit: int) -> None:
    cut = text.cut("why: ```a &lt; b &amp;&amp; c &gt; d &lt; e &amp;``` and more &lt; " + "z" * 40, limit)

    assert len(cut) <= limit
    assert cut.count("```") in (0, 2)
    assert "`" not in cut.replace("```", "")
    assert text.TOKENS.sub("", cut).count("&") == 0


def test_what_a_person_wrote_at_length_is_cut_through_no_mention_and_no_code() -> None:
    mention = text.said("x" * 2494 + " <@U01ALICE> and more")
    code = text.said("```" + "boom\n" * 600 + "```")

    assert mention == "x" * 2494 + "…"
    assert code.count("```") == 2


@pytest.mark.parametrize(
    ("metric", "unit", "value", "shown"),
    [
        ("good_payments_declined", "ratio", 0.029, "2.9 %"),
        ("good_payments_declined", "%", 2.9, "2.9 %"),
        ("error_rate", "1", 0.5, "50 %"),
        ("roc_auc", "ratio", 0.912, "0.912"),
        ("auc", "1", 0.9, "0.900"),
        ("p95_latency", "ms", 36.0, "36 ms"),
        ("requests", "count", 41200.0, "41\u202f200"),
        ("tiny_rate", "ratio", 0.0004, "0.04 %"),
        ("tiny_rate", "ratio", 0.00004, "0.004 %"),
        ("success_rate", "ratio", 0.9996, "99.96 %"),
        ("success_rate", "ratio", 1.0, "100 %"),
        ("accuracy", "1", 0.9999, "0.9999"),
        ("accuracy", "1", 1.0, "1.000"),
        ("psi", "1", 0.00001, "0.00001"),
        ("r2", "1", -0.0001, "-0.0001"),
        ("drift", "1", 0.1 + 0.2 - 0.3, "0.000"),
        ("auc", "1", 1e308, "1e+308"),
        ("auc", "1", float("nan"), "not a number"),
    ],
)
def test_a_number_is_written_as_people_read_it(metric: str, unit: str, value: float, shown: str) -> None:
    assert numbers.figure(value, metric, unit) == shown


@pytest.mark.parametrize(
    ("metric", "unit", "value", "limit", "shown", "kept"),
    [
        ("auc", "1", 0.8996, 0.9, "0.8996", "≥ 0.900"),
        ("auc", "1", 0.9, 0.9, "0.900", "≥ 0.900"),
        ("auc", "1", 0.912, 0.9125, "0.9120", "≥ 0.9125"),
        ("success_rate", "ratio", 0.9996, 0.9998, "99.96 %", "≥ 99.98 %"),
        ("success_rate", "ratio", 0.9004, 0.9, "90.04 %", "≥ 90 %"),
        ("p95_latency", "ms", 199.96, 200, "199.96 ms", "≥ 200 ms"),
    ],
)
def test_a_value_is_never_written_as_what_it_misses(
    metric: str, unit: str, value: float, limit: float, shown: str, kept: str
) -> None:
    assert numbers.figure(value, metric, unit, against=limit) == shown
    assert numbers.threshold(">=", limit, metric, unit) == kept


def test_a_change_says_whether_it_is_good() -> None:
    assert numbers.change(0.912, 0.933, "auc", "1", Direction.HIGHER) == "▾ 0.021 worse"
    assert numbers.change(0.029, 0.021, "declined", "ratio", Direction.LOWER) == "▴ 0.8 pt worse"
    assert numbers.change(0.5, 0.4, "mystery", "1", None) == "▴ 0.100"
    assert numbers.change(0.9121, 0.9122, "auc", "1", Direction.HIGHER) == "unchanged"
    assert numbers.change(0.9999, 0.9998, "auc", "1", Direction.HIGHER) == "▴ 0.0001 better"


def test_an_alerts_value_has_no_zeros_that_its_source_did_not_send() -> None:
    assert numbers.sent(0.2, "PSI", "") == "0.2"
    assert numbers.sent(1500.0, "p95", "ms") == "1\u202f500 ms"


def test_a_message_without_a_copy_has_no_address() -> None:
    assert text.permalink("C01:1795.0001", "https://acme.slack.com/") == "https://acme.slack.com/archives/C01/p17950001"
    assert text.permalink(None, "https://acme.slack.com") is None
