"""Writes to people, teams and keys of one company."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiKey, AuditEvent, Team, TelephonyIdentity, User
from accounts.permissions import Role, Scope

KEY_MARK = "crk_"
LAST_USED_EVERY = timedelta(minutes=1)


def audit(
    *,
    actor: User | None,
    action: str,
    thing: Any,
    changes: dict[str, Any] | None = None,
    address: str | None = None,
) -> AuditEvent:
    """Append to the audit log. `changes` must hold no customers' words."""
    return AuditEvent.objects.create(
        actor=actor,
        action=action,
        object_type=thing._meta.label_lower,
        object_id=str(thing.pk),
        changes=changes or {},
        address=address,
    )


def user_create(
    *,
    email: str,
    name: str,
    role: str = Role.AGENT,
    password: str | None = None,
    team: Team | None = None,
    **fields: Any,
) -> User:
    """Create a person. Without a password they set one by the reset page. Raises `ValidationError`."""
    user = User(email=email.strip().lower(), name=name.strip(), role=role, team=team, **fields)
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(password)
    user.full_clean()
    user.save()
    return user


def user_save(*, user: User, actor: User, password: str | None = None, address: str | None = None) -> None:
    """Save what an admin changed of a person (or a new person), and note who did so. Raises `ValidationError`.

    Without a password a new person has none and sets one by the link in a mail.
    """
    names = ("email", "name", "role", "is_active", "team_id")
    with transaction.atomic():
        stored = User.objects.select_for_update().filter(pk=user.pk).first()
        user.email, user.name = user.email.strip().lower(), user.name.strip()
        if user.pk == actor.pk and (user.role != actor.role or not user.is_active):
            raise ValidationError(_("You cannot take away your own access."))
        if password:
            user.set_password(password)
        elif stored is None:
            user.set_unusable_password()
        user.full_clean()
        user.save()
        changes = {
            name: [str(getattr(stored, name)), str(getattr(user, name))]
            for name in names
            if stored is not None and getattr(stored, name) != getattr(user, name)
        }
        if password and stored is not None:
            changes["password"] = ["", "set"]
        action = "user.create" if stored is None else "user.update"
        audit(actor=actor, action=action, thing=user, changes=changes, address=address)


def identity_attach(*, user: User, provider: str, agent_id: str) -> TelephonyIdentity:
    """Remember that this agent id at the provider is this person; replaces what was known of either.

    Raises `ValidationError` for an empty agent id or a person who does not take calls.
    """
    if not agent_id:
        raise ValidationError(_("The call names no agent, so there is nothing to remember."))
    if user.role != Role.AGENT or not user.is_active:
        raise ValidationError(_("Only an active agent can be attached."))
    with transaction.atomic():
        TelephonyIdentity.objects.filter(provider=provider).filter(
            Q(agent_id=agent_id) | Q(user=user)
        ).exclude(agent_id=agent_id, user=user).delete()
        identity, _created = TelephonyIdentity.objects.get_or_create(
            provider=provider, agent_id=agent_id, defaults={"user": user}
        )
    return identity


def _hash(secret: str) -> str:
    # The secret holds 192 random bits, so a fast hash is enough: there is nothing to guess.
    return hashlib.sha256(secret.encode()).hexdigest()


def api_key_create(
    *, owner: User, name: str, scopes: list[str], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Create a key. Returns it with its secret, which is shown once and stored nowhere."""
    unknown = set(scopes) - {scope.value for scope in Scope}
    if unknown or not scopes:
        raise ValidationError({"scopes": _("Choose from read, write and ingest.")})
    secret = KEY_MARK + secrets.token_urlsafe(24)
    key = ApiKey(
        owner=owner,
        name=name,
        scopes=sorted(scopes),
        prefix=secret[:12],
        hash=_hash(secret),
        expires_at=expires_at,
    )
    key.full_clean()
    key.save()
    return key, secret


def api_key_find(*, secret: str) -> ApiKey | None:
    """Find the usable key with this secret, and note that it was used (at most once a minute)."""
    if not secret.startswith(KEY_MARK):
        return None
    key = ApiKey.objects.select_related("owner").filter(prefix=secret[:12]).first()
    if key is None or not secrets.compare_digest(key.hash, _hash(secret)) or not key.is_usable:
        return None
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def api_key_revoke(*, key: ApiKey, actor: User) -> None:
    """Make a key useless from now on."""
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        audit(actor=actor, action="api_key.revoke", thing=key)
