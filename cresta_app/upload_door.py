"""Who may send a large body at all: asked while its first bytes wait, so that no stranger fills a spool.

The views ask again, as everywhere; this only spares what they would throw away.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.shortcuts import resolve_url

from accounts.errors import error_place
from accounts.models import User
from accounts.permissions import Permission, Scope
from accounts.services import api_key_find
from accounts.socket_auth import session_key_of, user_of_session
from tenants.middleware import host_name, tenant_by_host
from tenants.scope import PUBLIC, TenantThreads

log = structlog.get_logger(__name__)

_NEEDED = {
    "/uploads/": Permission.UPLOAD_MANAGE,
    "/api/v1/uploads/": Permission.UPLOAD_MANAGE,
    "/knowledge/upload/": Permission.KNOWLEDGE_MANAGE,
    "/api/v1/knowledge-uploads/": Permission.KNOWLEDGE_MANAGE,
}
Header = Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer instead of the request's body. `location`: where a browser goes on."""

    status: str
    code: str
    message: str
    location: str = ""

    def answer(self) -> bytes:
        """The whole HTTP answer, in the API's error shape."""
        body = json.dumps({"error": {"code": self.code, "message": self.message}}).encode()
        head = f"HTTP/1.1 {self.status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
        if self.location:
            head += f"Location: {self.location}\r\n"
        return head.encode() + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


UNKNOWN_HOST = Refusal("404 Not Found", "not_found", "There is no such host.")
STRANGER = Refusal("401 Unauthorized", "not_authenticated", "Sign in first, or send an API key.")
WRONG_KEY = Refusal("401 Unauthorized", "authentication_failed", "This API key is not valid here.")
FORBIDDEN = Refusal("403 Forbidden", "permission_denied", "You may not upload here.")


class UploadDoor:
    """Asks for each upload who sends it. `threads` read the database."""

    def __init__(self, threads: TenantThreads) -> None:
        self._threads = threads

    @staticmethod
    def guards(path: str) -> bool:
        return path in _NEEDED

    async def refusal(self, path: str, header: Header) -> Refusal | None:
        """What to answer, where the body is not to come; None: let it come. `header` gives one by its name, or ""."""
        try:
            tenant = await self._threads.run(PUBLIC, tenant_by_host, host_name(header(b"host")))
            if tenant is None:
                return UNKNOWN_HOST
            return await self._threads.run(tenant.schema_name, _refusal, path, header)
        except DatabaseError as error:
            # The view meets the same, and says so.
            log.warning("upload.door_not_asked", where=error_place(error))
            return None


def _refusal(path: str, header: Header) -> Refusal | None:
    is_api = path.startswith("/api/")
    scheme, _space, secret = header(b"authorization").partition(" ")
    if is_api and scheme.lower() == "bearer":
        key = api_key_find(secret=secret.strip())
        if key is None:
            return WRONG_KEY
        return None if Scope.WRITE in key.scopes and _may(key.owner, path) else FORBIDDEN
    user = user_of_session(session_key_of({"headers": [(b"cookie", header(b"cookie").encode("latin-1"))]}))
    if user is not None:
        return None if _may(user, path) else FORBIDDEN
    if is_api or "application/json" in header(b"accept"):
        return STRANGER
    location = f"{resolve_url(settings.LOGIN_URL)}?next={path}"
    return Refusal("303 See Other", STRANGER.code, STRANGER.message, location)


def _may(user: User, path: str) -> bool:
    return user.may(_NEEDED[path])
