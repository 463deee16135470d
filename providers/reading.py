"""The company's own chat model as a reader of calls that are over, and trying one out on a call that never was."""

from __future__ import annotations

import time
from functools import partial

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from engines.language.redaction_reading import REDACTION_READING, TOTAL_S, ChatReader
from engines.redaction.hindsight import Line, NotRead, Reader
from engines.redaction.redactor import RedactionConfig
from engines.speech.faults import Fault
from providers.language import Plan, task_plan
from providers.language_selectors import is_over_budget, language_rows, route_made, server_reach
from providers.models import ChatServer
from providers.speech import Trial, fault_words
from tenants.scope import current_schema

TRIED_WITHIN_S = 30.0
# Nobody's name and nobody's words.
_TRIED_NAME = "marigold thistlewood"
_TRIED = (
    Line("agent", "thank you for calling who am i speaking to", 0, 2000),
    Line("customer", f"hello this is {_TRIED_NAME} i have a question about my bill", 2000, 5000),
)


def chat_reader() -> Reader | None:
    """The reader that is this company's chat model; None where it has none inside its trust boundary, or no money left.

    It reads within its company, wherever it is called.
    """
    rows = language_rows(REDACTION_READING)
    plan = task_plan(REDACTION_READING)
    if not rows or not plan.possible:
        return None
    return ChatReader(plan.run, characters=min(server.characters for server, _row in rows))


def chat_mark() -> str:
    """Which models read along, for a fingerprint of what was read by; "" where none does. Three queries at most."""
    rows = language_rows(REDACTION_READING)
    if rows and is_over_budget(REDACTION_READING):
        return ""
    models = dict.fromkeys((row.model if row else "") or server.model for server, row in rows)
    return f"chat:{','.join(models)}" if models else ""


def chat_try(server: ChatServer) -> Trial:
    """Have a server read a made-up call. Takes up to 30 s; must not be called within a transaction.

    Raises `SealError`.
    """
    began = time.monotonic()
    try:
        reached = server_reach(server)
    except ValidationError as error:
        return Trial(False, " ".join(error.messages))
    if not reached[0]:
        return Trial(False, fault_words(Fault.AWAY))  # a name that nobody knows
    route = route_made(server, reached=reached)
    plan = Plan(
        REDACTION_READING, current_schema(), REDACTION_READING.prompt, (route,), within_s=TRIED_WITHIN_S
    )
    reader = ChatReader(
        partial(plan.run, fresh=True), characters=server.characters, total_s=min(TOTAL_S, TRIED_WITHIN_S)
    )
    try:
        found = reader.read(_TRIED, RedactionConfig(enabled_types=frozenset({"NAME"})))
    except NotRead as error:
        if error.fault == Fault.UNSUPPORTED:
            return Trial(False, _("It does not take the request: it must answer by a JSON schema."))
        return Trial(False, fault_words(error.fault))
    took = time.monotonic() - began
    words = {_TRIED[one.line].text[one.span.start : one.span.end] for one in found}
    if not any(one in _TRIED_NAME or _TRIED_NAME in one for one in words):
        return Trial(
            False, _("It answered within %.1f s and did not find the name in a made-up call.") % took
        )
    return Trial(True, _("It answered within %.1f s and found the name in a made-up call.") % took)
