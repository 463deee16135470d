"""An agent's own note on a conversation."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from conversations.models import Conversation, Note
from conversations.redacted import redacted

TEXT_LENGTH = Note._meta.get_field("text").max_length or 4000


def note_save(*, conversation: Conversation, user: User, text: str) -> Note | None:
    """Keep the note as it now is, redacted; an empty text removes it and gives None.

    Raises `ValidationError`, and `Conflict` where the words of the conversation were erased.
    """
    words = redacted(text)
    if len(words) > TEXT_LENGTH:
        raise ValidationError(
            {"text": _("A note has at most %(count)d characters.") % {"count": TEXT_LENGTH}}
        )
    with transaction.atomic():
        if words and Conversation.objects.filter(pk=conversation.pk, words_erased_at__isnull=False).exists():
            raise Conflict(_("What was said is no longer kept, and neither are notes on it."))
        if not words:
            Note.objects.filter(conversation=conversation).delete()
            return None
        note, _created = Note.objects.update_or_create(
            conversation=conversation, defaults={"author": user, "text": words}
        )
    return note
