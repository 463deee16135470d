"""What an AudioHook session says about its call, as our fields. No I/O.

The call's id is the session's: Genesys keeps one session for a whole call, over flows, queues and transfers, and two
sessions of one Genesys conversation (two customers in a conference, two integrations) are heard side by side and must
not take each other's place. The ids that other events come under are kept beside it: conversation, participant.
"""

from __future__ import annotations

import re
from typing import Any

from conversations.live import metadata
from conversations.live.wire import CallStart, CustomerDetails
from integrations.telephony.genesys.messages import Open

# Kinds of identifiers, and the names of the same in the metadata.
CONVERSATION, PARTICIPANT, SESSION, CORRELATION = (
    "conversation_id",
    "participant_id",
    "session_id",
    "correlation_id",
)
CONTINUED = "continued_sessions"
ORGANIZATION = "organization_id"
ANI, DNIS = "ani", "dnis"
# What stands in the place of a number.
PHONE = "[PHONE]"

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_NUMBERS = re.compile(r"\d")


def call_start(said: Open, *, session_id: str, correlation_id: str) -> CallStart:
    """A call's start from its `open`. What is too much to be kept is left out: it is no reason to lose a call."""
    identifiers = {CONVERSATION: said.conversation_id, PARTICIPANT: said.participant_id, SESSION: session_id}
    if correlation_id:
        identifiers[CORRELATION] = _short(correlation_id)
    fields: dict[str, Any] = dict(identifiers) | {ORGANIZATION: said.organization_id}
    for name, value in ((ANI, said.ani), ("ani_name", said.ani_name), (DNIS, said.dnis)):
        if value:
            fields[name] = _short(value)
    if said.continued:
        fields[CONTINUED] = list(said.continued[:20])
    if said.custom_config:
        whole = fields | {"custom_config": dict(said.custom_config)}
        fields = whole if _fits(whole) else fields | {"custom_config_left_out": "too large"}
    language = said.language if _LANGUAGE.fullmatch(said.language) and len(said.language) <= 12 else "en"
    return CallStart(
        id=session_id,
        language=language,
        customer=_customer(said),
        metadata=fields,
        identifiers=identifiers,
    )


def _customer(said: Open) -> CustomerDetails | None:
    """Who calls, known again by their number, of which only a code is kept. None for a number that is withheld."""
    number = "".join(_NUMBERS.findall(said.ani.partition("@")[0]))
    if len(number) < 5:
        return None
    return CustomerDetails(reference=_short(said.ani), name=_short(said.ani_name))


def _short(text: str) -> str:
    return metadata.cut("".join(character for character in text if character.isprintable()), 120).strip()


def _fits(fields: dict[str, Any]) -> bool:
    try:
        metadata.check(fields)
    except ValueError:
        return False
    return True
