"""What a person does reaches a Bolt app over Socket Mode, and what it answers is seen."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from slack_bolt.async_app import AsyncApp

from tests.sandbox.conftest import Connect, Web

GO = {"type": "button", "action_id": "go", "value": "7", "text": {"type": "plain_text", "text": "Go"}}


def card(text: str) -> dict[str, Any]:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return {"text": text, "blocks": [section, {"type": "actions", "elements": [GO]}]}


def form(**more: Any) -> dict[str, Any]:
    def asked(block_id: str, element: dict[str, Any], **how: Any) -> dict[str, Any]:
        label = {"type": "plain_text", "text": block_id}
        return {"type": "input", "block_id": block_id, "label": label, "element": element, **how}

    options = [{"text": {"type": "plain_text", "text": f"SEV{n}"}, "value": f"sev{n}"} for n in (1, 2)]
    menu = {"type": "static_select", "action_id": "severity", "options": options, "initial_option": options[1]}
    return {
        "type": "modal",
        "callback_id": "declare",
        "title": {"type": "plain_text", "text": "Declare"},
        "submit": {"type": "plain_text", "text": "OK"},
        "blocks": [
            asked("b1", {"type": "plain_text_input", "action_id": "title"}),
            asked("b2", menu),
            asked("b3", {"type": "users_select", "action_id": "lead"}, optional=True),
        ],
        **more,
    }


async def test_a_command_answered_in_the_ack_is_seen_only_by_who_asked(
    live: Web, app: AsyncApp, connect: Connect
) -> None:
    @app.command("/model")
    async def model(ack: Any, command: dict[str, Any]) -> None:
        await ack(text=f"{command['user_name']} asked {command['text']} in {command['channel_name']}")

    await connect()

    answer = await live.act("command", user="alice", channel="#ml-fraud", text="/model status  @bob")

    assert answer["ok"]
    assert [shown["text"] for shown in answer["ephemerals"]] == ["alice asked status  @bob in ml-fraud"]
    assert answer["ephemerals"][0]["user"] == "U01ALICE"
    assert answer["messages"] == []
    assert 0 < answer["ack_ms"] <= answer["visible_ms"] + 1


async def test_should_escape_turns_names_into_ids(live: Web, app: AsyncApp, connect: Connect) -> None:
    @app.command("/oncall")
    async def oncall(ack: Any, command: dict[str, Any]) -> None:
        await ack({"response_type": "in_channel", "text": command["text"]})

    await connect()

    answer = await live.act("command", user="alice", channel="general", text="/oncall @bob #ml-fraud x@y.z")

    assert answer["messages"][0]["text"] == "<@U02BOB|bob> <#C02MLFRAUD|ml-fraud> x@y.z"


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ({"text": "/nope"}, "invalid_command", "`/nope` is not a valid command."),
        ({"text": "/model", "thread_ts": "1.000001"}, "not_supported_in_threads", "/model is not supported in threads"),
        ({"text": "/model"}, "dispatch_failed", '/model failed with the error "dispatch_failed"'),
    ],
)
async def test_commands_that_slack_itself_refuses(web: Web, body: dict[str, Any], error: str, words: str) -> None:
    answer = await web.act("command", user="alice", channel="general", **body)

    assert (answer["ok"], answer["error"]) == (False, error)
    assert answer["ephemerals"][0]["text"].startswith(words)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"user": "eve", "channel": "general"}, "no such user: 'eve'"),
        ({"user": "bellwether", "channel": "general"}, "no such user: 'bellwether'"),
        ({"user": "alice", "channel": "nowhere"}, "no such channel: 'nowhere'"),
    ],
)
async def test_unknown_people_and_places_are_named(web: Web, body: dict[str, Any], error: str) -> None:
    assert (await web.act("message", text="x", **body))["error"] == error


async def test_an_app_that_does_not_ack_in_time_is_shown_to_the_person(
    live: Web, app: AsyncApp, connect: Connect
) -> None:
    @app.command("/model")
    async def model() -> None:
        return None

    await connect()

    answer = await live.act("command", user="alice", channel="general", text="/model")

    assert answer["error"] == "operation_timeout"
    assert answer["ephemerals"][0]["text"] == "/model failed because the app did not respond."


async def test_a_button_changes_the_message_it_stands_on(live: Web, app: AsyncApp, connect: Connect) -> None:
    seen: dict[str, Any] = {}

    @app.action("go")
    async def go(ack: Any, body: dict[str, Any], client: Any) -> None:
        seen.update(body)
        await ack()
        await client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], **card("pressed"))

    await connect()
    ts = (await live.api("chat.postMessage", channel="C01GENERAL", **card("press me")))["ts"]

    answer = await live.act("action", user="bob", channel="general", ts=ts, action_id="go", value="7")
    wrong = await live.act("action", user="bob", channel="general", ts=ts, action_id="stop")

    assert [message["text"] for message in answer["messages"]] == ["pressed"]
    assert seen["user"]["id"] == "U02BOB"
    assert seen["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": "C01GENERAL",
        "is_ephemeral": False,
    }
    assert seen["actions"][0]["value"] == "7"
    assert seen["message"]["text"] == "press me"
    assert wrong["error"] == "no such action"


async def test_a_button_on_an_ephemeral_is_settled_by_its_response_url(
    live: Web, app: AsyncApp, connect: Connect
) -> None:
    @app.command("/model")
    async def model(ack: Any) -> None:
        await ack(card("sure?"))

    @app.action("go")
    async def go(ack: Any, respond: Any) -> None:
        await ack()
        await respond(text="done", replace_original=True)

    await connect()
    shown = (await live.act("command", user="alice", channel="general", text="/model"))["ephemerals"][0]

    answer = await live.act("action", user="alice", channel="general", ts=shown["ts"], action_id="go")
    foreign = await live.act("action", user="bob", channel="general", ts=shown["ts"], action_id="go")

    assert [(one["ts"], one["text"]) for one in answer["ephemerals"]] == [(shown["ts"], "done")]
    assert foreign["error"] == "message_not_found"


async def test_an_overflow_sends_the_chosen_option(live: Web, app: AsyncApp, connect: Connect) -> None:
    options = [{"text": {"type": "plain_text", "text": f"Option {n}"}, "value": f"v{n}"} for n in (1, 2)]
    menu = {"type": "overflow", "action_id": "more", "options": options}

    @app.action("more")
    async def more(ack: Any, action: dict[str, Any], respond: Any) -> None:
        await ack()
        await respond(text=action["selected_option"]["value"])

    await connect()
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "accessory": menu}]
    ts = (await live.api("chat.postMessage", channel="C01GENERAL", attachments=[{"blocks": blocks}]))["ts"]

    by_text = await live.act("action", user="bob", channel="general", ts=ts, action_id="more", value="Option 2")
    unknown = await live.act("action", user="bob", channel="general", ts=ts, action_id="more", value="v3")

    assert by_text["ephemerals"][0]["text"] == "v2"
    assert unknown["error"] == "no such action: no option 'v3' (there are v1, v2)"


async def test_a_modal_is_filled_in_and_submitted(live: Web, app: AsyncApp, connect: Connect) -> None:
    @app.command("/model")
    async def model(ack: Any, command: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=form())

    @app.view("declare")
    async def declare(ack: Any, view: dict[str, Any], client: Any) -> None:
        values = view["state"]["values"]
        if values["b1"]["title"]["value"] == "bad":
            await ack(response_action="errors", errors={"b1": "too vague"})
            return
        await ack()
        chosen = values["b2"]["severity"]["selected_option"]["value"]
        await client.chat_postMessage(
            channel="#general",
            text=f"{values['b1']['title']['value']} {chosen} {values['b3']['lead']['selected_user']}",
        )

    await connect()
    view = (await live.act("command", user="alice", channel="general", text="/model"))["view"]

    incomplete = await live.act("submit", user="alice", view_id=view["id"], values={})
    refused = await live.act("submit", user="alice", view_id=view["id"], values={"title": "bad"})
    entry = {"b1": {"title": {"type": "plain_text_input", "value": "drift"}}, "b3": {"lead": "U02BOB"}}
    sent = await live.act("submit", user="alice", view_id=view["id"], values=entry)

    assert incomplete["errors"] == {"b1": "Please complete this required field."}
    assert (refused["ok"], refused["errors"]) == (False, {"b1": "too vague"})
    assert refused["view"]["errors"] == {"b1": "too vague"}
    assert (sent["ok"], sent["view"]) == (True, None)
    assert sent["messages"][0]["text"] == "drift sev2 U02BOB"


async def test_a_submission_can_update_push_and_clear(live: Web, app: AsyncApp, connect: Connect) -> None:
    @app.command("/model")
    async def model(ack: Any, command: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=form())

    @app.view("declare")
    async def declare(ack: Any, view: dict[str, Any]) -> None:
        word = view["state"]["values"]["b1"]["title"]["value"]
        await ack(response_action=word, **({} if word == "clear" else {"view": form(private_metadata=word)}))

    await connect()
    await live.act("command", user="alice", channel="general", text="/model")

    updated = await live.act("submit", user="alice", values={"title": "update"})
    pushed = await live.act("submit", user="alice", values={"title": "push"})
    closed = await live.act("close", user="alice")
    cleared = await live.act("submit", user="alice", values={"title": "clear"})

    assert updated["view"]["private_metadata"] == "update"
    assert pushed["view"]["previous_view_id"] == updated["view"]["id"]
    assert closed["view"]["id"] == updated["view"]["id"]
    assert cleared["view"] is None


async def test_a_mention_is_told_with_ids(live: Web, app: AsyncApp, connect: Connect) -> None:
    heard: list[str] = []

    @app.event("app_mention")
    async def mention(event: dict[str, Any], say: Any) -> None:
        heard.append(event["text"])
        await say(text="on it", thread_ts=event.get("thread_ts", event["ts"]))

    await connect()
    root = await live.act("message", user="alice", channel="ml-fraud", text="a < b & c, see #general and x@bob.io")

    answer = await live.act(
        "message", user="alice", channel="ml-fraud", text="hey @bellwether ask @bob", thread_ts=root["ts"]
    )

    stored = live.sandbox.world.message("C02MLFRAUD", root["ts"])
    assert stored is not None
    assert stored["text"] == "a &lt; b &amp; c, see <#C01GENERAL|general> and x@bob.io"
    assert heard == ["hey <@U00BELLWETHER> ask <@U02BOB>"]
    assert [message["text"] for message in answer["messages"]] == ["on it"]
    assert answer["messages"][0]["thread_ts"] == root["ts"]


async def test_a_direct_message_and_the_home_tab(live: Web, app: AsyncApp, connect: Connect) -> None:
    @app.event("message")
    async def direct(event: dict[str, Any], say: Any) -> None:
        await say(text=f"{event['channel_type']}: {event['text']}")

    @app.event("app_home_opened")
    async def opened(event: dict[str, Any], client: Any) -> None:
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [{"type": "divider"}]})

    await connect()

    said = await live.act("message", user="dana", channel="@bellwether", text="hello")
    home = await live.act("home", user="dana")

    assert [message["text"] for message in said["messages"]] == ["im: hello"]
    assert home["home"]["blocks"][0]["type"] == "divider"


async def test_shortcuts_on_a_message_and_anywhere(live: Web, app: AsyncApp, connect: Connect) -> None:
    @app.shortcut("to_timeline")
    async def timeline(ack: Any, shortcut: dict[str, Any], respond: Any) -> None:
        await ack()
        await respond(text=f"noted: {shortcut['message']['text']}")

    @app.shortcut("declare")
    async def declare(ack: Any, shortcut: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=shortcut["trigger_id"], view=form())

    await connect()
    ts = (await live.act("message", user="bob", channel="general", text="rolled back"))["ts"]

    noted = await live.act("shortcut", user="alice", channel="general", ts=ts, callback_id="to_timeline")
    anywhere = await live.act("shortcut", user="alice", callback_id="declare")
    unknown = await live.act("shortcut", user="alice", channel="general", ts=ts, callback_id="declare")

    assert noted["ephemerals"][0]["text"] == "noted: rolled back"
    assert anywhere["view"]["callback_id"] == "declare"
    assert unknown["error"] == "no such message shortcut: 'declare'"


async def test_reactions_are_told_when_the_manifest_asks(live: Web, app: AsyncApp, connect: Connect) -> None:
    @app.event("reaction_added")
    async def added(event: dict[str, Any], say: Any) -> None:
        await say(channel=event["item"]["channel"], text=f"saw {event['reaction']}")

    await connect()
    ts = (await live.act("message", user="bob", channel="general", text="x"))["ts"]

    answer = await live.act("react", user="alice", channel="general", ts=ts, name=":eyes:")
    again = await live.act("react", user="alice", channel="general", ts=ts, name="eyes")

    assert "saw eyes" in [message["text"] for message in answer["messages"]]
    assert again["error"] == "already_reacted"


async def test_people_edit_delete_pin_invite_and_archive(web: Web) -> None:
    ts = (await web.act("message", user="bob", channel="ml-leads", text="first"))["ts"]
    where = {"channel": "ml-leads", "ts": ts}

    foreign = await web.act("edit", user="alice", text="x", **where)
    edited = await web.act("edit", user="bob", text="second", **where)
    pinned = await web.act("pin", user="alice", **where)
    kicked = await web.act("member", user="dana", channel="ml-leads", kick="@bellwether")
    deaf = await web.api("chat.postMessage", channel="C04MLLEADS", text="x")
    invited = await web.act("member", user="dana", channel="ml-leads", invite="bellwether")
    deleted = await web.act("delete", user="bob", **where)
    archived = await web.act("archive", user="dana", channel="ml-leads")

    assert foreign["error"] == "cant_update_message"
    assert all(answer["ok"] for answer in (edited, pinned, kicked, invited, deleted, archived))
    assert deaf["error"] == "not_in_channel"
    stored = web.sandbox.world.message("C04MLLEADS", ts)
    assert stored is not None
    assert (stored["text"], stored["deleted"]) == ("second", True)
    assert (await web.act("message", user="bob", channel="ml-leads", text="x"))["error"] == "is_archived"


async def test_a_response_url_takes_five_answers_in_half_an_hour(live: Web, app: AsyncApp, connect: Connect) -> None:
    urls: list[str] = []

    @app.command("/model")
    async def model(ack: Any, command: dict[str, Any]) -> None:
        urls.append(command["response_url"])
        await ack("ok")

    await connect()
    for _ in range(2):
        await live.act("command", user="alice", channel="general", text="/model")

    answers = [await live.http.post(urls[0], json={"text": str(n)}) for n in range(6)]
    live.sandbox.world.clock.advance(timedelta(minutes=31))
    late: httpx.Response = await live.http.post(urls[1], json={"text": "late"})

    assert [answer.status_code for answer in answers] == [200] * 5 + [404]
    assert late.json() == {"ok": False, "error": "expired_url"}


async def test_choices_in_a_message_are_remembered_for_its_buttons(live: Web, app: AsyncApp, connect: Connect) -> None:
    @app.action("lead")
    async def lead(ack: Any) -> None:
        await ack()

    @app.action("go")
    async def go(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        await respond(text=body["state"]["values"]["who"]["lead"]["selected_user"])

    await connect()
    menu = {"type": "users_select", "action_id": "lead"}
    blocks = [{"type": "actions", "block_id": "who", "elements": [menu, GO]}]
    ts = (await live.api("chat.postMessage", channel="C01GENERAL", text="x", blocks=blocks))["ts"]
    choose = live.act("action", user="bob", channel="general", ts=ts, action_id="lead", value="dana")

    chosen, pressed = await asyncio.gather(choose, _later(live, ts))

    assert chosen["ok"]
    assert pressed["ephemerals"][0]["text"] == "U03DANA"


async def _later(live: Web, ts: str) -> dict[str, Any]:
    """Press while the first act still waits for an effect."""
    await asyncio.sleep(0.05)
    return await live.act("action", user="bob", channel="general", ts=ts, action_id="go")


async def test_a_permalink_leads_to_the_message_on_the_page(web: Web) -> None:
    root = (await web.act("message", user="bob", channel="general", text="root"))["ts"]
    reply = (await web.act("message", user="bob", channel="general", text="reply", thread_ts=root))["ts"]

    link = (await web.api("chat.getPermalink", channel="C01GENERAL", message_ts=reply))["permalink"]
    response = await web.http.get(link.partition("8765")[2])

    assert response.headers["location"] == f"/?channel=C01GENERAL&thread={root}&at={reply}"
