"""Whether those who follow calls still may: asked for many sockets at once.

Each open page is looked at twice a minute. One by one, a thousand of them cost the web server and the database as much
as all the messages that they are sent: so those that are due within half a second go together, and agents at their own
calls, who are nearly all, are judged by what is read of all of them. Others are looked at one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID
from weakref import WeakKeyDictionary

from django.core.exceptions import PermissionDenied
from django.http import Http404

from accounts.models import User
from accounts.permissions import Permission
from accounts.socket_auth import Reader, SessionReader, users_of_sessions
from conversations.access import conversation_for
from conversations.models import Conversation
from tenants.scope import TenantThreads

GATHER_SECONDS = 0.5


class SignedOut(Exception):
    """The person behind the socket may no longer sign in."""


def user_now(reader: Reader) -> User:
    """Read the person of a socket again: signed out, no longer active, or of another role since?"""
    user = reader()
    if user is None:
        raise SignedOut
    return user


@dataclass(frozen=True)
class Follower:
    """Somebody who follows a call: how they are read again, and which."""

    reader: Reader
    conversation_id: UUID


# The person as they are now, and whose call it is.
Readable = tuple[User, str | None]


def readable(follower: Follower) -> Readable:
    """See that they may (still) follow the call. Raises `SignedOut` and `Http404`."""
    user = user_now(follower.reader)
    agent_id = conversation_for(user, follower.conversation_id).agent_id
    return user, str(agent_id) if agent_id else None


def readable_each(followers: Sequence[Follower]) -> list[Readable | Exception]:
    """The same for many: for each what it gives, or raises."""
    readers = [each.reader for each in followers]
    keys = {one.session_key for one in readers if isinstance(one, SessionReader) and one.session_key}
    users = users_of_sessions(keys)
    calls = Conversation.objects.filter(pk__in={each.conversation_id for each in followers})
    agents = dict(calls.values_list("pk", "agent_id"))
    found: list[Readable | Exception] = []
    for each in followers:
        user = users.get(each.reader.session_key or "") if isinstance(each.reader, SessionReader) else None
        is_own = user is not None and agents.get(each.conversation_id) == user.pk
        if user is not None and is_own and user.may(Permission.CONVERSATION_READ_OWN):
            found.append((user, str(user.pk)))
            continue
        try:
            found.append(readable(each))
        except (SignedOut, Http404, PermissionDenied) as error:
            found.append(error)
    return found


class Rechecks:
    """Of one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[Follower, asyncio.Future[Readable]]]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def readable(self, threads: TenantThreads, schema: str, follower: Follower) -> Readable:
        """`readable`, together with others of the company that ask at about the same time. Raises the same."""
        answer: asyncio.Future[Readable] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(schema, [])
        waiting.append((follower, answer))
        if len(waiting) == 1:
            task = asyncio.create_task(self._look(threads, schema))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await answer

    async def _look(self, threads: TenantThreads, schema: str) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        asked = self._waiting.pop(schema)
        try:
            found = await threads.run(schema, readable_each, [follower for follower, _answer in asked])
        except Exception as error:
            # A database that is away: each socket decides for itself what that means.
            found = [error] * len(asked)
        for (_follower, answer), each in zip(asked, found, strict=True):
            if answer.done():
                continue
            if isinstance(each, Exception):
                answer.set_exception(each)
            else:
                answer.set_result(each)


_rechecks: WeakKeyDictionary[asyncio.AbstractEventLoop, Rechecks] = WeakKeyDictionary()


def rechecks() -> Rechecks:
    """Those of the running loop."""
    return _rechecks.setdefault(asyncio.get_running_loop(), Rechecks())
