"""Who looks back: past conversations, recordings, scores, knowledge, reports."""

from __future__ import annotations

from tests.conftest import Company
from tests.past_calls import Past, past_call, recording_make

ALL = {"nobody": 302, "agent": 200, "supervisor": 200, "analyst": 200, "admin": 200}
LOOKING = {**ALL, "agent": 403}
# One agent's conversation: theirs, their supervisor's, and of those who read all.
OWN = {**ALL, "teammate": 404, "outsider": 404, "other_supervisor": 404}


def _past(company: Company) -> Past:
    return past_call(agent=company.people["agent"], queue=company.queue)


def conversation(company: Company) -> str:
    return f"/conversations/{_past(company).conversation.pk}/"


def transcript(company: Company) -> str:
    return f"/conversations/{_past(company).conversation.pk}/transcript.txt"


def recording(company: Company) -> str:
    past = _past(company)
    recording_make(past.conversation, seconds=1)
    return f"/conversations/{past.conversation.pk}/recording"


def recording_download(company: Company) -> str:
    return recording(company) + "/download?as=wav"


def answer(company: Company) -> str:
    return f"/answers/{_past(company).answer.pk}/"


def document(company: Company) -> str:
    from knowledge.documents.services import document_save
    from knowledge.models import Collection

    collection = Collection.objects.get_or_create(name="Handbook")[0]
    saved = document_save(collection=collection, title="Refunds", body="# Refunds\n\nFive days.")
    return f"/knowledge/documents/{saved.pk}/"


CHANGED = {
    "nobody": 302,
    "agent": 403,
    "supervisor": 302,
    "other_supervisor": 404,
    "analyst": 302,
    "admin": 302,
}

ROWS = [
    ("GET", "/conversations/", ALL),
    ("GET", "/completeness/", LOOKING),
    ("GET", conversation, OWN),
    ("GET", transcript, OWN),
    # Both lead to a link, which lets in by itself.
    ("GET", recording, {**OWN, "agent": 302, "supervisor": 302, "analyst": 302, "admin": 302}),
    ("GET", recording_download, {**CHANGED, "other_supervisor": 404}),
    ("POST", answer, CHANGED, {"value": "no", "reason": "It was none."}),
    ("GET", "/knowledge/", ALL),
    ("GET", "/knowledge/search/?q=refund", ALL),
    ("GET", document, ALL),
    ("GET", "/reports/", LOOKING),
    ("GET", "/reports/daily.csv", LOOKING),
    ("GET", "/reports/agents.csv", LOOKING),
    ("GET", "/reports/behaviours.csv", LOOKING),
]

ELSEWHERE = {
    # The link lets in by itself, whom it was given to.
    "recordings/<str:token>": "tests/test_recording_links.py::test_a_link_is_for_one_person_in_one_company",
}
