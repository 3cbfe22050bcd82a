"""What a newcomer does in the page, with mouse and keyboard, against an unmodified Bolt app."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from bot.sandbox.box import Sandbox
from bot.sandbox.devtools import Tab
from tests.page.conftest import App, Open

CONFIRM = {
    "title": {"type": "plain_text", "text": "Roll back fraud-scorer?"},
    "text": {"type": "mrkdwn", "text": "prod: `v42` to `v41`"},
    "confirm": {"type": "plain_text", "text": "Roll back"},
    "deny": {"type": "plain_text", "text": "Cancel"},
    "style": "danger",
}


def card(text: str, **more: Any) -> list[dict[str, Any]]:
    press = {"type": "button", "action_id": "roll_back", "text": {"type": "plain_text", "text": "Roll back…"}, **more}
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return [section, {"type": "actions", "elements": [press]}]


async def text(page: Tab, selector: str) -> str:
    found = await page.js(f"document.querySelector({selector!r})?.innerText ?? ''")
    return str(found)


async def eventually(check: Callable[[], object], seconds: float = 15.0) -> bool:
    """Wait for what happens on the other side of the browser."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


async def test_a_command_is_answered_in_the_page(page: Open, app: App) -> None:
    window = await page()
    await window.type("#composer-text", "/model fraud-scorer")

    await window.press("Enter")
    await window.until("document.querySelector('.msg.private')?.innerText.includes('fraud-scorer')")

    answer = await text(window, ".msg.private")
    assert "Only visible to you" in answer
    assert "Status of fraud-scorer: good" in answer
    assert await window.js("document.querySelector('#composer-text').value") == ""


async def test_a_private_answer_is_seen_by_nobody_else(page: Open, app: App) -> None:
    alice, bob = await page(), await page(user="bob")
    await alice.type("#composer-text", "/model fraud-scorer\n")
    await alice.wait(".msg.private")
    await bob.type("#composer-text", "hello\n")
    await bob.wait(".msg")

    assert "Status of" not in await text(bob, "#log")


async def test_commands_are_suggested_and_completed(page: Open, sandbox: Sandbox) -> None:
    window = await page()
    await window.type("#composer-text", "/m")
    await window.wait("[role=option]")

    shown = await text(window, ".hints")
    await window.press("Tab")

    assert "/model" in shown
    assert "How is my model?" in shown
    assert await window.js("document.querySelector('#composer-text').value") == "/model "


async def test_an_edit_changes_the_card_where_it_stands(page: Open, app: App) -> None:
    posted = await app.client.chat_postMessage(
        channel="C02MLFRAUD", text="Firing: 1 alert", blocks=card("*Firing* 1 alert")
    )
    window = await page()
    await window.wait(".msg .btn")
    await window.js("document.querySelector('.msg .btn').focus(); window.before = document.querySelector('.msg'); 0")

    await app.client.chat_update(
        channel="C02MLFRAUD", ts=str(posted["ts"]), text="Firing: 14 alerts", blocks=card("*Firing* 14 alerts")
    )
    await window.until("document.querySelector('.msg').innerText.includes('14 alerts')")

    assert await window.js("document.activeElement.innerText") == "Roll back…"
    assert await window.js("window.before === document.querySelector('.msg')")
    assert await window.js("document.querySelectorAll('#log .row').length") == 1


async def test_an_edit_moves_neither_the_scroll_position_nor_an_open_menu(
    page: Open, sandbox: Sandbox, app: App
) -> None:
    more = {"type": "overflow", "action_id": "pick", "options": [
        {"text": {"type": "plain_text", "text": name}, "value": name} for name in ("Silence", "Show")
    ]}  # fmt: skip
    first = card("first")
    first[1]["elements"].append(more)
    posted = await app.client.chat_postMessage(channel="C02MLFRAUD", text="first", blocks=first)
    for number in range(40):
        said = {"type": "message", "user": "U02BOB", "text": f"line {number}"}
        sandbox.world.add_message("C02MLFRAUD", said, "person")
    window = await page()
    await window.js("document.querySelector('#log').scrollTop = 0")
    await window.click("[data-menu]")
    await window.wait("[role=menu]")

    first[0]["text"]["text"] = "second"
    await app.client.chat_update(channel="C02MLFRAUD", ts=str(posted["ts"]), text="second", blocks=first)
    await window.until("document.querySelector('.msg').innerText.includes('second')")

    assert await window.js("document.querySelector('[role=menu]').checkVisibility()")
    assert await window.js("document.querySelector('#log').scrollTop") == 0
    await window.press("ArrowDown")
    assert await window.js("document.activeElement.innerText") == "Show"
    await window.press("Escape")
    assert not await window.js("document.querySelector('[role=menu]').checkVisibility()")


async def test_new_messages_below_are_announced_and_reached(page: Open, sandbox: Sandbox) -> None:
    for number in range(60):
        sandbox.world.add_message(
            "C02MLFRAUD", {"type": "message", "user": "U02BOB", "text": f"line {number}"}, "person"
        )
    window = await page()
    await window.js("document.querySelector('#log').scrollTop = 0")

    sandbox.world.add_message("C02MLFRAUD", {"type": "message", "user": "U02BOB", "text": "news"}, "person")
    await window.wait("[data-bottom]")

    assert await text(window, "[data-bottom]") == "↓ 1 new message"
    await window.click("[data-bottom]")
    await window.until("document.querySelector('#log .row:last-child').getBoundingClientRect().bottom < innerHeight")


async def test_a_dangerous_button_asks_first(page: Open, app: App) -> None:
    await app.client.chat_postMessage(
        channel="C02MLFRAUD", text="x", blocks=card("v42", confirm=CONFIRM, style="danger")
    )
    window = await page()
    await window.click(".msg .btn.danger")
    await window.wait("#confirm")

    question = await text(window, "#confirm")
    await window.click("#confirm [value=no]")
    unasked = list(app.heard)
    await window.click(".msg .btn.danger")
    await window.click("#confirm [value=yes]")
    await window.until("document.querySelector('.msg').innerText.includes('Rolled back')")

    assert "Roll back fraud-scorer?" in question
    assert unasked == []
    assert app.heard[-1]["actions"][0]["action_id"] == "roll_back"


async def test_a_form_is_filled_in_corrected_and_sent(page: Open, app: App) -> None:
    window = await page()
    await window.type("#composer-text", "/model form\n")
    await window.wait("#modal[open]")
    start = await window.js("document.activeElement.value")
    await window.click("[data-submit]")
    await window.wait(".b-input.invalid")
    refused = await text(window, ".b-input.invalid")
    field = await window.js("document.activeElement.id")

    await window.js("document.activeElement.value = ''")
    await window.type(f"#{field}", "Payments are declined")
    await window.click(".choice input")
    await window.click("[data-submit]")
    await window.until("!document.querySelector('#modal').open")

    assert start == "odd"
    assert "Say it in a whole sentence." in refused
    values = app.heard[-1]["view"]["state"]["values"]
    assert values["title"]["title"]["value"] == "Payments are declined"
    assert values["lead"]["lead"]["selected_user"] == "U02BOB"
    assert [option["value"] for option in values["more"]["more"]["selected_options"]] == ["ticket"]


async def test_a_form_is_cancelled_by_escape(page: Open, app: App, sandbox: Sandbox) -> None:
    window = await page()
    await window.type("#composer-text", "/model form\n")
    await window.wait("#modal[open]")

    await window.press("Escape")
    await window.until("!document.querySelector('#modal').open")

    assert sandbox.world.views == {}


async def test_a_required_field_cannot_be_left_empty(page: Open, app: App) -> None:
    window = await page()
    await window.type("#composer-text", "/model form\n")
    await window.wait("#modal[open]")
    await window.js("document.querySelector('#modal input').value = ''")

    await window.click("[data-submit]")

    assert "Please complete this required field." in await text(window, "#modal")


async def test_a_thread_opens_beside_the_channel(page: Open, app: App) -> None:
    root = await app.client.chat_postMessage(channel="C02MLFRAUD", text="INC-118")
    await app.client.chat_postMessage(channel="C02MLFRAUD", text="an update", thread_ts=str(root["ts"]))
    window = await page()

    await window.click(".replies")
    await window.wait("#thread-text")
    await window.type("#thread-text", "thank you\n")
    await window.until("document.querySelector('#thread').innerText.includes('thank you')")

    assert await window.js("document.querySelectorAll('#log .row').length") == 1
    await window.until("document.querySelector('#log').innerText.includes('2 replies')")
    assert await eventually(lambda: app.heard and app.heard[-1]["thread_ts"] == root["ts"])


async def test_a_slash_command_in_a_thread_is_told_not_to_work(page: Open, app: App) -> None:
    root = await app.client.chat_postMessage(channel="C02MLFRAUD", text="INC-118")
    window = await page(thread=str(root["ts"]))

    await window.type("#thread-text", "/model status\n")
    await window.wait(".toast")

    assert "does not work in threads" in await text(window, ".toast")
    assert app.heard == []


async def test_a_message_shortcut_reaches_the_app(page: Open, app: App) -> None:
    await app.client.chat_postMessage(channel="C02MLFRAUD", text="strange")
    window = await page()
    await window.hover(".msg")
    await window.click("[data-message-menu]")
    items = await window.js("[...document.querySelectorAll('.message-menu button')].map(b => b.innerText)")

    await window.press("Enter")
    await window.wait(".replies")

    assert items == ["Report model issue", "Copy as JSON", "Copy link"]
    assert app.heard[-1]["callback_id"] == "report"


async def test_a_message_is_shown_as_json(page: Open, app: App) -> None:
    await app.client.chat_postMessage(channel="C02MLFRAUD", text="strange <b>", blocks=card("*x*"))
    window = await page()
    await window.hover(".msg")
    await window.click("[data-message-menu]")
    await window.click(".message-menu button:nth-child(2)")
    await window.wait("#source[open]")

    assert '"action_id": "roll_back"' in await text(window, "#source")


async def test_app_home_is_asked_for_and_shown(page: Open, app: App) -> None:
    window = await page()

    await window.click(".item[href*='home=1']")
    await window.wait(".b-header")

    assert await text(window, "#home") == "Your models"
    assert app.heard[0]["type"] == "app_home_opened"


async def test_a_permalink_leads_to_its_message_in_this_window(page: Open, sandbox: Sandbox, app: App) -> None:
    posted = await app.client.chat_postMessage(channel="C03MLWEEKLY", text="the digest")
    link = (await app.client.chat_getPermalink(channel="C03MLWEEKLY", message_ts=str(posted["ts"])))["permalink"]
    said = {"type": "message", "user": "U02BOB", "text": f"see <{link}|the digest>"}
    sandbox.world.add_message("C02MLFRAUD", said, "person")
    window = await page(user="bob")

    await window.click(".content a")
    await window.until("[...document.querySelectorAll('.row .content')].some(e => e.innerText.trim() === 'the digest')")

    assert await window.js("document.body.dataset.user") == "U02BOB"


async def test_another_channel_becomes_bold_and_is_visited(page: Open, app: App) -> None:
    window = await page()
    await app.client.chat_postMessage(channel="C03MLWEEKLY", text="ML weekly")
    await window.wait(".item.unread")

    unread = await text(window, ".item.unread")
    await window.click(".item.unread")
    await window.until("document.querySelector('#log').innerText.includes('ML weekly')")

    assert "ml-weekly" in unread
    assert await window.js("document.querySelectorAll('.item.unread').length") == 0
    assert "channel=ml-weekly" in await window.js("location.search")
    await app.client.chat_postMessage(channel="C03MLWEEKLY", text="one more")
    await window.until("document.querySelector('#log').innerText.includes('one more')")


async def test_acting_as_another_person_keeps_the_channel(page: Open, app: App) -> None:
    window = await page()
    await window.click(".person[href*='user=bob']")
    await window.until("document.body.dataset.user === 'U02BOB'")
    await window.type("#composer-text", "I look\n")

    await window.until("document.querySelector('.author')?.innerText === 'Bob Okafor'")


async def test_reactions_are_given_and_counted(page: Open, app: App) -> None:
    await app.client.chat_postMessage(channel="C02MLFRAUD", text="x")
    window = await page()
    await window.hover(".msg")
    await window.click(".tools [data-react=eyes]")
    await window.wait(".pill.mine")

    assert await text(window, ".pill") == "👀 1"
    await window.click(".pill.mine")
    await window.until("!document.querySelector('.pill')")


async def test_the_clock_and_the_faults_are_within_reach(page: Open, sandbox: Sandbox) -> None:
    window = await page()
    before = sandbox.world.clock.now()
    await window.click("[data-clock*='660']")
    await window.click(".faults summary")
    await window.click(".switch:first-child")
    await window.wait(".switch[aria-checked=true]")

    assert (sandbox.world.clock.now() - before).total_seconds() >= 660
    assert sandbox.faults.active == {"slack_down": True}
    await window.click(".switch[aria-checked=true]")
    await window.until("!document.querySelector('.switch[aria-checked=true]')")
    assert sandbox.faults.active == {}


async def test_the_story_is_played_from_the_side_bar(page: Open, sandbox: Sandbox) -> None:
    world = sandbox.world
    window = await page()
    world.story |= {"title": "A bad release", "can_kill": True, "events_in": 1001, "steps": [
        {"n": 1, "title": "Deploy v42", "state": "done", "note": "11 min ago"},
        {"n": 2, "title": "Drift storm", "state": ""},
    ]}  # fmt: skip
    world.story_pulse.beat()
    await window.wait(".step")

    await window.click("[data-story='2']")
    await window.click("[data-kill]")
    await window.until("true")

    assert "A BAD RELEASE" in (await text(window, "#story")).upper()
    assert "1,001 events in" in await text(window, "#counter")
    assert world.story["go"] == 2
    assert world.story["kill"]


async def test_the_inspector_shows_calls_as_they_come(page: Open, app: App) -> None:
    window = await page()
    await window.click(".counter")
    await window.wait("#calls")
    await app.client.chat_postMessage(channel="C02MLFRAUD", text="hello <b>world</b>")
    await window.until("document.querySelector('#calls tbody').innerText.includes('chat.postMessage')")

    assert "1 Slack call out" in await text(window, "#counter")


async def test_the_page_comes_back_when_the_connection_was_lost(page: Open, sandbox: Sandbox) -> None:
    window = await page()
    await window.until("document.querySelector('#lost').hidden")
    await window.call("Network.enable")
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    await window.call("Network.emulateNetworkConditions", offline=True, **offline)
    await window.js("location.hash = 'x'")
    sandbox.world.add_message("C02MLFRAUD", {"type": "message", "user": "U02BOB", "text": "missed?"}, "person")
    await window.call("Network.emulateNetworkConditions", offline=False, **offline)

    await window.until("document.querySelector('#log').innerText.includes('missed?')")
    window.problems.clear()  # the browser reports the connection that we cut


async def test_markup_in_messages_stays_text(page: Open, sandbox: Sandbox) -> None:
    hostile = "<img src=x onerror=\"document.title='bad'\"><script>document.title='bad'</script>"
    sandbox.world.add_message("C02MLFRAUD", {"type": "message", "user": "U02BOB", "text": hostile}, "person")
    window = await page()
    sandbox.world.add_message("C02MLFRAUD", {"type": "message", "user": "U02BOB", "text": hostile + " again"}, "person")
    await window.until("document.querySelector('#log').innerText.includes('again')")

    assert await window.js("document.title") == "#ml-fraud · Acme ML · sandbox"
    assert await window.js("document.querySelectorAll('#log img, #log script').length") == 0


async def test_tables_sort_and_turn_pages_and_stay_so_after_an_edit(page: Open, app: App) -> None:
    def table(*numbers: float) -> list[dict[str, Any]]:
        head = [{"type": "raw_text", "text": name} for name in ("Model", "AUC")]
        rows = [
            [{"type": "raw_text", "text": f"m{at}"}, {"type": "raw_number", "value": n, "text": f"{n}"}]
            for at, n in enumerate(numbers)
        ]
        return [{"type": "data_table", "caption": "Models", "page_size": 2, "rows": [head, *rows]}]

    posted = await app.client.chat_postMessage(channel="C02MLFRAUD", text="t", blocks=table(0.9, 0.7, 0.8))
    window = await page()
    visible = "[...document.querySelectorAll('tbody tr')].filter(r => !r.hidden).map(r => r.cells[0].textContent)"
    await window.wait("tbody tr")
    first = await window.js(visible)
    await window.click("[data-sort-column='1']")
    by_auc = await window.js(visible)
    await window.click("[data-turn='1']")
    last = await window.js(visible)

    await app.client.chat_update(channel="C02MLFRAUD", ts=str(posted["ts"]), text="t", blocks=table(0.9, 0.95, 0.8))
    await window.until("document.querySelector('#log').innerText.includes('0.95')")

    assert (first, by_auc, last) == (["m0", "m1"], ["m1", "m2"], ["m0"])
    assert await window.js(visible) == ["m1"]


async def test_on_a_phone_the_side_bar_comes_when_called(page: Open, sandbox: Sandbox) -> None:
    window = await page(width=390, height=800)

    assert await window.js("document.documentElement.scrollWidth") == 390
    assert not await window.js("document.querySelector('.brand').checkVisibility({visibilityProperty: true})")
    await window.click("[data-nav=open]")
    await window.until("document.querySelector('.brand').checkVisibility({visibilityProperty: true})")


async def test_a_long_channel_shows_its_end_first(page: Open, sandbox: Sandbox, app: App) -> None:
    for number in range(500):
        blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": f"*card* {number}"}}]
        said = {"type": "message", "user": "U00BELLWETHER", "bot_id": "B1", "text": "x", "blocks": blocks}
        sandbox.world.add_message("C02MLFRAUD", said, "app")
    window = await page()

    await window.until("document.querySelector('#log .row:last-child').innerText.includes('card 499')")
    await window.js("document.querySelector('.older').click()")
    await window.until("document.querySelectorAll('#log .row').length === 500")
