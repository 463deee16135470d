"""The side panel's sign-in: a code that the pop-up hands over, exchanged once for a token that lives for minutes.

In a frame of somebody else's page the browser keeps our cookies back, so the panel carries this token in a header.
It is good for the panel's requests and sockets and nothing else, is renewed while the panel is open, and is gone when
the person signs out, however they do so.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import Permission
from accounts.services import audit
from accounts.socket_auth import Reader, user_of_session
from desk.models import PanelSession

MARK = "crp_"
CODE_LASTS = timedelta(seconds=60)
TOKEN_LASTS = timedelta(minutes=15)
# For requests that were under way when the token was renewed.
BEFORE_LASTS = timedelta(seconds=60)
# A long shift; then the person signs in again.
PANEL_LASTS = timedelta(hours=12)
KEPT = timedelta(days=2)
CHALLENGE_LENGTH = 43  # 32 bytes in base64url


@dataclass(frozen=True, slots=True)
class Granted:
    """A token as it is handed out: shown once, stored nowhere."""

    panel: PanelSession
    token: str = field(repr=False)
    expires_at: datetime


def _hash(secret: str) -> str:
    # 256 random bits: there is nothing to guess, so a fast hash is enough.
    return hashlib.sha256(secret.encode()).hexdigest()


def challenge_of(verifier: str) -> str:
    """What the panel gives to the pop-up of the secret that it keeps (as in RFC 7636, S256)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def panel_code(*, user: User, session_key: str, challenge: str) -> str:
    """Make the code that the pop-up hands over to the panel that opened it. Raises `ValidationError`."""
    if len(challenge) != CHALLENGE_LENGTH or not challenge.isascii():
        raise ValidationError(_("This window was not opened by the panel. Sign in from there."))
    now = timezone.now()
    PanelSession.objects.filter(user=user, ends_at__lt=now - KEPT).delete()
    code = secrets.token_urlsafe(32)
    PanelSession.objects.create(
        user=user,
        session_key=session_key,
        challenge=challenge,
        code_hash=_hash(code),
        code_until=now + CODE_LASTS,
        ends_at=now + PANEL_LASTS,
    )
    return code


def panel_exchange(*, code: str, verifier: str, address: str | None = None) -> Granted | None:
    """Exchange a code for a token, once. None for one that was used, is too old, or is not this panel's."""
    now = timezone.now()
    with transaction.atomic():
        panel = (
            PanelSession.objects.select_for_update(of=("self",))
            .select_related("user")
            .filter(code_hash=_hash(code), code_until__gt=now, token_hash="", revoked_at__isnull=True)
            .first()
        )
        if panel is None:
            return None
        if not constant_time_compare(panel.challenge, challenge_of(verifier)):
            # Somebody has the code who does not have the panel's secret: it is good for nobody now.
            PanelSession.objects.filter(pk=panel.pk).update(revoked_at=now)
            return None
        granted = _grant(panel, now)
        audit(actor=panel.user, action="panel.sign_in", thing=panel, address=address)
    return granted


def panel_renew(*, panel: PanelSession) -> Granted | None:
    """A new token in place of the one that is at hand, unless the panel has been open for as long as it may."""
    now = timezone.now()
    with transaction.atomic():
        locked = PanelSession.objects.select_for_update().filter(pk=panel.pk, revoked_at__isnull=True).first()
        if locked is None or locked.ends_at <= now:
            return None
        locked.before_hash, locked.before_until = locked.token_hash, now + BEFORE_LASTS
        return _grant(locked, now)


def _grant(panel: PanelSession, now: datetime) -> Granted:
    token = MARK + secrets.token_urlsafe(32)
    panel.token_hash = _hash(token)
    panel.expires_at = min(now + TOKEN_LASTS, panel.ends_at)
    panel.save(update_fields=["token_hash", "expires_at", "before_hash", "before_until"])
    return Granted(panel, token, panel.expires_at)


def panel_end(*, panel: PanelSession) -> None:
    """Sign out: this panel, and the browser's ordinary session, by which the next person would be signed in again."""
    PanelSession.objects.filter(session_key=panel.session_key, revoked_at__isnull=True).update(
        revoked_at=timezone.now()
    )
    SessionStore(panel.session_key).delete()


def panel_of_token(token: str) -> PanelSession | None:
    """The panel that holds this token, with its `user`, if both may still work; None otherwise. Three queries."""
    if not token.startswith(MARK) or len(token) > 100:
        return None
    now, digest = timezone.now(), _hash(token)
    known = Q(token_hash=digest) | Q(before_hash=digest, before_until__gt=now)
    return _usable(PanelSession.objects.filter(known).first(), now)


def user_of_panel(panel_id: UUID) -> User | None:
    """The person of an open panel, read again: for a socket that outlives the token it came with."""
    panel = _usable(PanelSession.objects.filter(pk=panel_id).first(), timezone.now())
    return panel.user if panel else None


def panel_reader(token: str) -> Reader | None:
    """For a socket: how the person behind this token is read again, or None."""
    panel = panel_of_token(token)
    return None if panel is None else partial(user_of_panel, panel.pk)


def _usable(panel: PanelSession | None, now: datetime) -> PanelSession | None:
    if panel is None or panel.revoked_at is not None or panel.expires_at is None or panel.expires_at <= now:
        return None
    user = user_of_session(panel.session_key)
    if user is None or user.pk != panel.user_id or not user.may(Permission.DESK_WORK):
        return None
    panel.user = user
    return panel
