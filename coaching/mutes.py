"""What a person is shown less of: their company's limits, and what they muted until the end of their shift."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from coaching.budget import MUTABLE, Limits, Mute
from coaching.models import Guidance, GuidanceMute, GuidanceSettings
from conversations.lifecycle import marks_tell
from conversations.live.buffer import Mark
from conversations.live.tidings import word
from conversations.models import Conversation

# The stage of the live way that shows guidance.
STAGE = "guidance"
_LIVE = (Conversation.State.ANNOUNCED, Conversation.State.LIVE)


def settings_now() -> GuidanceSettings:
    """What this company wants its agents to be shown. One query."""
    return GuidanceSettings.objects.first() or GuidanceSettings()


def limits_of(settings: GuidanceSettings) -> Limits:
    """How much new guidance a call may bring."""
    return Limits(every_ms=settings.hint_every_seconds * 1000, per_call=settings.hints_per_call)


def limits_now() -> Limits:
    """The same, read now. One query."""
    return limits_of(settings_now())


def mutes_of(user_id: UUID | str | None) -> list[Mute]:
    """What this person muted and that has not run out. One query; none for nobody."""
    if user_id is None:
        return []
    rows = GuidanceMute.objects.filter(user_id=user_id, until__gt=timezone.now())
    return [Mute(kind=row.kind, rule=row.rule_key) for row in rows]


def mutes_shown(user: User) -> list[dict[str, str]]:
    """The same for the desk: `[{"id", "kind", "rule", "title", "until"}, …]`."""
    rows = GuidanceMute.objects.filter(user=user, until__gt=timezone.now()).order_by("created_at")
    return [
        {
            "id": str(row.pk),
            "kind": row.kind,
            "rule": row.rule_key,
            "title": row.title,
            "until": row.until.isoformat(),
        }
        for row in rows
    ]


def mute_set(*, user: User, guidance: Guidance, whole_kind: bool = False) -> GuidanceMute:
    """Show this person no more of this rule, or of this kind, until their shift is over.

    Raises `ValidationError` for what everybody must see.
    """
    if not guidance.optional or guidance.kind not in MUTABLE:
        raise ValidationError(_("This cannot be muted: your company wants it shown."))
    settings = settings_now()
    now = timezone.now()
    GuidanceMute.objects.filter(user=user, until__lte=now).delete()
    row, _created = GuidanceMute.objects.update_or_create(
        user=user,
        kind=guidance.kind if whole_kind else "",
        rule_key="" if whole_kind else guidance.rule_key,
        defaults={
            "title": str(guidance.get_kind_display()) if whole_kind else guidance.title,
            "until": now + timedelta(hours=settings.shift_hours),
        },
    )
    _tell(user)
    return row


def mute_end(*, user: User, mute_id: UUID | str) -> None:
    """Show it again. One that is over, or somebody else's, is no error and changes nothing."""
    gone, _kinds = GuidanceMute.objects.filter(user=user, pk=mute_id).delete()
    if gone:
        _tell(user)


def mutes_end_of(*, user: User, guidance: Guidance) -> None:
    """Show again what this person muted at this guidance: its rule, or all of its kind."""
    rows = GuidanceMute.objects.filter(user=user)
    gone, _kinds = rows.filter(Q(rule_key=guidance.rule_key) | Q(kind=guidance.kind)).delete()
    if gone:
        _tell(user)


def mutes_mark(user_id: UUID) -> Mark:
    """What this person mutes, as the worker of their live call is told of it. One query."""
    mutes = [[mute.kind, mute.rule] for mute in mutes_of(user_id)]
    return word(STAGE, do="mutes", agent=str(user_id), mutes=mutes)


def _tell(user: User) -> None:
    """Calls that go on obey at once."""
    for conversation_id in Conversation.objects.filter(agent=user, state__in=_LIVE).values_list(
        "pk", flat=True
    ):
        transaction.on_commit(partial(marks_tell, conversation_id, [mutes_mark(user.pk)]))
