"""mrkdwn becomes what Slack shows, and never anything that runs."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.mrkdwn import to_html
from tests.sandbox.page.samples import MORNING, reader


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _it_ ~gone~", "<strong>bold</strong> <em>it</em> <s>gone</s>"),
        ("_*both*_", "<em><strong>both</strong></em>"),
        ("*a _b* c_", "<strong>a _b</strong> c_"),
        ("snake_case_name 2*3*4 a~b~c", "snake_case_name 2*3*4 a~b~c"),
        ("* not bold *", "* not bold *"),
        ("*two\nlines*", "*two<br>lines*"),
        ("`a *b* <c>`", "<code>a *b* &lt;c&gt;</code>"),
        ("a\nb", "a<br>b"),
        ("x &lt; y &amp; z", "x &lt; y &amp; z"),
        ("<!here> go", '<span class="mention me">@here</span> go'),
        ("<!subteam^S1|@ml-leads>", '<span class="mention">@ml-leads</span>'),
        ("<@U02BOB>", '<span class="mention">@bob</span>'),
        ("<@U01ALICE>", '<span class="mention me">@alice</span>'),
        ("<@UNKNOWN>", '<span class="mention">@UNKNOWN</span>'),
        ("<#C9|secret>", '<span class="mention">#secret</span>'),
        (":fire:", '<span role="img" aria-label="fire" class="emoji">🔥</span>'),
        (":no_such_emoji: 10:30:20", ":no_such_emoji: 10:30:20"),
    ],
)
def test_mrkdwn_is_drawn_as_slack_draws_it(text: str, html: str) -> None:
    assert to_html(text, reader()) == html


def test_links_open_beside_the_page_and_keep_their_label() -> None:
    html = to_html("*<https://example.com/a_b?x=1&amp;y=2|the model>*", reader())

    assert html == (
        '<strong><a href="https://example.com/a_b?x=1&amp;y=2" target="_blank" '
        'rel="noopener noreferrer">the model</a></strong>'
    )


def test_a_bare_address_becomes_a_link_without_its_full_stop() -> None:
    html = to_html("see https://example.com/x_y_z.", reader())

    assert ">https://example.com/x_y_z</a>." in html


@pytest.mark.parametrize(
    "target",
    ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,<b>", "file:///etc/passwd", "https:", "http://["],
)
def test_only_http_becomes_a_link(target: str) -> None:
    html = to_html(f"<{target}|click>", reader())

    assert "<a" not in html
    assert "href" not in html


def test_markup_in_a_message_is_text() -> None:
    html = to_html("<script>alert(1)</script> <img src=x onerror=alert(1)> \"'", reader())

    assert "<script" not in html
    assert "<img" not in html


def test_a_channel_that_the_reader_sees_is_a_way_into_it() -> None:
    html = to_html("<#C02MLFRAUD>", reader())

    assert 'href="/?user=U01ALICE&amp;channel=ml-fraud"' in html
    assert ">#ml-fraud</a>" in html


def test_dates_are_told_in_the_readers_zone() -> None:
    token = f"<!date^{MORNING}^{{date_short_pretty}} {{time}}|23 Nov 08:00 UTC>"

    paris, new_york = to_html(token, reader()), to_html(token, reader("America/New_York"))

    assert ">today 09:00</time>" in paris
    assert ">today 03:00</time>" in new_york


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("{date}", "23 November"),
        ("{date_long}", "Monday, 23 November"),
        ("{date_short}", "23 Nov"),
        ("{date_num}", "2026-11-23"),
        ("{date_pretty} at {time_secs}", "today at 09:00:00"),
        ("{ago}", "1 hour ago"),
    ],
)
def test_every_date_token_is_known(template: str, shown: str) -> None:
    assert f">{shown}</time>" in to_html(f"<!date^{MORNING}^{template}|x>", reader())


def test_a_date_that_is_none_shows_its_fallback() -> None:
    assert to_html("<!date^soon^{date}|23 Nov>", reader()) == "23 Nov"
    assert to_html("<!date^99999999999999999^{date}|never>", reader()) == "never"


def test_quotes_and_code_blocks_stand_apart() -> None:
    html = to_html("before\n&gt; one\n> two\nafter ```x *y*\nz```", reader())

    assert html == "before<blockquote>one<br>two</blockquote>after <pre><code>x *y*\nz</code></pre>"


@given(st.text(alphabet=st.sampled_from(list("<>&|*_~`:!@#^\"'/ \n{}abU1\ue000\ue001")), max_size=60))
def test_no_text_escapes_its_escaping(text: str) -> None:
    html = to_html(text, reader())

    tags = re.findall(r"<(/?)([a-z]*)([^<>]*)>", html)
    known = {"strong", "em", "s", "code", "pre", "br", "blockquote", "span", "a", "time"}
    assert {name for _, name, _ in tags} <= known
    opened = [name for close, name, _ in tags if not close and name != "br"]
    assert sorted(opened) == sorted(name for close, name, _ in tags if close)
    assert html.count("<") == len(tags)
