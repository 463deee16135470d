"""Clips: stretches of conversations to learn from, whom they are shared with, and what is said of them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from accounts.models import Team
from conversations.models import Conversation

TITLE_LENGTH = 120
NOTE_LENGTH = 1000
COMMENT_LENGTH = 1000


class Clip(TimeOrderedModel):
    """The stretch [start_ms, end_ms] of a conversation: the utterances that lie wholly within it, and their sound.

    It holds no word of them: what is shown is read from the transcript each time, so that a later redaction holds here,
    too. `skill`: what it is an example of, as coaching names skills; empty for none. When the words of the conversation
    go, or all of it, the clip is `GONE`: title, note and comments go with them, and the row says so for a while.
    """

    class State(models.TextChoices):
        KEPT = "kept", _("kept")
        GONE = "gone", _("gone with its conversation")

    conversation = models.ForeignKey(
        Conversation,
        null=True,
        on_delete=models.SET_NULL,
        related_name="clips",
        verbose_name=_("conversation"),
    )
    start_ms = models.PositiveIntegerField()
    end_ms = models.PositiveIntegerField()
    title = models.CharField(_("title"), max_length=TITLE_LENGTH, blank=True, default="")
    note = models.TextField(_("note"), max_length=NOTE_LENGTH, blank=True, default="")
    skill = models.CharField(_("skill"), max_length=200, blank=True, default="")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="clips_made"
    )
    made_at = models.DateTimeField(_("made"), default=timezone.now)
    state = models.CharField(max_length=4, choices=State, default=State.KEPT)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("clip")
        verbose_name_plural = _("clips")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(end_ms__gte=F("start_ms")), name="clip_times_in_order"),
        ]
        indexes = [
            models.Index(fields=["skill"], name="clip_skill", condition=~Q(skill="")),
            models.Index(fields=["gone_at"], name="clip_gone", condition=Q(state="gone")),
        ]

    def __str__(self) -> str:
        return self.title or f"clip {self.pk}"

    @property
    def is_gone(self) -> bool:
        """Whether its words are. Needs `select_related("conversation")`, or costs a query."""
        if self.state == self.State.GONE or self.conversation is None:
            return True
        return self.conversation.words_erased_at is not None

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


class ClipShare(TimeOrderedModel):
    """Whom a clip is shared with: a person, a team, or a library of good examples (of a team; without one, of all).

    Whoever has it so reads and hears this stretch alone.
    """

    class Kind(models.TextChoices):
        PERSON = "person", _("person")
        TEAM = "team", _("team")
        LIBRARY = "library", _("library of good examples")

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="shares")
    kind = models.CharField(max_length=7, choices=Kind)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="clip_shares"
    )
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="clip_shares"
    )
    shared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    shared_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("share of a clip")
        verbose_name_plural = _("shares of clips")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["clip", "kind", "user", "team"], name="clip_share_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(kind="person", user__isnull=False, team__isnull=True)
                | Q(kind="team", user__isnull=True, team__isnull=False)
                | Q(kind="library", user__isnull=True),
                name="clip_share_has_whom",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.clip_id}"


class ClipComment(TimeOrderedModel):
    """What somebody wrote below a clip, redacted before it was stored. Their own to change and to take away."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.TextField(max_length=COMMENT_LENGTH)
    at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("comment on a clip")
        verbose_name_plural = _("comments on clips")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"comment {self.pk}"


class ClipSeen(TimeOrderedModel):
    """That somebody with whom a clip was shared has opened it: until then it is new to them."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="seen")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("opened clip")
        verbose_name_plural = _("opened clips")
        constraints = [models.UniqueConstraint(fields=["clip", "user"], name="clip_seen_once")]

    def __str__(self) -> str:
        return f"{self.clip_id} seen"
