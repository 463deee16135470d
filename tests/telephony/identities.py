"""For tests of who the agent is: ids entered as an admin does, and what became of a call and of its agents' pages."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from django.conf import settings
from django.db import connection

from accounts.imports import people_import
from conversations.live.calls import call_announce
from conversations.live.wire import LineRequest, LineVendor, Start
from conversations.models import Conversation
from conversations.publish import agent_group, channel_of
from tests.ingest_lines import audio_of
from tests.live_calls import wait_for

# What is waited for comes at once, or late on a machine that is busy.
SECONDS = 60.0


def known(company: Any, provider: str, first: str, second: str) -> None:
    """Enter both agents' ids at the vendor as an admin does, by a CSV file."""
    rows = f"email,provider,agent_id\nagent@northwind.test,{provider},{first}\n"
    rows += f"teammate@northwind.test,{provider},{second}\n"
    with company.scope():
        assert not people_import(text=rows, actor=company.people["admin"]).errors


class Told:
    """What the pages of both agents are told."""

    def __init__(self, company: Any) -> None:
        self._client = redis.Redis.from_url(settings.REDIS_LAYER_URL)
        self._heard = self._client.pubsub(ignore_subscribe_messages=True)
        self._who = {
            channel_of(agent_group(company.schema, company.people[name].pk)).encode(): name
            for name in ("agent", "teammate")
        }
        self._heard.subscribe(*self._who)
        self.news: list[str] = []

    def of(self, call: Conversation, name: str) -> bool:
        """Whether this person's pages were told of the call."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            while message := self._heard.get_message(timeout=0.05):
                if str(call.pk).encode() in message["data"]:
                    self.news.append(self._who[message["channel"]])
            if name in self.news:
                return True
        return False

    def close(self) -> None:
        self._heard.close()
        self._client.close()


def call_of(company: Any, number: str) -> Conversation:
    with company.scope():
        return Conversation.objects.select_related("agent").get(provider_call_id=number)


def story(company: Any, call: Conversation) -> list[str]:
    """The phases that count, in the call's own time."""
    with company.scope():
        rows = list(call.phases.filter(refused=False).order_by("at", "pk"))
    assert [row.from_ms for row in rows] == sorted(row.from_ms for row in rows)
    return [row.phase for row in rows]


def handovers(company: Any, call: Conversation) -> list[tuple[str, str, str]]:
    with company.scope():
        rows = call.handovers.order_by("at", "pk")
        return list(rows.values_list("from_agent__name", "to_agent__name", "kind"))


def now_at(company: Any, call: Conversation) -> str:
    """Whose call it is, as its agent side has it, too."""
    with company.scope():
        call = Conversation.objects.select_related("agent").get(pk=call.pk)
        side = list(call.participants.filter(role="agent", left_at=None).values_list("user__name", flat=True))
        assert side == [call.agent.name if call.agent else None]
        return call.agent.name if call.agent else f"unmatched {call.provider_agent_id}"


def announce(company: Any, vendor: LineVendor, request: LineRequest, said: dict[str, Any]) -> Conversation:
    """A line's first message through its vendor's own admission and codec, without a socket."""
    with company.scope():
        admission = vendor.admit(request)
        start = vendor.codec(request).text(json.dumps(said))
        assert isinstance(start, Start)
        made = call_announce(
            source=vendor.source, start=admission.prepare(start.call), audio=admission.arrange(start.audio)
        )
        return Conversation.objects.get(pk=made.conversation_id)


@contextmanager
def line_open(talk: Callable[[threading.Event, threading.Event], Any]) -> Iterator[None]:
    """Hold a line open in a thread while hooks come; what goes wrong there is raised here."""
    on, over, failed = threading.Event(), threading.Event(), []

    def run() -> None:
        try:
            asyncio.run(talk(on, over))
        except BaseException as error:
            failed.append(error)
        finally:
            on.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert on.wait(SECONDS) and not failed, failed
    try:
        yield
    finally:
        over.set()
        thread.join(SECONDS)
    assert not failed and not thread.is_alive(), failed


async def stored(company: Any, number: str, length: int) -> None:
    """Wait until a call's line has brought so many bytes into the buffer. For a line's own event loop."""

    def brought() -> bool:
        with company.scope():
            call = Conversation.objects.filter(provider_call_id=number).first()
        return call is not None and len(audio_of(company, call.pk)[0]) >= length

    def wait() -> None:
        try:
            wait_for(brought, seconds=SECONDS, what=f"the sound of {number}")
        finally:
            connection.close()

    await asyncio.to_thread(wait)
