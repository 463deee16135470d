"""What pages say about writing in a chat: the same on the desk, on the floor and on the chat's own page."""

from __future__ import annotations

from django.utils.translation import gettext as _


def chat_words() -> dict[str, str]:
    return {
        "chat_write": _("Write to the customer"),
        "chat_join": _("Take part: write to the customer in your own name"),
        "chat_away": _("The chat system is not connected: what is written here cannot be sent now."),
        "chat_suggested": _("A reply is suggested."),
        "chat_waits": _("Not delivered yet:"),
        "chat_failed": _("Not delivered:"),
        "chat_missed": _("not delivered"),
        "chat_again": _("Send again"),
        "chat_again_sent": _("Sent again."),
        "chat_insert": _("Put it into the answer"),
        "chat_copy": _("Copy"),
    }
