"""Names that are filled in for `{competitor}` and `{product}` in what rules show: those named last in the call.

They are the names as the company's list has them, never what somebody said, so that they may stand in any text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from engines.rules.entities import LISTED
from engines.rules.reading import MAX_SAY, MAX_TEXT, MAX_TITLE
from engines.rules.spec import Action, Value

_SLOT = re.compile(r"\{(" + "|".join(LISTED) + r")\}")
_FIELDS = ("title", "say", "query", "value", "tag", "note", "field")
# What a checklist item, a tag or a disposition is called is what it is known by, so it is the same in every call.
FILLED = frozenset({"hint", "line", "knowledge", "prefill", "alert", "webhook", "praise"})
# How many names of one utterance are told.
MOST = 3
# Pointless without the name.
_NEEDS = frozenset({"knowledge", "prefill"})

Names = Mapping[str, tuple[str, ...]]


@lru_cache(maxsize=4096)
def slots_of(action: Action) -> frozenset[str]:
    """Return what an action has to be filled in with: "competitor", "product"."""
    texts = (getattr(action, field) for field in _FIELDS)
    return frozenset(slot for text in texts if isinstance(text, str) for slot in _SLOT.findall(text))


def slots_in(*texts: str) -> frozenset[str]:
    """Return the same of texts."""
    return frozenset(slot for text in texts for slot in _SLOT.findall(text))


def filled(action: Action, names: Names) -> Action:
    """Return the action with the names in their places; "the competitor" where none was named."""
    if not slots_of(action) or action.do not in FILLED:
        return action

    def of(text: str, joint: str, most: int) -> str:
        said = _SLOT.sub(lambda slot: joint.join(names.get(slot[1], ())[:MOST]) or f"the {slot[1]}", text)
        return said if len(said) <= most else f"{said[: most - 1]}…"

    value: Value = of(action.value, ", ", MAX_TEXT) if isinstance(action.value, str) else action.value
    return replace(
        action,
        title=of(action.title, " and ", MAX_TITLE),
        say=of(action.say, " and ", MAX_SAY),
        query=of(action.query, " ", MAX_TEXT),
        note=of(action.note, ", ", MAX_TEXT),
        value=value,
    )


def lacks(action: Action, names: Names) -> bool:
    """Say whether an action would be pointless, because nobody has named yet what it is filled in with."""
    return action.do in _NEEDS and any(not names.get(slot) for slot in slots_of(action))
