"""What the page of a conversation needs to have clips cut out of it."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import Permission
from coaching.clips.selectors import clips_of
from coaching.models.clips import COMMENT_LENGTH, NOTE_LENGTH, TITLE_LENGTH
from conversations.models import Conversation

register = template.Library()


@register.simple_tag
def clipping_in(user: User, conversation: Conversation) -> dict[str, Any] | None:
    """Where clips are made, how many there are, and the words for it; None where none can be made. One query."""
    if conversation.is_live or conversation.words_erased_at or not user.may(Permission.COACHING_READ):
        return None
    return {
        "conversation": str(conversation.pk),
        "count": clips_of(user, conversation.pk),
        "most": {"title": TITLE_LENGTH, "note": NOTE_LENGTH, "comment": COMMENT_LENGTH},
        "url": reverse("api-clip-list"),
        "page": reverse("clip", args=[conversation.pk]).replace(str(conversation.pk), "{id}"),
        "words": {
            "clip": _("Clip"),
            "not_made": _("The clip could not be made. Please try again."),
        },
    }
