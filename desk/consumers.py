"""The browser sockets: an agent's calls, one conversation as it happens, the supervisors' floor.

All database work goes to one pool of threads, each of which sets the company's schema for each piece of work.
Within one socket everything happens one after the other: what is published while it reads the database waits
in its queue.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs
from uuid import UUID

import structlog
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.socket_auth import SIGNED_OUT, Reader
from coaching.presence import DESK, FLOOR, RENEW_SECONDS, leaving, seen
from coaching.shifts import shifts_now
from conversations.access import conversation_for, conversations_visible
from conversations.publish import agent_group, conversation_group, event_of, floor_group
from conversations.selectors import GUARDED, item_visible, scores_unseen
from desk import answers
from desk.floor_selectors import floor_rows, floor_tiles, panel_opened, panels_open
from desk.following import Following, events_missing
from desk.hub import Mailbox, hub, mailbox_run
from desk.rechecks import Follower, SignedOut, readable, rechecks, user_now
from desk.selectors import desk_state, now_ms
from tenants.scope import TenantThreads

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

threads = TenantThreads(4, "desk")

NOT_ALLOWED = 4403
NOT_FOUND = 4404
MESSAGE_MAX = 4096
# A page that stays open is asked again whether it may: people leave, calls change hands.
RECHECK_SECONDS = 30.0
FLOOR_DEBOUNCE_SECONDS = 0.4
# Events that are not for everybody who follows a call, or that may change who may.
JUDGED = frozenset({*GUARDED, "conversation"})


class Socket(AsyncJsonWebsocketConsumer):
    """What the three have in common: threads, errors in words, bounded messages."""

    permission: Permission
    # Which page this socket shows to be open, if any: see `coaching.presence`.
    page = ""
    present_at = float("-inf")
    # Whether the side panel, which has a token of its own, may open it.
    for_panel = False
    message_max = MESSAGE_MAX
    shut = False
    checked = float("-inf")

    async def dispatch(self, message: dict[str, Any]) -> None:
        # Unlike Channels' own, this does not visit the shared database thread each time: we never use it.
        if self.shut and message["type"] != "websocket.disconnect":
            return
        handler = getattr(self, message["type"].replace(".", "_"), None)
        if handler is None:
            log.warning("socket.unknown_message", kind=message["type"])
            return
        try:
            await handler(message)
        except SignedOut:
            await self.refuse(SIGNED_OUT)
        except Http404:
            await self.refuse(NOT_FOUND)
        except PermissionDenied:
            await self.refuse(NOT_ALLOWED)

    async def refuse(self, code: int) -> None:
        """Close for good. What is still in the queue is no longer for this page."""
        self.shut = True
        await self.close(code=code)

    async def connect(self) -> None:
        # First, so that the browser is told the code of a refusal.
        await self.accept(self.scope.get("subprotocol"))
        if self.scope["by_token"] and not self.for_panel:
            raise PermissionDenied
        if not self.scope["user"].may(self.permission):
            raise PermissionDenied
        self.reader: Reader = self.scope["reader"]
        self.checked = time.monotonic()
        await self.here()
        await self.opened()

    async def here(self) -> None:
        """Say that this page is open, now and then again."""
        if self.page and time.monotonic() - self.present_at > RENEW_SECONDS:
            self.present_at = time.monotonic()
            if await self.database(seen, self.page, self.scope["user"].pk):
                await self.appeared()

    async def appeared(self) -> None:
        """This person has opened the page who had none open."""

    async def disconnect(self, code: int) -> None:
        if self.page and self.present_at > 0:
            await self.database(leaving, self.page, self.scope["user"].pk)

    async def opened(self) -> None:
        raise NotImplementedError

    @property
    def check_due(self) -> bool:
        return time.monotonic() - self.checked > RECHECK_SECONDS

    async def check(self) -> None:
        """See that the person may still be here; raises what closes the socket otherwise."""
        self.scope["user"] = await self.database(user_now, self.reader)
        if not self.scope["user"].may(self.permission):
            raise PermissionDenied
        self.checked = time.monotonic()

    async def check_if_due(self) -> None:
        if self.check_due:
            await self.check()

    async def join(self, group: str) -> None:
        self.groups.append(group)
        await self.channel_layer.group_add(group, self.channel_name)

    async def database(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await threads.run(self.scope["schema"], work, *args, **kwargs)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **_kwargs: Any
    ) -> None:
        if text_data is None:
            return await self.complain(_("This socket takes JSON text only."))
        if len(text_data) > self.message_max:
            return await self.complain(_("That message is too long."))
        try:
            content = json.loads(text_data)
        except (ValueError, RecursionError):
            return await self.complain(_("That is not JSON."))
        if not isinstance(content, dict) or not isinstance(content.get("type"), str):
            return await self.complain(_("A message is an object with a type."))
        if content["type"] == "ping":
            # A page asks whether the line is alive; we use it to ask whether the page may still follow.
            await self.check_if_due()
            await self.here()
            await self.asked()
            return await self.send_json({"type": "pong", "now": now_ms()})
        return await self.told(content)

    async def asked(self) -> None:
        """The page is still there: what it should be told now and then."""

    async def told(self, content: dict[str, Any]) -> None:
        """A message from the browser."""
        await self.complain(_("This socket takes no such message."))

    async def complain(self, message: str, **extra: Any) -> None:
        await self.send_json({"type": "error", "message": message, **extra})


class DeskConsumer(Socket):
    """`/ws/desk/`: which calls are this agent's. First `calls` with the desk's state, then `call`s."""

    permission = Permission.DESK_WORK
    page = DESK
    for_panel = True

    async def opened(self) -> None:
        user: User = self.scope["user"]
        await self.join(agent_group(self.scope["schema"], user.pk))
        await self.send_json({"type": "calls", **await self.database(self._state, self.reader)})

    async def appeared(self) -> None:
        await self.database(panel_opened, self.scope["user"].pk)

    async def agent_call(self, message: dict[str, Any]) -> None:
        state = await self.database(self._state, self.reader)
        known = {call["id"] for call in (*state["calls"], *state["tray"])}
        call = {"conversation": message["conversation"], "state": message["state"]}
        # A call that was given to somebody else is no longer among ours.
        await self.send_json({"type": "call", **call, "mine": message["conversation"] in known, **state})

    @staticmethod
    def _state(reader: Reader) -> dict[str, Any]:
        user = user_now(reader)
        if not user.may(Permission.DESK_WORK):
            raise PermissionDenied
        return desk_state(user)


class ConversationConsumer(Socket):
    """`/ws/conversations/<uuid>/?after=N`: one conversation as it happens, for who may read it.

    After each (re)connection the browser gets every event after N once, in ascending order without a gap.
    """

    permission = Permission.CONVERSATION_READ_OWN
    for_panel = True
    rechecking: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        # One for each agent at work: they are brought their messages by the hub and not by Channels' layer.
        self.scope, self.base_send = scope, send
        self.mailbox = Mailbox()
        self.mailbox.at_once = self.at_once
        # What sends a text without waiting, where the server has such a thing.
        self.text_send: Callable[[bytes], bool] | None = scope.get("extensions", {}).get("websocket.text")
        self.joined: list[str] = []
        await mailbox_run(self.mailbox, receive, self.dispatch, self.joined)

    async def join(self, group: str) -> None:
        self.joined.append(group)
        await hub().join(group, self.mailbox)

    async def opened(self) -> None:
        self.conversation_id: UUID = self.scope["url_route"]["kwargs"]["conversation_id"]
        asked = parse_qs(self.scope["query_string"].decode("latin-1")).get("after", ["0"])[0]
        self.following = Following(
            int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
        )
        await self.check()
        # The group first: what is committed after our reading is then certain to be waiting in the queue.
        await self.join(conversation_group(self.scope["schema"], self.conversation_id))
        await self.send_json({"type": "hello", "now": now_ms()})
        await self.catch_up()

    async def check(self) -> None:
        follower = Follower(self.reader, self.conversation_id)
        self.user, self.agent_id = await self.database(readable, follower)
        self.checked = time.monotonic()

    async def check_if_due(self) -> None:
        """With others, and beside what is going on: no hint waits for it."""
        if self.check_due and (self.rechecking is None or self.rechecking.done()):
            self.checked = time.monotonic()
            self.rechecking = asyncio.create_task(self._recheck())

    async def _recheck(self) -> None:
        follower = Follower(self.reader, self.conversation_id)
        message: dict[str, Any] = {"type": "conversation.checked"}
        try:
            message["found"] = await rechecks().readable(threads, self.scope["schema"], follower)
        except Exception as error:
            message["error"] = error
        # Through the queue, so that what follows from it happens in this socket's own order.
        self.mailbox.put_nowait(message)

    async def conversation_checked(self, message: dict[str, Any]) -> None:
        if "error" in message:
            raise message["error"]
        self.user, self.agent_id = message["found"]

    async def catch_up(self) -> None:
        """Send what is committed and was not sent, from the database."""
        while True:
            events, reached = await self.database(events_missing, self.conversation_id, self.following.last)
            for event in events:
                await self.show(event)
            if reached == self.following.last:
                return
            self.following.sent_to(reached)

    async def show(self, event: dict[str, Any]) -> None:
        """Send one event, once whoever it now belongs to is checked."""
        data = event["data"]
        if event["kind"] == "conversation" and ((data.get("agent") or {}).get("id") != self.agent_id):
            await self.check()
        hidden = not item_visible(self.user, event["kind"], data)
        if not hidden and event["kind"] == "score":
            # Who judges it blind is not told by the way.
            hidden = bool(await self.database(scores_unseen, self.user, {self.conversation_id}))
        if hidden:
            # The number goes out, so that the page's count has no hole; what it stands for does not.
            event = {**event, "kind": "hidden", "data": {"id": data["id"]}}
        await self.send_json({"type": "event", **event})

    def at_once(self, message: dict[str, Any]) -> bool:
        """Do what takes no look at the database, which is nearly everything; the rest is for the methods below."""
        if self.shut:
            return True
        kind = message["type"]
        if kind == "conversation.event":
            if not self.following.is_next(message) or message["kind"] in JUDGED:
                return False
        elif kind == "conversation.heartbeat":
            if self.following.is_behind(message["head"]) or self.check_due:
                return False
        elif kind != "conversation.partial":
            return False
        if self.text_send is None or not self.text_send(message["json"]):
            return False
        if kind == "conversation.event":
            self.following.sent_to(message["seq"])
        return True

    async def conversation_event(self, message: dict[str, Any]) -> None:
        if not self.following.is_behind(message["seq"]):
            return
        if self.following.is_next(message):
            await self.show(event_of(message))
            self.following.sent_to(message["seq"])
        else:
            await self.catch_up()

    async def conversation_partial(self, message: dict[str, Any]) -> None:
        await self.send(text_data=message["json"].decode())

    async def conversation_heartbeat(self, message: dict[str, Any]) -> None:
        await self.check_if_due()
        if self.following.is_behind(message["head"]):
            await self.catch_up()
        await self.send(text_data=message["json"].decode())

    async def disconnect(self, code: int) -> None:
        if self.rechecking is not None:
            await self.rechecking
        await super().disconnect(code)

    async def told(self, content: dict[str, Any]) -> None:
        if content["type"] == "resume":
            after = content.get("after")
            if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**31:
                return await self.complain(_("“after” is the last sequence number that was seen."))
            await self.check()
            self.following = Following(after)
            return await self.catch_up()
        if content["type"] == "guidance":
            return await self.answer(content)
        return await self.complain(_("This socket takes no such message."))

    async def answer(self, content: dict[str, Any]) -> None:
        """An agent's answer to guidance. What it changes comes back as an event, to every open page."""
        try:
            given = answers.parse(content)
        except ValidationError as error:
            return await self.complain(" ".join(error.messages), id=content.get("id"))
        try:
            await self.database(self._answer, self.reader, self.conversation_id, given)
        except (Conflict, ValidationError) as error:
            message = str(error) if isinstance(error, Conflict) else " ".join(error.messages)
            return await self.complain(message, id=str(given.guidance_id))
        except Http404:
            message = _("There is no such guidance in this call.")
            return await self.complain(message, id=str(given.guidance_id))
        except PermissionDenied:
            message = _("Only the agent of this call can answer.")
            return await self.complain(message, id=str(given.guidance_id))
        return None

    @staticmethod
    def _answer(reader: Reader, conversation_id: UUID, given: answers.Answer) -> None:
        user = user_now(reader)
        conversation = conversation_for(user, conversation_id)
        answers.answer_give(user=user, conversation=conversation, given=given)


class FloorConsumer(Socket):
    """`/ws/floor/`: the rows and figures of the calls that this supervisor watches.

    First all rows, then at most every 400 ms the rows that changed, and the ids of those that left.
    """

    permission = Permission.FLOOR_WATCH
    page = FLOOR

    async def opened(self) -> None:
        self.changed: set[str] = set()
        self.waiting: asyncio.Task[None] | None = None
        await self.join(floor_group(self.scope["schema"]))
        rows, _gone, tiles = await self.database(self._read, self.reader, None)
        self.known = {row["id"] for row in rows}
        self.agents: dict[str, str] = {}
        self.panels: dict[str, bool] = {}
        self.shifts: list[dict[str, Any]] = []
        self.remember(rows)
        await self.send_json(
            {"type": "rows", "full": True, "rows": rows, "gone": [], "tiles": tiles, "now": now_ms()}
        )

    def remember(self, rows: list[dict[str, Any]]) -> None:
        """Keep whose panel is open as the page has been told it."""
        for row in rows:
            if row["panel"] is None:
                self.agents.pop(row["id"], None)
            else:
                self.agents[row["id"]] = row["agent"]["id"]
                self.panels[row["agent"]["id"]] = row["panel"]

    async def asked(self) -> None:
        """Panels that have closed and shifts that have changed announce themselves to nobody: look, now and then."""
        agents = set(self.agents.values())
        here, shifts = await self.database(self._around, self.scope["user"], agents)
        if here is not None:
            now = {agent: agent in here for agent in agents}
            changed = {agent: is_open for agent, is_open in now.items() if self.panels.get(agent) != is_open}
            self.panels = now
            if changed:
                await self.send_json({"type": "panels", "agents": changed})
        if shifts != self.shifts:
            self.shifts = shifts
            await self.send_json({"type": "shifts", "shifts": shifts})

    @staticmethod
    def _around(user: User, agents: set[str]) -> tuple[set[str] | None, list[dict[str, Any]]]:
        return panels_open(UUID(agent) for agent in agents), shifts_now(user)

    async def floor_changed(self, message: dict[str, Any]) -> None:
        self.changed.update(message["conversations"])
        if self.waiting is None:
            self.waiting = asyncio.create_task(self._later())

    async def _later(self) -> None:
        await asyncio.sleep(FLOOR_DEBOUNCE_SECONDS)
        # Back through the queue, so that reading and sending happen in this socket's own order.
        try:
            await self.channel_layer.send(self.channel_name, {"type": "floor.read"})
        except (RedisError, OSError) as error:
            # The next change tries again; what has changed until then is kept.
            self.waiting = None
            log.warning("floor.layer_away", error=type(error).__name__)

    async def floor_read(self, message: dict[str, Any]) -> None:
        self.waiting = None
        changed, self.changed = self.changed, set()
        rows, visible, tiles = await self.database(self._read, self.reader, changed)
        self.remember(rows)
        shown = {row["id"] for row in rows}
        gone = sorted((changed - shown) & self.known)
        self.known = (self.known | shown) - set(gone)
        for left in gone:
            self.agents.pop(left, None)
        # Changes of calls that are none of ours are not even hinted at.
        if shown or gone or visible:
            await self.send_json(
                {"type": "rows", "rows": rows, "gone": gone, "tiles": tiles, "now": now_ms()}
            )

    @staticmethod
    def _read(reader: Reader, changed: set[str] | None) -> tuple[list[dict[str, Any]], bool, dict[str, Any]]:
        user = user_now(reader)
        if not user.may(Permission.FLOOR_WATCH):
            raise PermissionDenied
        if changed is None:
            return floor_rows(user), True, floor_tiles(user)
        ids = [UUID(item) for item in changed]
        concerned = conversations_visible(user).filter(pk__in=ids).exists()
        return floor_rows(user, ids), concerned, floor_tiles(user)

    async def disconnect(self, code: int) -> None:
        waiting = getattr(self, "waiting", None)
        if waiting is not None:
            waiting.cancel()
        await super().disconnect(code)
