"""Who works live: the agent's desk, the supervisor's floor, and what is changed from them."""

from __future__ import annotations

from typing import Any

from conversations.models import Conversation
from tests import live_events as live
from tests.conftest import Company

AGENTS = {"nobody": 302, "agent": 200, "supervisor": 403, "analyst": 403, "admin": 403}
WATCHERS = {"nobody": 302, "agent": 403, "supervisor": 200, "analyst": 403, "admin": 200}
# Read by the live pages: a stranger gets 401, not the way to the sign-in page.
CALL = {
    "nobody": 401,
    "agent": 200,
    "supervisor": 200,
    "analyst": 200,
    "admin": 200,
    "teammate": 404,
    "outsider": 404,
    "other_supervisor": 404,
}
# Changed by the call's agent alone.
OWN = {
    "nobody": 401,
    "agent": 200,
    "teammate": 404,
    "outsider": 404,
    "supervisor": 403,
    "other_supervisor": 403,
    "analyst": 403,
    "admin": 403,
}
# Changed by who watches over the call.
WATCHED = {
    "nobody": 401,
    "agent": 403,
    "supervisor": 200,
    "other_supervisor": 404,
    "analyst": 403,
    "admin": 200,
}


def _live(company: Company) -> Any:
    return live.call_begin(company.people["agent"], ago_seconds=60, customer=live.customer_make())


def _ended(company: Company) -> Conversation:
    call: Conversation = _live(company)
    live.say(call, "customer", "i was charged twice and i want a refund", 1000)
    live.call_end(call)
    return call


def _line(company: Company) -> str:
    return f"/desk/lines/{_ended(company).summary.lines.first().pk}/"


def _whisper(company: Company, call: Any) -> str:
    from coaching.whispers import whisper_send

    row = whisper_send(conversation=call, user=company.people["supervisor"], text="Offer a refund.")
    return f"/desk/whispers/{row.pk}/"


def _alert(company: Company) -> str:
    return f"/floor/alerts/{live.alert(_live(company), 'Cancel threat').pk}/"


def call(company: Company) -> str:
    return f"/desk/calls/{_live(company).pk}/"


def guidance(company: Company) -> str:
    conversation = _live(company)
    ANSWER["id"] = str(live.hint(conversation, "Offer").pk)
    return f"/desk/calls/{conversation.pk}/guidance/"


def mute(company: Company) -> str:
    conversation = _live(company)
    MUTED["id"] = str(live.hint(conversation, "Offer").pk)
    return f"/desk/calls/{conversation.pk}/mute/"


def step(company: Company) -> str:
    conversation = _live(company)
    steps = [{"id": one, "title": one} for one in ("ask", "offer")]
    row = live.hint(conversation, "ask", kind="step", playbook="stay", step="ask", payload={"steps": steps})
    MOVED["id"] = str(row.pk)
    return f"/desk/calls/{conversation.pk}/step/"


def playbooks(company: Company) -> str:
    return f"/api/v1/guidance/playbooks/?conversation={_live(company).pk}"


def begin(company: Company) -> str:
    BEGUN["conversation"] = str(_live(company).pk)
    return "/api/v1/guidance/begin/"


def hand(company: Company) -> str:
    return f"/desk/calls/{_live(company).pk}/hand/"


def note(company: Company) -> str:
    return f"/desk/calls/{_live(company).pk}/note/"


def consent(company: Company) -> str:
    return f"/desk/calls/{_live(company).pk}/consent/"


def card_pause(company: Company) -> str:
    return f"/desk/calls/{_live(company).pk}/card-pause/"


def line_add(company: Company) -> str:
    return f"/desk/calls/{_ended(company).pk}/lines/"


def line_edit(company: Company) -> str:
    return _line(company)


def line_remove(company: Company) -> str:
    return f"{_line(company)}remove/"


def line_restore(company: Company) -> str:
    return f"{_line(company)}restore/"


def confirm(company: Company) -> str:
    return f"/desk/calls/{_ended(company).pk}/confirm/"


def summary_text(company: Company) -> str:
    return f"/desk/calls/{_ended(company).pk}/summary.txt"


def attach(company: Company) -> str:
    CHOICE["agent"] = str(company.people["agent"].pk)
    return f"/floor/calls/{live.call_begin().pk}/attach/"


def resolve(company: Company) -> str:
    return f"{_alert(company)}resolve/"


def claim(company: Company) -> str:
    return f"{_alert(company)}claim/"


def release(company: Company) -> str:
    return f"{_alert(company)}release/"


def whisper(company: Company) -> str:
    return f"/floor/calls/{_live(company).pk}/whisper/"


def whisper_answer(company: Company) -> str:
    return _whisper(company, _live(company))


# Filled in by the functions above, which know the ids.
ANSWER: dict[str, Any] = {"action": "accept"}
CHOICE: dict[str, Any] = {}
MUTED: dict[str, Any] = {}
MOVED: dict[str, Any] = {"step": "offer"}
# No policy is in force here: who may begin a playbook is told that there is none such.
BEGUN: dict[str, Any] = {"revision": "019a0000-0000-7000-8000-000000000000", "playbook": "stay"}

ROWS: list[tuple[Any, ...]] = [
    ("GET", "/desk/", AGENTS),
    ("GET", "/desk/state/", {**AGENTS, "nobody": 401}),
    ("GET", call, CALL),
    ("POST", guidance, OWN, ANSWER),
    ("POST", mute, OWN, MUTED),
    ("POST", step, OWN, MOVED),
    ("GET", playbooks, CALL),
    ("POST", begin, {**OWN, "agent": 400}, BEGUN),
    ("POST", hand, OWN, {"raised": True}),
    # One's own: what others muted is as if it were not there, and stays as it is.
    ("POST", "/desk/mutes/019a0000-0000-7000-8000-000000000000/end/", {**AGENTS, "nobody": 401}),
    ("POST", "/desk/keys/", {**AGENTS, "nobody": 401}, {"keys": {"w": "q"}}),
    ("POST", note, OWN, {"text": "Wants it on the card."}),
    ("POST", consent, OWN, {"state": "withdrawn", "purposes": ["record"]}),
    ("POST", card_pause, OWN, {"paused": True}),
    ("POST", line_add, OWN, {"section": "outcome", "text": "Refunded."}),
    ("POST", line_edit, OWN, {"text": "Charged twice."}),
    ("POST", line_remove, OWN),
    ("POST", line_restore, OWN),
    ("POST", confirm, OWN),
    ("GET", summary_text, CALL),
]
OF_FLOOR: list[tuple[Any, ...]] = [
    ("GET", "/floor/", WATCHERS),
    # An unmatched call is on every supervisor's floor; whom it can be given to follows from their teams.
    ("POST", attach, {**WATCHED, "other_supervisor": 400}, CHOICE),
    ("POST", resolve, WATCHED),
    ("POST", claim, WATCHED),
    ("POST", release, WATCHED),
    ("POST", whisper, WATCHED, {"text": "Offer a refund."}),
    ("POST", whisper_answer, OWN, {"answer": "thanks"}),
    ("POST", "/floor/shift/", {**WATCHERS, "nobody": 401}, {"on": True}),
    ("GET", "/floor/rules/", WATCHERS),
]
ROWS += OF_FLOOR
