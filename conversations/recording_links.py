"""Addresses that let their bearer hear, or take away, one recording for a short time.

A link is signed and names company, recording, person and purpose. It must be begun within five minutes; who has begun
goes on for twice the length of the recording and ten minutes more, because a player asks for parts as it gets to
them. A link that was given to a browser works only in the session it was given to. One that was given to an API key
needs no key, so that it can be handed to a player; it still acts as the key's owner, and a person who is signed in as
somebody else is refused. Rights are looked at again at every request.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.core.cache import cache
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission
from conversations.access import conversation_for
from conversations.models import Recording
from tenants.scope import current_schema

BEGIN_WITHIN = timedelta(minutes=5)
MARGIN = timedelta(minutes=10)
PLAY, DOWNLOAD = "play", "download"
PURPOSES = {PLAY: Permission.RECORDING_PLAY, DOWNLOAD: Permission.RECORDING_DOWNLOAD}
FORMS = ("", "wav")

_signer = signing.TimestampSigner(salt="conversations.recording_links")


class LinkExpired(Exception):
    """The link was right once; ask for a new one."""


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """What a link allows: `user` may do `purpose` with `recording`, in the given form (empty: as it is kept)."""

    recording: Recording
    user: User
    purpose: str
    form: str


def link_make(
    *, user: User, recording: Recording, purpose: str, request: HttpRequest, form: str = ""
) -> tuple[str, datetime]:
    """Return the path of a new link and until when it must be begun. The caller has checked that the user may."""
    # A browser's session; a request by API key has none.
    session = request.session.session_key
    claims = {
        "company": current_schema(),
        "recording": str(recording.pk),
        "user": str(user.pk),
        "purpose": purpose,
        "form": form,
        "session": _digest(session) if session else "",
    }
    token = _signer.sign_object(claims, compress=True)
    return reverse("recording-sound", args=[token]), timezone.now() + BEGIN_WITHIN


def link_open(request: HttpRequest, token: str) -> OpenedLink:
    """Read a link. `Http404` for one that is not good here or not for this person; `LinkExpired`."""
    try:
        claims: dict[str, Any] = _signer.unsign_object(token)
        signed_at = _signed_at(token)
    except (signing.BadSignature, ValueError):
        raise Http404("no such link") from None
    session = request.session.session_key
    if claims["company"] != current_schema() or claims["purpose"] not in PURPOSES:
        raise Http404("no such link")
    if claims["session"] and (not session or _digest(session) != claims["session"]):
        raise Http404("no such link")
    if request.user.is_authenticated and str(request.user.pk) != claims["user"]:
        raise Http404("no such link")
    user = User.objects.filter(pk=claims["user"], is_active=True).first()
    recording = Recording.objects.filter(pk=claims["recording"]).first()
    if user is None or recording is None or not user.may(PURPOSES[claims["purpose"]]):
        raise Http404("no such link")
    conversation_for(user, recording.conversation_id)
    begun = f"recording-link:{_digest(token)}"
    if timezone.now() - signed_at <= BEGIN_WITHIN:
        length = timedelta(milliseconds=recording.duration_ms)
        cache.add(begun, 1, timeout=(2 * length + MARGIN).total_seconds())
    elif cache.get(begun) is None:
        raise LinkExpired
    return OpenedLink(recording, user, claims["purpose"], claims["form"])


def _signed_at(token: str) -> datetime:
    stamp = token.rsplit(_signer.sep, 2)[1]
    return datetime.fromtimestamp(signing.b62_decode(stamp), tz=timezone.get_current_timezone())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
