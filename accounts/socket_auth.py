"""Who is at the other end of a WebSocket: the session cookie, read within the company that the host names.

Channels' own middleware reads sessions by the async ORM, which may run in a thread that is set to another company.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.backends import EmailBackend
from accounts.models import User
from tenants.middleware import host_name, host_of
from tenants.scope import TenantThreads

Scope = dict[str, Any]

SIGNED_OUT = 4401
WRONG_ORIGIN = 4403


def user_of_session(session_key: str | None) -> User | None:
    """The active user of a session of the current company, or None."""
    if not session_key:
        return None
    session = SessionStore(session_key).load()
    user_id = _user_id(session)
    user = None if user_id is None else EmailBackend().get_user(user_id)
    return user if user is not None and _is_of(session, user) else None


def users_of_sessions(session_keys: Collection[str]) -> dict[str, User]:
    """The same for many sessions, in two queries: the users of those that have one."""
    rows = Session.objects.filter(session_key__in=session_keys, expire_date__gt=timezone.now())
    sessions = {row.session_key: SessionStore().decode(row.session_data) for row in rows}
    owners = {key: user_id for key, session in sessions.items() if (user_id := _user_id(session)) is not None}
    active = User.objects.filter(pk__in=set(owners.values()), is_active=True).select_related("team")
    users = {str(user.pk): user for user in active}
    return {
        key: users[one] for key, one in owners.items() if one in users and _is_of(sessions[key], users[one])
    }


def _user_id(session: dict[str, Any]) -> Any:
    """Who has signed in by this session; None for nobody, or by a way that is no longer used."""
    known = session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
    return session.get(SESSION_KEY) if known else None


def _is_of(session: dict[str, Any], user: User) -> bool:
    """Whether it still is theirs: it is not once they have another password."""
    return constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")


def session_key_of(scope: Scope) -> str | None:
    """The session key in the connection's cookie; None without one, or with cookies that cannot be read."""
    try:
        cookies = SimpleCookie(_header(scope, b"cookie"))
    except CookieError:
        return None
    morsel = cookies.get(settings.SESSION_COOKIE_NAME)
    return morsel.value if morsel else None


# Reads the person behind a socket again, within the company: None once they may no longer be here.
Reader = Callable[[], User | None]


@dataclass(frozen=True, slots=True)
class SessionReader:
    """By their session."""

    session_key: str | None

    def __call__(self) -> User | None:
        return user_of_session(self.session_key)


# A page that may send no cookie offers two subprotocols: this one, which it gets, and its token with a mark.
TOKEN_PROTOCOL = "cresta.token"  # noqa: S105 a name, not a secret
TOKEN_MARK = "token."  # noqa: S105


class SocketAuth:
    """ASGI middleware: who is there, or close with 4401 (4403 for a foreign page).

    Puts into the scope `user`, `reader` (reads them again) and `by_token`. `tokens` looks up a token and gives its
    reader; a socket that brings one is never let in by a cookie.
    """

    def __init__(
        self,
        inner: Callable[..., Awaitable[None]],
        threads: TenantThreads,
        tokens: Callable[[str], Reader | None] | None = None,
    ) -> None:
        self.inner = inner
        self.threads = threads
        self.tokens = tokens

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        origin = _header(scope, b"origin")
        if origin and host_name(urlsplit(origin).netloc) != host_of(scope):
            return await self._close(receive, send, WRONG_ORIGIN, "this page may not open sockets here")
        by_token = TOKEN_PROTOCOL in scope.get("subprotocols", ())
        found = await self.threads.run(scope["schema"], self._person, scope, by_token)
        chosen = {"subprotocol": TOKEN_PROTOCOL} if by_token else {}
        if found is None:
            return await self._close(receive, send, SIGNED_OUT, "signed out", **chosen)
        user, reader = found
        return await self.inner(
            {**scope, "user": user, "reader": reader, "by_token": by_token, **chosen}, receive, send
        )

    def _person(self, scope: Scope, by_token: bool) -> tuple[User, Reader] | None:
        reader: Reader | None = SessionReader(session_key_of(scope))
        if by_token:
            offered = (name for name in scope["subprotocols"] if name.startswith(TOKEN_MARK))
            token = next(offered, "").removeprefix(TOKEN_MARK)
            reader = self.tokens(token) if self.tokens and token else None
        user = reader() if reader else None
        return None if user is None or reader is None else (user, reader)

    @staticmethod
    async def _close(
        receive: Callable[..., Any], send: Callable[..., Any], code: int, reason: str, **accept: str
    ) -> None:
        await receive()
        # Accepted first: a browser is told the code of a socket that was open, never of one that was refused.
        await send({"type": "websocket.accept", **accept})
        await send({"type": "websocket.close", "code": code, "reason": reason})
