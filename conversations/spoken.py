"""What reasons, causes and sources of calls are called on pages."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from conversations.models import Conversation


def cause_words(cause: str) -> str:
    """A reason or cause in plain words; what a vendor named stays as it is."""
    known = {
        "stop": _("ended as it should"),
        "no_stop": _("the line broke and nobody came back"),
        "speech_failed": _("speech recognition failed"),
        "failed": _("failed here too often"),
        "audio_lost": _("its audio was lost"),
        "audio lost": _("lost in the buffer"),
        "not transcribed": _("not transcribed"),
        "hold": _("on hold"),
        "ivr": _("in a menu"),
        "queue": _("waiting in a queue"),
        "ringing": _("ringing"),
        "no consent": _("no consent"),
        "pci pause": _("paused while a card was given"),
        "no_key": _("no valid key"),
        "not_allowed": _("not allowed"),
        "bad_signature": _("wrong signature"),
        "unknown_account": _("unknown account"),
        "call_in_use": _("the call id was in use"),
        "call_used_before": _("the call id was used before"),
        "out_of_order": _("messages out of order"),
        "clock_jump": _("the clock jumped"),
        "too_fast": _("faster than real time"),
        "bad_message": _("not the protocol"),
        "unknown_format": _("audio of another kind"),
        "try_again": _("storage was away"),
        "line_broken": _("the line broke"),
        "client_error": _("telephony gave up after an error"),
    }
    return known.get(cause, cause.replace("_", " "))


# The vendors' names: who knows the telephony tells them (`vendor_names_add`), because rooms below do not look up.
_vendor_names: dict[str, str | Promise] = {}


def vendor_names_add(names: Mapping[str, str | Promise]) -> None:
    """Have calls of these sources called by these names on pages."""
    _vendor_names.update(names)


def source_names() -> dict[str, str]:
    """What the sources of conversations are called: files, and the telephony they come from."""
    named = {Conversation.UPLOADED: _("Uploads")}
    named |= {value: str(label) for value, label in _vendor_names.items()}
    return named | {"native": _("Own protocol"), Conversation.IMPORTED: _("Imported text")}
