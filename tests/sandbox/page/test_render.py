"""Every kind of block is drawn, for one reader, and escaped."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.bodies import colour, content
from bot.sandbox.render import BLOCKS, blocks
from tests.sandbox.page.samples import button, mrkdwn, option, plain, reader

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def html_of(*items: dict[str, Any]) -> str:
    return str(blocks(list(items), reader()))


def test_a_section_shows_text_fields_and_accessory() -> None:
    html = html_of({
        "type": "section",
        "block_id": "b1",
        "text": mrkdwn("*hi*"),
        "fields": [mrkdwn("*Lead*\n<@U02BOB>"), plain("two")],
        "accessory": button("Open"),
    })  # fmt: skip

    assert "<strong>hi</strong>" in html
    assert html.count('class="field"') == 2
    assert 'data-action-id="go" data-block-id="b1" data-value="1"' in html


def test_plain_text_is_not_formatted() -> None:
    assert "*no* bold" in html_of({"type": "section", "text": plain("*no* bold")})


def test_buttons_have_their_style_and_their_confirmation() -> None:
    confirm = {"title": plain("Sure?"), "text": mrkdwn("`v42` to <b>"), "confirm": plain("Do"), "style": "danger"}
    html = html_of({"type": "actions", "elements": [button("Roll back…", style="danger", confirm=confirm)]})

    assert 'class="btn danger"' in html
    assert "Roll back…" in html
    assert "&#34;confirm&#34;:&#34;Do&#34;" in html
    assert "&lt;code&gt;v42&lt;/code&gt; to &amp;lt;b&amp;gt;" in html


def test_a_button_with_an_address_is_a_link_and_still_an_action() -> None:
    html = html_of({"type": "actions", "elements": [button("Card", url="https://example.com/card")]})

    assert '<a class="btn" href' not in html  # attributes stand in the order given, so look for each
    assert 'href="https://example.com/card"' in html
    assert "data-act " in html


def test_a_button_never_leads_to_a_script() -> None:
    assert "javascript" not in html_of({"type": "actions", "elements": [button("x", url="javascript:alert(1)")]})


def test_an_overflow_menu_lists_its_options() -> None:
    menu = {"type": "overflow", "action_id": "more", "options": [option("Silence 1 h", "s1"), option("Show", "sh")]}
    html = html_of({"type": "actions", "elements": [menu]})

    assert html.count('role="menuitem"') == 2
    assert 'data-value="s1"' in html
    assert 'aria-haspopup="menu"' in html


def test_an_unknown_block_is_shown_as_such() -> None:
    html = html_of({"type": "hologram"}, {"type": "actions", "elements": [{"type": "knob"}]})

    assert "Unsupported block “hologram”" in html
    assert "Unsupported element “knob”" in html


def test_images_are_told_and_not_loaded() -> None:
    html = html_of({"type": "image", "image_url": "https://evil.example/x.png", "alt_text": "A curve"})

    assert "A curve" in html
    assert "evil.example" not in html


@pytest.mark.parametrize("level", ["info", "warning", "error", "success"])
def test_alerts_have_their_level(level: str) -> None:
    html = html_of({"type": "alert", "level": level, "text": plain("look")})

    assert f'class="b-alert {level}"' in html


def test_a_container_folds() -> None:
    inside = [{"type": "section", "text": plain("deep")}]
    block = {"type": "container", "title": plain("More"), "is_collapsible": True, "child_blocks": inside}

    shown, folded = html_of(block), html_of(block | {"default_collapsed": True})

    assert "<details" in shown
    assert "deep" in shown
    assert " open>" in shown
    assert " open>" not in folded


def test_cards_stand_in_a_carousel() -> None:
    cards = [{"type": "card", "title": mrkdwn("*one*"), "body": mrkdwn("b")}, {"type": "card", "title": plain("two")}]
    html = html_of({"type": "carousel", "elements": cards})

    assert html.count('class="b-card"') == 2


def test_a_data_table_sorts_and_turns_pages() -> None:
    def cell(text: str) -> dict[str, Any]:
        return {"type": "raw_text", "text": text}

    rows = [[cell("Model"), cell("AUC")]]
    rows += [[cell(f"m{n}"), {"type": "raw_number", "value": n / 10, "text": f"0.{n}"}] for n in range(7)]
    html = html_of({"type": "data_table", "caption": "All", "page_size": 3, "rows": rows})

    assert html.count("data-sort-column") == 2
    assert html.count("<tr hidden>") == 4
    assert "1–3 of 7" in html
    assert 'data-number="0.3"' in html
    assert '<th class="left" scope="row">m0</th>' in html


def test_rich_text_keeps_its_styles() -> None:
    html = html_of({"type": "rich_text", "elements": [
        {"type": "rich_text_section", "elements": [
            {"type": "text", "text": "bold <b>", "style": {"bold": True}},
            {"type": "user", "user_id": "U02BOB"},
            {"type": "link", "url": "https://example.com", "text": "here"},
            {"type": "emoji", "name": "fire"},
        ]},
        {"type": "rich_text_list", "style": "ordered", "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]},
        ]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x = 1"}]},
    ]})  # fmt: skip

    assert "<strong>bold &lt;b&gt;</strong>" in html
    assert "@bob" in html
    assert "🔥" in html
    assert "<li>one</li>" in html
    assert "<pre><code>x = 1</code></pre>" in html


def test_markdown_is_drawn_and_its_html_is_text() -> None:
    text = "# Title\nSome **bold**, [a link](https://x.example) and <b>\n\n- one\n- two\n\n> said\n\n```\ncode *x*\n```"
    html = html_of({"type": "markdown", "text": text})

    assert 'role="heading" aria-level="2">Title' in html
    assert "<strong>bold</strong>" in html
    assert 'href="https://x.example"' in html
    assert "&lt;b&gt;" in html
    assert html.count("<li>") == 2
    assert "<blockquote>said</blockquote>" in html
    assert "<pre><code>code *x*</code></pre>" in html


def test_text_stands_above_attachments_as_in_slack() -> None:
    card = {"color": "#a30200", "blocks": [{"type": "section", "text": plain("inside")}]}
    html = str(content({"text": "Firing: drift", "attachments": [card]}, reader()))

    assert html.index("Firing: drift") < html.index("inside")
    assert 'fill="#a30200"' in html


def test_text_is_only_a_notification_when_there_are_blocks() -> None:
    message = {"text": "for the phone", "blocks": [{"type": "section", "text": plain("shown")}]}

    assert "for the phone" not in content(message, reader())


def test_old_attachments_are_drawn() -> None:
    old = {
        "color": "good",
        "title": "Deployed",
        "text": "v42 is *live*",
        "fields": [{"title": "Stage", "value": "prod"}],
    }
    html = str(content({"text": "", "attachments": [old]}, reader()))

    assert "Deployed" in html
    assert "<strong>live</strong>" in html
    assert "#2eb886" in html


@pytest.mark.parametrize("value", ['red" onload=alert(1)', "url(x)", None, 7, "#12", ""])
def test_a_colour_is_a_colour(value: object) -> None:
    assert colour(value) == "#b9bcc4"


class Tags(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def hostile(block: Any) -> Any:
    """Replace each string that people see or send by markup."""
    if isinstance(block, dict):
        kept = ("type", "style", "color", "level")
        return {key: value if key in kept else hostile(value) for key, value in block.items()}
    if isinstance(block, list):
        return [hostile(item) for item in block]
    return HOSTILE if isinstance(block, str) else block


@pytest.mark.parametrize("kind", sorted(BLOCKS))
def test_no_block_lets_markup_through(kind: str) -> None:
    cells = [[{"type": "raw_text", "text": "a"}, {"type": "raw_text", "text": "b"}]] * 2
    inner = [{"type": "rich_text_section", "elements": [{"type": "text", "text": "a"}, {"type": "link", "url": "u"}]}]
    elements: list[dict[str, Any]] = [
        button("a"), {"type": "overflow", "options": [option("a", "b")]}, mrkdwn("a"),
        {"type": "static_select", "options": [option("a", "b")]}, {"type": "image", "alt_text": "a"},
        {"type": "feedback_buttons", "positive_button": option("a", "b"), "negative_button": option("a", "b")},
    ]  # fmt: skip
    if kind == "rich_text":
        elements = inner
    if kind == "carousel":
        elements = [{"type": "card", "title": mrkdwn("a")}]
    chart = {
        "type": "bar",
        "series": [{"name": "a", "data": [{"label": "b", "value": 1}]}],
        "axis_config": {"categories": ["b"]},
    }
    full = hostile({
        "type": kind,
        **dict.fromkeys(("text", "body", "subtitle"), mrkdwn("a")),
        **dict.fromkeys(("block_id", "alt_text", "caption", "external_id", "title_url"), "a"),
        "title": plain("a"),
        "fields": [mrkdwn("a")],
        "elements": elements,
        "rows": cells,
        "chart": chart,
        "child_blocks": [{"type": "header", "text": plain("a")}],
        "accessory": button("a", confirm={"text": mrkdwn("a")}),
    })  # fmt: skip

    found = Tags()
    found.feed(str(blocks([full], reader())))

    assert found.names.isdisjoint({"script", "img", "iframe", "style"})
    assert not [name for name in found.attributes if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("kind", sorted(BLOCKS))
def test_no_block_fails_when_everything_is_missing(kind: str) -> None:
    assert blocks([{"type": kind}], reader()) is not None


def test_rendering_twice_is_equal() -> None:
    kit = [{"type": "section", "text": mrkdwn("*a* <@U02BOB>")}, {"type": "divider"}]

    assert blocks(kit, reader()) == blocks(json.loads(json.dumps(kit)), reader())


def test_static_files_hold_nothing_from_outside() -> None:
    root = Path(__file__).parents[3] / "bot"
    for file in [*(root / "sandbox/static").iterdir(), *(root / "templates/sandbox").iterdir()]:
        text = file.read_text().replace("http://www.w3.org/2000/svg", "").replace("https://docs.slack.dev", "")
        assert "http://" not in text, file
        assert "https://" not in text, file
        assert "style=" not in text, file
