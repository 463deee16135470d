"""The side panel's own: which pages may frame it, who is signed in to it; and the keys that a person chose."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel

# A name, or `*.` and a name of at least two parts: `https://*.com` would be everybody.
_HOST = re.compile(r"(\*\.(?=[^.]+\.))?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
ORIGINS_MAX = 20


def origin_clean(text: str) -> str:
    """A page's origin as `frame-ancestors` takes it: `https://host[:port]`. Raises `ValidationError` in words."""
    wrong = ValidationError(
        _("“%(origin)s” is no address of pages: write https://name, or https://*.name for all below it."),
        params={"origin": text[:80]},
    )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise wrong from None
    host = parts.netloc.rpartition(":")[0] if port else parts.netloc
    if parts.scheme != "https" or not _HOST.fullmatch(host.lower()):
        raise wrong
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise wrong
    return f"https://{host.lower()}" + (f":{port}" if port else "")


class PanelSettings(models.Model):
    """Where the side panel may be shown. One row; without it, in no other page."""

    only = models.BooleanField(primary_key=True, default=True, editable=False)
    frame_ancestors = models.TextField(
        _("pages that may show the panel"),
        blank=True,
        default="",
        help_text=_(
            "One address a line, such as https://apps.mypurecloud.de or https://*.my.connect.aws. "
            "Pages that are not named here are refused by the browser."
        ),
    )

    class Meta:
        verbose_name = _("side panel settings")
        verbose_name_plural = _("side panel settings")
        constraints = [models.CheckConstraint(condition=Q(only=True), name="panel_settings_only_row")]

    def __str__(self) -> str:
        return str(_("Side panel"))

    def clean(self) -> None:
        lines = [line.strip() for line in self.frame_ancestors.splitlines() if line.strip()]
        if len(lines) > ORIGINS_MAX:
            raise ValidationError({"frame_ancestors": _("At most %(max)s addresses.") % {"max": ORIGINS_MAX}})
        try:
            cleaned = [origin_clean(line) for line in lines]
        except ValidationError as error:
            raise ValidationError({"frame_ancestors": error}) from None
        self.frame_ancestors = "\n".join(dict.fromkeys(cleaned))

    @property
    def origins(self) -> list[str]:
        return self.frame_ancestors.split()


class PanelSession(TimeOrderedModel):
    """One open side panel's sign-in: a token of its own, hashes only, bound to a person and their ordinary session.

    `code_hash` is what the pop-up handed over, good once until `code_until` for who knows what `challenge` is the
    hash of. `before_hash` is the token that was renewed, good until `before_until` for requests under way.
    `session_key` is as in the table of sessions: when that session is gone (signed out, password changed, run out),
    so is this. `ends_at`: no renewal goes beyond it.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="panel_sessions"
    )
    session_key = models.CharField(max_length=40)
    challenge = models.CharField(max_length=64)
    code_hash = models.CharField(max_length=64, unique=True)
    code_until = models.DateTimeField()
    token_hash = models.CharField(max_length=64, blank=True, default="")
    before_hash = models.CharField(max_length=64, blank=True, default="")
    before_until = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("open side panel")
        verbose_name_plural = _("open side panels")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["token_hash"], condition=~Q(token_hash=""), name="panel_token_once"
            )
        ]
        indexes = [
            models.Index(fields=["before_hash"], name="panel_token_before", condition=~Q(before_hash=""))
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d %H:%M}"


class DeskKeys(models.Model):
    """The keys that a person uses on the desk: `{"w": "q"}`, what the desk calls a key to what they press."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="desk_keys"
    )
    keys = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("keys of a person")
        verbose_name_plural = _("keys of people")

    def __str__(self) -> str:
        return str(self.user)
