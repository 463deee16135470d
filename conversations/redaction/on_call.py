"""Mail to whoever is on call when a conversation cannot be read a second time."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils.translation import gettext as _

from conversations.models import RedactionCheck
from tenants.scope import current_schema


def on_call_tell(conversation_id: UUID) -> None:
    """Write to the installation's on-call addresses; nothing without any. The outbox's handler, which tries again.

    The mail names the company, the conversation and where it failed; no word of anybody.
    """
    check = RedactionCheck.objects.filter(conversation=conversation_id).first()
    if check is None or check.state == RedactionCheck.State.DONE or not settings.ON_CALL_EMAIL:
        return
    send_mail(
        subject=_("Redaction check does not finish: %(company)s") % {"company": current_schema()},
        message=_(
            "A conversation could not be read a second time for what must be hidden.\n\n"
            "Company: %(company)s\nConversation: %(conversation)s (%(path)s)\nAttempts: %(attempts)d\n"
            "Last error: %(error)s\n\n"
            "Its summary and score wait until it is read. It is tried again for about an hour; after that, read "
            "it again in Admin, Redaction checks."
        )
        % {
            "company": current_schema(),
            "conversation": conversation_id,
            "path": reverse("conversation", args=[conversation_id]),
            "attempts": check.attempts,
            "error": check.last_error,
        },
        from_email=None,
        recipient_list=settings.ON_CALL_EMAIL,
    )
