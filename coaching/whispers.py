"""Whispers: a line from a supervisor to the agent while a call goes on, and the agent's short answer."""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from coaching.alerts import call_time
from coaching.events import whisper_rows
from coaching.models import Whisper
from conversations.models import Conversation
from conversations.redacted import redacted
from conversations.services import call_lock, event_append

TEXT_LENGTH = 240
# An agent reads while talking: more than that is no help.
PER_MINUTE = 6
ANSWERS = ("seen", *Whisper.Answer.values)


def whisper_send(*, conversation: Conversation, user: User, text: str) -> Whisper:
    """Show the agent of a live call a line, kept redacted. Raises `ValidationError`.

    The caller has checked that this person may read the conversation and may whisper.
    """
    words = redacted(text)
    if not words:
        raise ValidationError(_("Write what the agent should read."))
    if len(words) > TEXT_LENGTH:
        raise ValidationError(_("At most %(max)s characters, please."), params={"max": TEXT_LENGTH})
    now = timezone.now()
    with transaction.atomic():
        call_lock(conversation.pk)
        # As it is now: it may have ended since the page was drawn.
        conversation = Conversation.objects.get(pk=conversation.pk)
        if not conversation.is_live or conversation.agent_id is None or conversation.is_uploaded:
            raise ValidationError(_("Nobody is on this call who could read it."))
        lately = Whisper.objects.filter(conversation=conversation, sent_at__gt=now - timedelta(minutes=1))
        if lately.count() >= PER_MINUTE:
            raise ValidationError(_("The agent has %(n)s lines of this minute to read.") % {"n": PER_MINUTE})
        row = Whisper.objects.create(
            conversation=conversation,
            author=user,
            text=words,
            at_ms=call_time(conversation, now),
            sent_at=now,
        )
        audit(actor=user, action="whisper.send", thing=row, changes={"conversation": str(conversation.pk)})
        event_append(conversation_id=conversation.pk, kind="whisper", row=row)
    return row


def whisper_answer(*, whisper: Whisper, user: User, answer: str) -> Whisper:
    """The agent has `seen` it, or says `thanks` or `ok`. The first answer counts; a page may tell "seen" twice.

    Raises `ValidationError` for an unknown answer, `Conflict` where it was answered otherwise. Loading `whisper` by
    `coaching.access` has checked that it is this agent's to answer.
    """
    if answer not in ANSWERS:
        raise ValidationError(_("The answer is one of %s.") % ", ".join(ANSWERS))
    now = timezone.now()
    with transaction.atomic():
        call_lock(whisper.conversation_id)
        rows = Whisper.objects.filter(pk=whisper.pk)
        changed = rows.filter(shown_at__isnull=True).update(shown_at=now)
        if answer != "seen":
            changed += rows.filter(answer="").update(answer=answer, answered_at=now)
        row = whisper_rows().get(pk=whisper.pk)
        if answer not in {"seen", row.answer}:
            raise Conflict(_("This is answered already: %(answer)s.") % {"answer": row.get_answer_display()})
        if changed:
            event_append(conversation_id=row.conversation_id, kind="whisper", row=row)
    return row
