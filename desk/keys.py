"""Which key does what on the desk, as each person likes it. Keys never act while one types: static/js/keys.js."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import User
from desk.models import DeskKeys


def actions() -> dict[str, str]:
    """What can be given another key: the key as it comes -> what it does."""
    return {
        "Enter": _("accept the open hint"),
        "Escape": _("dismiss the open hint"),
        "w": _("why this hint"),
        "x": _("wrong here"),
        "m": _("do not show it again today"),
        "h": _("raise your hand"),
        "n": _("notes"),
        "f": _("search this call"),
        "/": _("search the knowledge"),
        "p": _("what the customer allows"),
        "k": _("pause while a card is given"),
        "g": _("begin a playbook, or go to another step"),
        "r": _("write in the chat, with the suggested reply"),
        "End": _("follow the call"),
    }


# `?` lists the keys, Tab and the arrows belong to the browser, digits to the hints and the ways to end a call.
_NAMED = frozenset({"Enter", "Escape", "End", "Home", "Insert", "F2", "F4", "F8", "F9", "F10"})
_TAKEN = frozenset("?123456789 ")


def keys_of(user: User) -> dict[str, str]:
    """The person's own keys, as far as they differ: `{"w": "q"}`. One query."""
    row = DeskKeys.objects.filter(user=user).first()
    return {} if row is None else dict(row.keys)


def keys_save(*, user: User, keys: dict[str, Any]) -> dict[str, str]:
    """Keep them, all at once; what is not named keeps its own key. Raises `ValidationError` in words."""
    known = actions()
    wanted: dict[str, str] = {}
    for action, key in keys.items():
        if action not in known or not isinstance(key, str):
            raise ValidationError(_("There is no such key to change."))
        pressed = key.lower() if len(key) == 1 else key
        if pressed in _TAKEN or (len(pressed) != 1 and pressed not in _NAMED) or not pressed.isprintable():
            raise ValidationError(
                _("“%(key)s” cannot be used here. Take another key."), params={"key": key[:10]}
            )
        if pressed != action:
            wanted[action] = pressed
    used: dict[str, str] = {}
    for action in known:
        pressed = wanted.get(action, action)
        if pressed in used:
            raise ValidationError(
                _("“%(key)s” would do two things: %(first)s, and %(second)s."),
                params={"key": pressed, "first": known[used[pressed]], "second": known[action]},
            )
        used[pressed] = action
    if wanted:
        DeskKeys.objects.update_or_create(user=user, defaults={"keys": wanted})
    else:
        DeskKeys.objects.filter(user=user).delete()
    return wanted
