"""Looking at the sandbox and steering it: state, calls, faults, clock, story."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.asked import BadAct, body_of
from bot.sandbox.box import Sandbox
from bot.sandbox.faults import UnknownFault
from bot.sandbox.world import Channel

LONGEST_WAIT_S = 60.0


class Control:
    """The endpoints `/_sandbox/state|calls|faults|clock|story`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self._world = sandbox, sandbox.world

    def routes(self) -> list[Route]:
        return [
            Route("/_sandbox/state", self.state, methods=["GET"]),
            Route("/_sandbox/calls", self.calls, methods=["GET", "DELETE"]),
            Route("/_sandbox/faults", self.faults, methods=["GET", "PUT", "POST", "DELETE"]),
            Route("/_sandbox/clock", self.clock, methods=["GET", "POST"]),
            Route("/_sandbox/story", self.story, methods=["GET", "POST", "DELETE"]),
        ]

    async def state(self, request: Request) -> Response:
        """Everything, as it is; `?after=<version>&wait=<s>` waits for a change."""
        after, wait = _poll(request)
        await self._world.changed(after, wait)
        return JSONResponse(
            {
                "channels": [self._channel(channel) for channel in self._world.channels.values()],
                "ephemerals": self._world.ephemerals,
                "views": list(self._world.views.values()),
                "homes": self._world.homes,
                "issues": list(self._world.issues.values()),
                "clock": self._clock(),
                "users": [vars(user) for user in self._world.users.values()],
                "connections": len(self._sandbox.sockets.connections),
                "version": self._world.version,
            }
        )

    async def calls(self, request: Request) -> Response:
        """Every API call; `?after=<n>` only later ones. DELETE empties the list."""
        if request.method == "DELETE":
            self._world.calls.clear()
            return JSONResponse({"ok": True})
        after = int(request.query_params.get("after", 0))
        return JSONResponse([call for call in self._world.calls if call["n"] > after])

    async def faults(self, request: Request) -> Response:
        faults = self._sandbox.faults
        if request.method == "DELETE":
            faults.clear()
            self._world.touch("fault", "person")
        elif request.method != "GET":
            try:
                faults.merge(await body_of(request))
            except (UnknownFault, BadAct) as error:
                return JSONResponse({"ok": False, "error": str(error)}, 400)
            self._world.touch("fault", "person")
        return JSONResponse(faults.active)

    async def clock(self, request: Request) -> Response:
        """GET also waits: `?after=<version>&wait=<real seconds>`. POST `{advance_s, set, speed}`."""
        clock = self._world.clock
        if request.method == "GET":
            after, wait = _poll(request)
            await clock.pulse.wait(after, wait)
            return JSONResponse(self._clock())
        try:
            body = await body_of(request)
            self._steer(body)
        except (BadAct, TypeError, ValueError, OverflowError) as error:
            return JSONResponse({"ok": False, "error": str(error)}, 400)
        self._world.touch("clock", "person")
        return JSONResponse(self._clock())

    def _steer(self, body: dict[str, Any]) -> None:
        clock = self._world.clock
        unknown = sorted(set(body) - {"advance_s", "set", "speed"})
        if unknown:
            raise BadAct(f"unknown: {', '.join(unknown)} (there are advance_s, set, speed)")
        speed = float(body["speed"]) if body.get("speed") is not None else None
        if speed is not None and not 0 <= speed <= 1_000_000:
            raise BadAct("speed must be from 0 to 1000000")
        if body.get("set") is not None:
            clock.set(_instant(body["set"]))
        if body.get("advance_s") is not None:
            clock.advance(timedelta(seconds=float(body["advance_s"])))
        if speed is not None:
            clock.run_at(speed)

    async def story(self, request: Request) -> Response:
        """A blackboard between a story player and the page: POST merges an object, GET returns it (and waits)."""
        world = self._world
        if request.method == "GET":
            after, wait = _poll(request)
            await world.story_pulse.wait(after, wait)
        else:
            if request.method == "DELETE":
                world.story.clear()
            else:
                try:
                    world.story |= await body_of(request)
                except BadAct as error:
                    return JSONResponse({"ok": False, "error": str(error)}, 400)
            world.story_pulse.beat()
            world.touch("story", "person")
        return JSONResponse(world.story | {"version": world.story_pulse.version})

    def _clock(self) -> dict[str, Any]:
        clock = self._world.clock
        now = clock.now()
        return {
            "now": now.isoformat(),
            "speed": clock.speed,
            "epoch": now.timestamp(),
            "version": clock.pulse.version,
        }

    def _channel(self, channel: Channel) -> dict[str, Any]:
        return {
            "id": channel.id,
            "name": channel.name,
            "messages": self._world.messages[channel.id],
            "members": sorted(channel.members),
            "is_archived": channel.is_archived,
            "is_private": channel.is_private,
            "is_im": channel.is_im,
            "user": channel.user,
            "pins": channel.pins,
            "bookmarks": channel.bookmarks,
        }


def _instant(value: Any) -> datetime:
    """Return an aware time from ISO 8601 or epoch seconds; without a zone it is UTC."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    at = datetime.fromisoformat(str(value))
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _poll(request: Request) -> tuple[int, float]:
    """Return `after` and `wait`; without `after` nothing is waited for."""
    if "after" not in request.query_params:
        return -1, 0.0
    wait = float(request.query_params.get("wait", 25))
    return int(request.query_params["after"]), min(LONGEST_WAIT_S, max(0.0, wait))
