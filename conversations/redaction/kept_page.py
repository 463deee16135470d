"""What a page with a transcript needs so that a person can show what is kept of hidden words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from conversations.redaction.kept import types_seen
from conversations.redaction.policy import Policy


def kept_data(user: User, policy: Policy) -> dict[str, Any] | None:
    """None for who may see nothing by `policy`, which is the one of now."""
    if not types_seen(user, policy):
        return None
    return {
        "url": "/api/v1/conversations/{id}/kept/",
        "words": {
            "show": _("Show"),
            "hide": _("Hide"),
            "show_thing": _("Show the hidden words: {label}"),
            "hide_thing": _("Hide the words: {label}"),
            "gone": _("Kept no more"),
            "not_shown": _("Could not be shown"),
        },
    }
