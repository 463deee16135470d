"""Prepared answers: matched by their wordings, held against today's documents, a person's never overwritten."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.errors import Conflict
from engines.retrieval.matching import ALIKE, alike
from knowledge.answers.drafting import drafts_propose
from knowledge.answers.matching import prepared_meant
from knowledge.answers.prepared import prepared_decide, prepared_save
from knowledge.answers.responses import answer_given
from knowledge.documents.audience import Audience
from knowledge.documents.services import document_save, document_withdraw
from knowledge.models import Chunk, Collection, Document, PreparedAnswer
from knowledge.search.searching import passages_search
from knowledge.search.vectors import vectors_due, vectors_make
from knowledge.usage.noting import Passage, question_note
from providers.services import search_server_create
from tests.budgets import query_budget
from tests.conftest import Company, World
from tests.peers.vectors import vector_server

BODY = "A late fee of £12 is charged after ten days. It may be waived once a year."
QUESTION = "How much is the late fee?"
ANSWER = "The late fee is £12."
API = "/api/v1/prepared-answers/"


@pytest.fixture
def company(world: World) -> Any:
    with world.northwind.scope():
        collection = Collection.objects.create(name="Policies")
        document_save(collection=collection, title="Late fees", body=BODY)
        document_save(collection=collection, title="Refunds", body="Refunds go back to the card that paid.")
        yield world.northwind


def passage(title: str = "Late fees") -> Passage:
    chunk = Chunk.objects.select_related("document").get(document__title=title)
    return Passage(chunk.document_id, chunk.document_version, chunk.start, chunk.end)


def saved(**fields: Any) -> PreparedAnswer:
    given: dict[str, Any] = {
        "questions": [QUESTION, "Late payment charge?"],
        "answer": ANSWER,
        "citations": [passage()],
    }
    return prepared_save(**given | fields)


def approved(company: Company, **fields: Any) -> PreparedAnswer:
    return prepared_decide(prepared=saved(**fields), state="approved", actor=company.people["admin"])


def given(company: Company, question: str = QUESTION, persona: str = "agent") -> dict[str, Any]:
    return answer_given(company.people[persona], question)


def test_an_approved_answer_is_served_for_its_wordings_with_its_citations(company: Company) -> None:
    row = saved()
    assert given(company)["source"] == "passage"
    prepared_decide(prepared=row, state="approved", actor=company.people["admin"])
    for question in (
        QUESTION,
        "how much is the LATE FEE",
        "What is the late fee, how much?",
        "late payment charge",
    ):
        answer = given(company, question)
        assert (answer["source"], answer["prepared"]) == ("prepared", str(row.pk)), question
        assert [(one["text"], one["citations"]) for one in answer["sentences"]] == [(ANSWER, [1])]
        assert answer["passages"][0]["title"] == "Late fees"
    for question in (
        "How much is the transfer fee?",
        "How is a late fee not charged?",
        "Is the late fee £15?",
    ):
        assert given(company, question)["source"] != "prepared", question
    prepared_decide(prepared=row, state="retired", actor=company.people["admin"])
    assert given(company)["source"] == "passage"


def test_an_answer_that_its_document_does_not_say_any_more_is_put_up_for_review(company: Company) -> None:
    row = approved(company)
    assert not row.vouched
    document = Document.objects.get(title="Late fees")
    document_save(
        collection=document.collection, title="Late fees", body=f"# News\n\n{BODY}", document=document
    )
    answer = given(company)
    assert answer["source"] == "prepared" and answer["passages"][0]["version"] == 2
    page = company.client("agent").get(answer["passages"][0]["url"])
    assert b'id="passage"' in page.content
    document_save(
        collection=document.collection, title="Late fees", body=BODY.replace("12", "15"), document=document
    )
    assert given(company)["source"] == "passage"
    row.refresh_from_db()
    assert "does not say this" in row.review and row.state == "approved"
    listed = company.client("admin").get("/knowledge/answers/?state=review").content.decode()
    assert QUESTION in listed and "does not say this" in listed
    prepared_save(
        questions=row.questions, answer="The late fee is £15.", citations=[passage()], prepared=row,
        actor=company.people["admin"],
    )  # fmt: skip
    assert given(company)["sentences"][0]["text"] == "The late fee is £15."
    document_withdraw(document=document)
    assert given(company)["source"] != "prepared"


def test_who_approves_what_the_words_do_not_say_stands_for_it_while_they_stand_there(
    company: Company,
) -> None:
    row = approved(company, answer="Twelve quid, sorry.")
    assert row.vouched and given(company)["source"] == "prepared"
    document = Document.objects.get(title="Late fees")
    document_save(collection=document.collection, title="Late fees", body="A fee.", document=document)
    assert given(company)["source"] != "prepared"
    row.refresh_from_db()
    assert row.review


def test_it_is_for_whom_its_documents_are(company: Company) -> None:
    approved(company)
    collection = Collection.objects.get(name="Policies")
    collection.teams.add(company.people["outsider"].team)
    assert given(company)["source"] == "none"
    assert given(company, persona="outsider")["source"] == "prepared"
    assert PreparedAnswer.objects.get().review == ""


def test_what_a_person_wrote_is_never_overwritten(company: Company) -> None:
    row = saved()
    prepared_save(questions=row.questions, answer="Generated.", citations=[passage()], prepared=row)
    mine = prepared_save(
        questions=row.questions,
        answer="Mine.",
        citations=[passage()],
        prepared=row,
        actor=company.people["admin"],
    )
    assert mine.locked
    with pytest.raises(Conflict):
        prepared_save(questions=row.questions, answer="Generated.", citations=[passage()], prepared=row)
    row.refresh_from_db()
    assert (row.answer, row.edited_by) == ("Mine.", company.people["admin"])


def test_what_is_wrong_is_said(company: Company) -> None:
    for wrong in (
        {"questions": []},
        {"questions": [" "]},
        {"answer": "x" * 2_001},
        {"citations": [Passage(passage().document_id, 9, 0, 1)]},
        {"citations": [Passage(passage().document_id, 1, 0, 10_000)]},
    ):
        with pytest.raises(ValidationError):
            saved(**wrong)
    for row in (saved(answer=""), saved(citations=[])):
        with pytest.raises(ValidationError):
            prepared_decide(prepared=row, state="approved", actor=company.people["admin"])
    with pytest.raises(ValidationError):
        prepared_decide(prepared=saved(), state="gone", actor=company.people["admin"])
    assert not PreparedAnswer.objects.filter(state="approved").exists()


def test_questions_that_come_again_without_an_answer_get_a_draft_once(company: Company) -> None:
    for text, times in (
        ("How much is an overdraft?", 2),
        ("how much is an overdraft", 1),
        ("Who is the boss?", 2),
    ):
        for _time in range(times):
            question_note(text=text, source="search", audience=Audience(), answered=False, confidence=0.1)
    [draft] = drafts_propose()
    assert draft.state == "draft" and not draft.locked
    assert "overdraft" in draft.questions[0].lower()
    assert drafts_propose() == []


def test_pages_and_api_do_the_same(company: Company) -> None:
    admin = company.client("admin")
    one = passage()
    value = f"{one.document_id}:{one.version}:{one.start}:{one.end}"
    page = admin.get("/knowledge/answers/new/", {"question": "late fee"}).content.decode()
    assert value in page
    made = admin.post(
        "/knowledge/answers/new/",
        {"questions": QUESTION, "answer": ANSWER, "language": "en", "passages": [value]},
    )
    row = PreparedAnswer.objects.get()
    assert made.status_code == 302 and row.locked and row.citations.get().quote == BODY
    admin.post(f"/knowledge/answers/{row.pk}/decide", {"state": "approved"})
    assert given(company)["source"] == "prepared"
    assert (
        admin.post(
            "/knowledge/answers/new/", {"questions": "x", "language": "en", "passages": ["no"]}
        ).status_code
        == 400
    )
    shown = admin.get(f"{API}{row.pk}/").json()
    assert (shown["state"], shown["questions"], shown["citations"][0]["quote"]) == (
        "approved",
        [QUESTION],
        BODY,
    )
    answer = admin.patch(f"{API}{row.pk}/", {"answer": "It is £12."}, content_type="application/json").json()
    assert (answer["answer"], len(answer["citations"])) == ("It is £12.", 1)
    new = admin.post(
        API,
        {"questions": ["Other?"], "answer": "So.", "citations": [answer["citations"][0]]},
        content_type="application/json",
    )
    assert new.status_code == 201
    with query_budget("knowledge-prepared"):
        assert QUESTION in admin.get("/knowledge/answers/").content.decode()
    with query_budget("api-prepared-answers"):
        assert len(admin.get(API, {"state": "draft"}).json()["results"]) == 1
    agent = company.client("agent")
    with query_budget("knowledge-answer"):
        b"".join(agent.get("/knowledge/answer/", {"q": QUESTION}).streaming_content)
    assert admin.get(f"/admin/knowledge/preparedanswer/{row.pk}/change/").status_code == 200


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("How do I cancel my contract?", "how can i cancel the contract", True),
        ("Can I cancel?", "Can I not cancel?", False),
        ("Is there a fee of £5?", "Is there a fee of £6?", False),
        ("lost card", "stolen cheque", False),
        ("", "", False),
    ],
)
def test_same_questions(one: str, other: str, same: bool) -> None:
    assert (alike(one, other) >= ALIKE) is same


OTHERWISE = "What does it cost me to pay behind time?"


def test_other_words_for_the_same_question_are_found_by_meaning_and_verified(
    company: Company, settings: Any
) -> None:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    row = approved(company)
    assert given(company, OTHERWISE)["source"] == "none", "by words alone nothing says so"
    with vector_server() as peer:
        peer.means = {
            OTHERWISE: QUESTION,
            OTHERWISE.replace("does it", "does it not"): QUESTION,
            OTHERWISE.replace("me", "me 30 pounds"): QUESTION,
        }
        search_server_create(
            kind="embeddings",
            name="words",
            model="words",
            base_url=peer.url,
            dimensions=peer.dimensions,
            deadline_ms=5_000,
            secret="sk-inside",
        )

        def filled() -> None:
            while vectors_make():
                pass

        filled()
        answer = given(company, OTHERWISE)
        assert (answer["source"], answer["prepared"]) == ("prepared", str(row.pk))
        assert QUESTION in peer.texts and "Late payment charge?" in peer.texts
        # A negation, or a figure that it does not name: another question.
        for other in list(peer.means)[1:]:
            assert given(company, other)["source"] != "prepared", other
        # Search must lead to what it cites.
        found = passages_search(query=OTHERWISE)
        readable = {"documents": Document.objects.all(), "collections": Collection.objects.all()}
        assert prepared_meant(query=OTHERWISE, found=found, **readable) == row
        elsewhere = [one for one in found if one.title != "Late fees"]
        assert elsewhere and prepared_meant(query=OTHERWISE, found=elsewhere, **readable) is None
        # Another answer whose wordings are as near as the question is: nobody knows which of the two is meant.
        rival = approved(company, questions=[QUESTION], answer="It is charged after ten days.")
        assert vectors_due()
        filled()
        assert given(company, OTHERWISE)["source"] != "prepared"
        prepared_decide(prepared=rival, state="retired", actor=company.people["admin"])
        assert vectors_due()
        filled()
        assert given(company, OTHERWISE)["source"] == "prepared"
        document_save(collection=Collection.objects.get(), title="Late fees", body=BODY.replace("12", "15"))
        filled()
        assert given(company, OTHERWISE)["source"] != "prepared", "its document says something else now"
