"""One message as a row of the list: author, time, content, reactions, replies, tools."""

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from bot.sandbox.bodies import content
from bot.sandbox.emoji import EMOJI
from bot.sandbox.look import Look
from bot.sandbox.markup import icon, tag
from bot.sandbox.viewer import Viewer
from bot.sandbox.world import World

Message = dict[str, Any]
AVATARS = 6
Address = Callable[..., str]


def avatar(world: World, user_id: str, look: str = "avatar") -> Markup:
    """Return the picture of a person: an initial on one of six colours; the app has a bell."""
    user = world.users.get(user_id)
    if user is not None and user.is_bot:
        return tag("span", icon("bell"), class_=f"{look} app", aria_hidden="true")
    name = user.real_name or user.name if user else "?"
    colour = list(world.users).index(user_id) % AVATARS if user else AVATARS - 1
    return tag("span", name[:1].upper(), class_=f"{look} a{colour}", aria_hidden="true")


def author(world: World, user_id: str) -> str:
    """Return the name that stands above a message."""
    user = world.users.get(user_id)
    if user is None:
        return user_id or "unknown"
    return user.name if user.is_bot else user.real_name or user.name


def row(world: World, look: Look, viewer: Viewer, message: Message, *, day: str, grouped: bool, pane: str) -> Markup:
    """Return one row; `pane` is m for the channel and t for the thread, so that ids stay unique in the page."""
    ts = str(message["ts"])
    private = "gone" in message  # only private answers have it
    ident = f"{pane}-{'e' if private else ''}{ts}"
    divider = tag("div", tag("span", day), class_="day", role="separator", aria_label=day) if day else None
    if message.get("deleted"):
        body = tag("div", icon("trash"), "This message was deleted.", class_="tombstone")
        article = tag(
            "article",
            tag("div", body, _replies(world, look, viewer, message, pane), class_="main"),
            class_="msg",
        )
        return tag("div", divider, article, id=ident, class_="row", data_ts=ts)
    who = str(message.get("by" if private else "user", ""))
    seconds = float(ts)
    time = tag(
        "a",
        viewer.clock(seconds),
        href=look.address(at=ts),
        class_="time",
        title=viewer.date_text(seconds, "{date_long} {time_secs}"),
    )
    user = world.users.get(who)
    badge = tag("span", "App", class_="app-badge") if user is not None and user.is_bot else None
    name = tag("strong", str(message.get("username") or author(world, who)), class_="author")
    head = None if grouped else tag("header", name, badge, time)
    article = tag(
        "article",
        tag("div", time if grouped else avatar(world, who), class_="gutter"),
        tag(
            "div",
            _private_note() if private else None,
            head,
            content(message, viewer),
            tag("span", "(edited)", class_="edited") if _shows_edited(message) else None,
            _reactions(look, message),
            _replies(world, look, viewer, message, pane),
            class_="main",
        ),
        None if private else _tools(look, ts, message, pane),
        class_=_look_of(message, grouped=grouped, private=private),
        data_ts=ts,
        data_channel=look.channel.id,
        data_mine=who == look.user.id,
        aria_label=f"{author(world, who)}, {viewer.when(seconds)}",
    )
    return tag("div", divider, article, id=ident, class_="row", data_ts=ts)


def _look_of(message: Message, *, grouped: bool, private: bool) -> str:
    looks = ["msg", str(message.get("subtype") or "")]
    looks += ["grouped"] if grouped else []
    looks += ["private"] if private else []
    return " ".join(filter(None, looks))


def _shows_edited(message: Message) -> bool:
    """An app's edit that carries blocks gets no "(edited)" in Slack; one of text alone does."""
    if not message.get("edited") or message.get("blocks"):
        return False
    return not any(item.get("blocks") for item in message.get("attachments") or [])


def _private_note() -> Markup:
    return tag("div", icon("eye"), "Only visible to you", class_="only-you")


def _reactions(look: Look, message: Message) -> Markup | None:
    found = message.get("reactions") or []
    pills = [
        tag(
            "button",
            EMOJI.get(reaction["name"], f":{reaction['name']}:"),
            " ",
            str(reaction["count"]),
            type="button",
            class_="pill mine" if look.user.id in reaction["users"] else "pill",
            aria_pressed="true" if look.user.id in reaction["users"] else "false",
            aria_label=f"{reaction['name'].replace('_', ' ')}, {reaction['count']}",
            data_react=reaction["name"],
        )
        for reaction in found
    ]
    return tag("div", *pills, class_="reactions") if pills else None


def _replies(world: World, look: Look, viewer: Viewer, message: Message, pane: str) -> Markup | None:
    count = int(message.get("reply_count") or 0)
    if not count or pane == "t":
        return None
    faces = [avatar(world, user, "face") for user in message.get("reply_users") or []]
    last = viewer.when(float(message["latest_reply"]))
    return tag(
        "a",
        tag("span", *faces, class_="faces"),
        tag("strong", f"{count} {'reply' if count == 1 else 'replies'}"),
        tag("span", f"last {last}", class_="muted"),
        class_="replies",
        href=look.address(thread=str(message["ts"])),
        data_visit=True,
    )


def _tools(look: Look, ts: str, message: Message, pane: str) -> Markup:
    """Return what appears beside a message under the pointer or when the focus is in it."""
    root = str(message.get("thread_ts") or ts)
    return tag(
        "div",
        tag(
            "button", "👀", type="button", class_="tool", data_react="eyes",
            aria_label="React with eyes", title="I take it",
        ),
        tag(
            "button", "✅", type="button", class_="tool", data_react="white_check_mark",
            aria_label="React with check mark", title="Done",
        ),
        tag(
            "a", icon("thread"), class_="tool", href=look.address(thread=root), data_visit=True, data_reply=True,
            aria_label="Reply in thread", title="Reply in thread",
        ) if pane == "m" else None,
        tag(
            "button", icon("dots"), type="button", class_="tool", data_message_menu=True, aria_haspopup="menu",
            aria_expanded="false", aria_label="More actions for this message", title="More actions",
        ),
        class_="tools",
    )  # fmt: skip
