"""Modals and Home: triggers, stacks, hashes."""

from typing import Any

import pytest

from bot.sandbox import interactions
from tests.sandbox.conftest import Web


def modal(title: str = "T", **more: Any) -> dict[str, Any]:
    label = {"type": "plain_text", "text": "L"}
    block = {
        "type": "input",
        "block_id": "why",
        "label": label,
        "element": {"type": "plain_text_input", "action_id": "reason", "initial_value": "because"},
    }
    buttons = {"title": {"type": "plain_text", "text": title}, "submit": {"type": "plain_text", "text": "OK"}}
    return {"type": "modal", **buttons, "blocks": [block], **more}


def trigger(web: Web, user: str = "U01ALICE") -> str:
    return web.sandbox.triggers.make(web.sandbox.world.new_id("T"), user)


async def test_a_trigger_opens_one_modal(web: Web) -> None:
    ident = trigger(web)

    opened = await web.api("views.open", trigger_id=ident, view=modal())
    again = await web.api("views.open", trigger_id=ident, view=modal())
    unknown = await web.api("views.open", trigger_id="x", view=modal())

    values = opened["view"]["state"]["values"]
    assert values == {"why": {"reason": {"type": "plain_text_input", "value": "because"}}}
    assert again["error"] == "exchanged_trigger_id"
    assert unknown["error"] == "invalid_trigger_id"


async def test_a_trigger_is_good_for_three_seconds(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    ident = trigger(web)
    monkeypatch.setattr(interactions, "TRIGGER_S", -1.0)

    assert (await web.api("views.open", trigger_id=ident, view=modal()))["error"] == "expired_trigger_id"


async def test_three_modals_may_be_stacked(web: Web) -> None:
    opened = await web.api("views.open", trigger_id=trigger(web), view=modal("1"))

    pushed = [await web.api("views.push", trigger_id=trigger(web), view=modal(n)) for n in "234"]

    assert [answer["ok"] for answer in pushed] == [True, True, False]
    assert pushed[2]["error"] == "push_limit_reached"
    assert pushed[1]["view"]["root_view_id"] == opened["view"]["id"]
    assert pushed[1]["view"]["previous_view_id"] == pushed[0]["view"]["id"]


async def test_an_update_with_an_old_hash_is_refused(web: Web) -> None:
    view = (await web.api("views.open", trigger_id=trigger(web), view=modal()))["view"]

    first = await web.api("views.update", view_id=view["id"], hash=view["hash"], view=modal("new"))
    second = await web.api("views.update", view_id=view["id"], hash=view["hash"], view=modal("newer"))

    assert first["view"]["title"]["text"] == "new"
    assert second["error"] == "hash_conflict"


async def test_a_bad_view_is_refused_with_pointers(web: Web) -> None:
    answer = await web.api("views.open", trigger_id=trigger(web), view=modal("x" * 25))

    assert answer["error"] == "invalid_arguments"
    assert "[json-pointer:/view/title/text]" in answer["response_metadata"]["messages"][0]


async def test_home_is_published_for_one_user(web: Web) -> None:
    home = {"type": "home", "blocks": [{"type": "divider"}]}

    published = await web.api("views.publish", user_id="U01ALICE", view=home)
    stale = await web.api("views.publish", user_id="U01ALICE", view=home, hash="0")

    assert web.sandbox.world.homes["U01ALICE"]["id"] == published["view"]["id"]
    assert stale["error"] == "hash_conflict"
