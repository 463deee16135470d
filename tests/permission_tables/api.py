"""API v1 by role and object; sessions here, keys in tests/test_api.py."""

from __future__ import annotations

from collections.abc import Callable

from tests.conftest import Company
from tests.past_calls import Past, past_call, recording_make
from tests.permission_tables.review import document as _document

ALL = {"nobody": 401, "agent": 200, "supervisor": 200, "analyst": 200, "admin": 200}
OWN = {**ALL, "teammate": 404, "outsider": 404, "other_supervisor": 404}
LOOKING = {**ALL, "agent": 403}
WATCHING = {"nobody": 401, "agent": 403, "supervisor": 200, "analyst": 403, "admin": 200}
# What telephony reports; it waits for a call that is not there.
REPORTING = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 202}
WATCHED = {**WATCHING, "other_supervisor": 404}
JUDGING = {
    "nobody": 401,
    "agent": 403,
    "supervisor": 200,
    "other_supervisor": 404,
    "analyst": 200,
    "admin": 200,
}
# Nothing is named to be hidden, so that whoever may hide gets told so.
HIDING = {**JUDGING, "supervisor": 400, "analyst": 400, "admin": 400}
# No call is named, so that whoever may whisper gets told so.
WHISPERING = {"nobody": 401, "agent": 403, "supervisor": 400, "analyst": 403, "admin": 400}
# What only the agent of the conversation does.
AGENT = {
    "nobody": 401,
    "agent": 200,
    "teammate": 404,
    "outsider": 404,
    "supervisor": 403,
    "analyst": 403,
    "admin": 403,
}


def about(name: str, address: Callable[[Past], str]) -> Callable[[Company], str]:
    """The path to something of a past call of the agent."""

    def path(company: Company) -> str:
        return "/api/v1" + address(past_call(agent=company.people["agent"], queue=company.queue))

    path.__name__ = name
    return path


def recording(company: Company) -> str:
    past = past_call(agent=company.people["agent"])
    recording_make(past.conversation, seconds=1)
    return f"/api/v1/conversations/{past.conversation.pk}/recording/"


def sound(company: Company) -> str:
    return recording(company) + "download/"


def document(company: Company) -> str:
    return f"/api/v1/knowledge/{_document(company).split('/')[-2]}/"


def synonyms(company: Company) -> str:
    from knowledge.search.synonyms import synonyms_save

    return f"/api/v1/synonyms/{synonyms_save(words=['waiver', 'exemption']).pk}/"


def person(company: Company) -> str:
    return f"/api/v1/users/{company.people['agent'].pk}/"


def unmatched(company: Company) -> str:
    return f"/api/v1/conversations/{past_call(agent=None).conversation.pk}/attach/"


def _whisper(company: Company) -> str:
    from coaching.whispers import whisper_send
    from tests import live_events as live

    call = live.call_begin(company.people["agent"], ago_seconds=60)
    return str(whisper_send(conversation=call, user=company.people["supervisor"], text="Offer a refund.").pk)


def whisper(company: Company) -> str:
    return f"/api/v1/whispers/{_whisper(company)}/"


def whisper_answer(company: Company) -> str:
    return f"{whisper(company)}answer/"


def line(past: Past) -> str:
    return f"/summaries/{past.summary.pk}/lines/{past.summary.lines.first().pk}/"


CONVERSATION = [
    (
        "GET",
        about(
            f"conversation {part}", lambda past, part=part: f"/conversations/{past.conversation.pk}/{part}"
        ),
        OWN,
    )
    for part in ("", "snapshot/", "events/", "utterances/", "transcript/")
]
LISTS = [
    ("GET", f"/api/v1/{name}/", ALL)
    for name in (
        "conversations",
        "utterances",
        "summaries",
        "moments",
        "guidance",
        "whispers",
        "scores",
        "users",
        "knowledge",
    )
]

ROWS = [
    *LISTS,
    *CONVERSATION,
    ("GET", recording, OWN),
    ("GET", sound, JUDGING),
    (
        "POST",
        about("redactions", lambda past: f"/conversations/{past.conversation.pk}/redactions/"),
        HIDING,
        {},
    ),
    # Nobody is named, so that whoever may attach gets told so.
    ("POST", unmatched, {"nobody": 401, "agent": 403, "supervisor": 400, "analyst": 403, "admin": 400}, {}),
    ("GET", about("summary", lambda past: f"/summaries/{past.summary.pk}/"), OWN),
    (
        "POST",
        about("summary lines", lambda past: f"/summaries/{past.summary.pk}/lines/"),
        AGENT | {"agent": 201},
        {"section": "outcome", "text": "Credited."},
    ),
    ("PATCH", about("summary line", line), AGENT, {"text": "Changed."}),
    ("POST", about("confirm", lambda past: f"/summaries/{past.summary.pk}/confirm/"), AGENT, {}),
    ("GET", about("guidance", lambda past: f"/guidance/{past.hint.pk}/"), OWN),
    ("POST", about("answer", lambda past: f"/guidance/{past.hint.pk}/answer/"), AGENT, {"action": "accept"}),
    # What was shown in a call that is over is no step of a playbook under way.
    (
        "POST",
        about("move", lambda past: f"/guidance/{past.hint.pk}/move/"),
        AGENT | {"agent": 400},
        {"step": "offer"},
    ),
    ("POST", about("mute", lambda past: f"/guidance/{past.hint.pk}/mute/"), AGENT, {}),
    ("POST", about("unmute", lambda past: f"/guidance/{past.hint.pk}/unmute/"), AGENT, {}),
    ("GET", "/api/v1/alerts/", WATCHING),
    ("GET", about("alert", lambda past: f"/alerts/{past.alert.pk}/"), WATCHED),
    ("POST", about("resolve", lambda past: f"/alerts/{past.alert.pk}/resolve/"), WATCHED, {}),
    ("POST", about("claim", lambda past: f"/alerts/{past.alert.pk}/claim/"), WATCHED, {}),
    ("POST", about("release", lambda past: f"/alerts/{past.alert.pk}/release/"), WATCHED, {}),
    ("GET", "/api/v1/alerts/rules/", WATCHING),
    ("GET", "/api/v1/shifts/", WATCHING),
    ("POST", "/api/v1/shifts/mark/", WATCHING, {"on": True}),
    ("GET", whisper, OWN),
    ("POST", "/api/v1/whispers/", WHISPERING, {}),
    ("POST", whisper_answer, AGENT, {"answer": "ok"}),
    ("POST", about("assign", lambda past: f"/alerts/{past.alert.pk}/assign/"), WATCHED, {"user": None}),
    ("GET", about("score", lambda past: f"/scores/{past.score.pk}/"), OWN),
    # An answer that is none: 404 for who may override at all, 403 before that for who may not.
    (
        "POST",
        about("override", lambda past: f"/scores/{past.score.pk}/override/"),
        JUDGING | {"supervisor": 404, "analyst": 404, "admin": 404},
        {"answer": "01a1fb5b-0000-7000-8000-000000000000", "value": "no", "reason": "None."},
    ),
    (
        "POST",
        "/api/v1/call-metadata/",
        REPORTING,
        {"provider": "native", "identifiers": {"call": "not-here"}, "queue": "billing"},
    ),
    (
        "POST",
        "/api/v1/call-events/",
        REPORTING,
        {"provider": "native", "identifiers": {"call": "not-here"}, "phase": "queue"},
    ),
    ("GET", "/api/v1/knowledge/search/?q=refund", ALL),
    ("POST", "/api/v1/knowledge/search/", ALL, {"q": "refund"}),
    ("POST", "/api/v1/knowledge-answers/", ALL, {"q": "refund"}),
    ("POST", "/api/v1/knowledge-answers/stream/", ALL, {"q": "refund"}),
    ("GET", "/api/v1/synonyms/", LOOKING),
    (
        "POST",
        "/api/v1/synonyms/",
        LOOKING | {"supervisor": 400, "analyst": 400, "admin": 400},
        {"words": ["one"]},
    ),
    ("PUT", synonyms, LOOKING, {"words": ["CLI", "credit limit increase"]}),
    ("DELETE", synonyms, LOOKING | {"supervisor": 204, "analyst": 204, "admin": 204}),
    ("GET", document, ALL),
    ("GET", "/api/v1/reports/daily/", LOOKING),
    ("GET", "/api/v1/completeness/", LOOKING),
    ("GET", "/api/v1/reports/agents/", LOOKING),
    ("GET", "/api/v1/reports/behaviours/", LOOKING),
    ("GET", person, {**ALL, "teammate": 404, "other_supervisor": 404}),
    ("GET", "/api/v1/schema/", ALL),
    ("GET", "/api/v1/docs/", ALL),
]
