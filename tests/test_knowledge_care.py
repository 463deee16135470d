"""The care of knowledge: what a review finds and keeps, gaps that grow, use of passages, what is covered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.errors import Conflict
from accounts.models import AuditEvent
from knowledge.care.gaps import gap_decide, gaps_forget, gaps_sort, gaps_unsay
from knowledge.care.reviews import finding_decide, review_do, review_start
from knowledge.care.tests_services import search_test_save
from knowledge.documents.audience import Audience
from knowledge.documents.services import document_save
from knowledge.models import Collection, Document, Finding, Gap, KnowledgeQuestion, SearchTest, SearchTestRun
from knowledge.search.searching import passages_search
from knowledge.usage.noting import Passage as Place
from knowledge.usage.noting import question_note, questions_forget, questions_unsay, use_note
from tests.budgets import query_budget
from tests.conftest import World

NOTICE = (
    "When a customer was charged twice, check that both payments have settled, refund the second payment in full and "
    "tell the customer on which date the money will be there. Note it in the case and close it."
)


def review() -> dict[str, int]:
    done = review_do(review_id=review_start().pk)
    assert done is not None and done.state == "done"
    counts: dict[str, int] = done.counts
    return counts


@pytest.fixture
def documents(world: World) -> tuple[Document, Document]:
    with world.northwind.scope():
        handbook = Collection.objects.create(name="Handbook")
        notices = Collection.objects.create(name="Notices")
        old = document_save(
            collection=handbook,
            title="Refunds",
            body=f"# Refunds\n\nRefunds to the card take 5 working days.\n\n## Twice\n\n{NOTICE}",
        )
        new = document_save(
            collection=notices,
            title="Refunds (news)",
            body=f"Refunds to the card take 10 working days.\n\n## Charged twice\n\n{NOTICE}",
        )
    return old, new


def test_a_review_finds_what_contradicts_and_keeps_what_was_decided(
    world: World, documents: tuple[Document, Document]
) -> None:
    old, new = documents
    with world.northwind.scope():
        assert review() == {"contradiction": 1, "duplicate": 1, "stale": 0, "gaps": 0}
        against = Finding.objects.get(kind="contradiction")
        side = against.facts["left"]
        assert [side["text"][a:b] for a, b in side["marks"]] == ["5 working days"]
        assert old.body[side["start"] : side["end"]] == "Refunds to the card take 5 working days."
        analyst = world.northwind.people["analyst"]
        finding_decide(finding=against, decision="not_one", actor=analyst)
        assert review()["contradiction"] == 0, "what was decided stays decided"
        # Other words are another finding.
        document_save(
            collection=new.collection, title=new.title, body=new.body.replace("10 working", "12 working")
        )
        assert review()["contradiction"] == 1
        twice = Finding.objects.get(kind="duplicate")
        with pytest.raises(Conflict):
            finding_decide(finding=twice, decision="withdrew", actor=analyst)
        finding_decide(finding=twice, decision="withdrew", withdraw=new.pk, actor=analyst)
        assert review() == {"contradiction": 0, "duplicate": 0, "stale": 0, "gaps": 0}
        gone = Finding.objects.get(kind="contradiction", state="resolved")
        assert gone.decision == "gone"


def test_what_is_for_other_people_or_times_contradicts_nothing(
    world: World, documents: tuple[Document, Document]
) -> None:
    old, new = documents
    company = world.northwind
    with company.scope():
        old.collection.teams.set([company.team])
        new.collection.teams.set([company.other_team])
        assert review()["contradiction"] == 0
        new.collection.teams.clear()
        assert review()["contradiction"] == 1
        today = timezone.localdate()
        Document.objects.filter(pk=old.pk).update(valid_to=today)
        Document.objects.filter(pk=new.pk).update(valid_from=today + timedelta(days=1))
        assert review()["contradiction"] == 0


def test_stale_is_what_is_due_over_or_unseen(world: World, documents: tuple[Document, Document]) -> None:
    old, new = documents
    today, now = timezone.localdate(), timezone.now()
    with world.northwind.scope():
        Collection.objects.filter(pk=old.collection_id).update(review_on=today)
        Document.objects.filter(pk=new.pk).update(valid_to=today - timedelta(days=1))
        review()
        reasons = {row.facts["reason"] for row in Finding.objects.filter(kind="stale", state="open")}
        assert reasons == {"review", "over"}
        use_note(passage=Place(old.pk, 1, 0, 5), kind="shown")
        old.uses.update(at=now - timedelta(days=200))
        Document.objects.update(updated_at=now - timedelta(days=400))
        review()
        unseen = Finding.objects.filter(kind="stale", facts__reason="unused")
        assert {row.document_id for row in unseen} == {old.pk, new.pk}


def ask(text: str, company: Any, **given: Any) -> None:
    question_note(
        text=text, source="search", audience=Audience(team=company.team.pk), answered=False, **given
    )


def test_gaps_keep_their_key_as_they_grow_and_open_again(
    world: World, documents: tuple[Document, Document]
) -> None:
    company = world.northwind
    old, _new = documents
    with company.scope():
        for text in ("can I pay in crypto", "do you accept crypto payment", "where is the head office"):
            ask(text, company)
        assert gaps_sort() == 1
        gap = Gap.objects.get()
        assert gap.count == 2 and "crypto" in gap.label
        ask("pay by crypto?", company)
        assert gaps_sort() == 1
        gap.refresh_from_db()
        assert gap.count == 3
        assert KnowledgeQuestion.objects.filter(state="in_gap").count() == 3
        gap_decide(gap=gap, state="settled", document=old, actor=company.people["analyst"])
        assert SearchTest.objects.get().question == gap.label
        assert KnowledgeQuestion.objects.filter(state="settled").count() == 3
        ask("is crypto payment accepted", company)
        assert gaps_sort() == 0
        ask("crypto payment accepted?", company)
        ask("how to pay in crypto", company)
        assert gaps_sort() == 1, "asked three times since it was settled"
        assert Gap.objects.get().pk == gap.pk


def test_no_gap_is_called_by_words_that_went(world: World) -> None:
    company = world.northwind
    call = uuid4()
    with company.scope():
        ask("can I pay in crypto", company, conversation_id=call)
        ask("do you accept crypto payment", company)
        gaps_sort()
        Gap.objects.update(label="can I pay in crypto")
        questions_unsay(call)
        gaps_unsay(call)
        assert Gap.objects.get().label == "do you accept crypto payment"
        later = timezone.now() + timedelta(days=1)
        questions_forget(later, set())
        assert gaps_forget(later, set()) == 1 and not Gap.objects.exists()


def test_pages_and_api(world: World, documents: tuple[Document, Document]) -> None:
    company = world.northwind
    old, new = documents
    client = company.client("supervisor")
    with company.scope():
        for text in ("can I pay in <b>crypto</b>", "do you accept crypto payment"):
            ask(text, company, person=company.people["agent"])
        found = passages_search(query="refund to the card", documents=Document.objects.filter(pk=old.pk))
        question_note(
            text="refund",
            source="search",
            audience=Audience(queue=company.queue.pk),
            found=found,
            answered=True,
        )
        place = Place(old.pk, 1, found[0].start, found[0].end)
        use_note(passage=place, kind="wrong", person=company.people["agent"], comment="Ten, not five")
        review()
        against = Finding.objects.get(kind="contradiction")
        gap = Gap.objects.get()
    with query_budget("knowledge-findings"):
        page = client.get("/knowledge/findings/").content.decode()
    assert "<mark>5 working days</mark>" in page and "<mark>10 working days</mark>" in page
    with query_budget("knowledge-gaps"):
        page = client.get("/knowledge/gaps/").content.decode()
    assert "&lt;b&gt;crypto&lt;/b&gt;" in page and "Billing 2" in page
    with query_budget("knowledge-coverage"):
        page = client.get("/knowledge/coverage/").content.decode()
    assert "33 %" in page and "Refunds (news)" in page
    table = client.get("/knowledge/coverage.csv?days=7").content.decode()
    assert "queue,Billing,1,1" in table and "never found,Refunds (news)" in table
    page = client.get(f"/knowledge/documents/{old.pk}/care/").content.decode()
    assert "Ten, not five" in page
    use = client.get(f"/api/v1/knowledge/{old.pk}/use/").json()
    assert (use["whole"]["wrong"], use["passages"][0]["use"]["wrong"]) == (1, 1)
    with query_budget("api-knowledge-findings"):
        rows = client.get("/api/v1/knowledge-findings/?kind=contradiction").json()["results"]
    assert [row["facts"]["what"] for row in rows] == ["working days"]
    with query_budget("api-knowledge-gaps"):
        (row,) = client.get("/api/v1/knowledge-gaps/").json()["results"]
    assert (row["count"], sum(row["weeks"]), row["teams"]) == (2, 2, [{"name": "Billing", "asked": 2}])
    with query_budget("api-knowledge-reviews"):
        assert client.get("/api/v1/knowledge-reviews/").json()["results"][0]["counts"]["gaps"] == 1
    assert client.get("/api/v1/knowledge-coverage/?days=7").json()["all"]["answered"] == 1
    # By page: decided, and back; a title that is not there decides nothing.
    client.post(f"/knowledge/findings/{against.pk}/decide", {"decision": f"withdrew:{new.pk}"})
    client.post(f"/knowledge/gaps/{gap.pk}/decide", {"state": "settled", "document": "Nowhere"})
    with company.scope():
        against.refresh_from_db()
        gap.refresh_from_db()
        assert (against.decision, against.state, gap.state) == ("withdrew", "resolved", "open")
    with company.scope():
        handbook = Collection.objects.get(name="Handbook")
    written = {"state": "answer", "answer": "We take cards only.", "collection": str(handbook.pk)}
    client.post(f"/knowledge/gaps/{gap.pk}/decide", written)
    with company.scope():
        gap.refresh_from_db()
        assert gap.state == "settled" and gap.document is not None
        assert (gap.document.title, gap.document.body) == (gap.label, "We take cards only.")
        assert passages_search(query="crypto")[0].document_id == gap.document_id
    client.post(f"/knowledge/gaps/{gap.pk}/decide", {"state": "open"})
    body = {"state": "settled", "answer": "Again.", "collection": str(handbook.pk)}
    url = f"/api/v1/knowledge-gaps/{gap.pk}/decide/"
    refused = client.post(url, body, content_type="application/json")
    assert refused.status_code == 400, "a document is not written over"
    client.post(f"/knowledge/gaps/{gap.pk}/decide", {"state": "settled", "document": "Refunds"})
    with company.scope():
        gap.refresh_from_db()
        assert (gap.state, gap.document_id) == ("settled", old.pk)


def test_the_admin_sorts_out_tests_findings_and_gaps_as_the_pages_do(
    world: World, documents: tuple[Document, Document]
) -> None:
    company, old = world.northwind, documents[0]
    client = company.client("admin")
    with company.scope():
        review()
        for text in ("Can I rent a boat?", "Can I rent a big boat?"):
            question_note(text=text, source="search", audience=Audience())
        gaps_sort()
        search_test_save(collection=old.collection, question="How long do refunds take?", documents=[old])
        boats, found, test = Gap.objects.get(), Finding.objects.first(), SearchTest.objects.get()
        assert found is not None

        def act(label: str, action: str, *rows: Any) -> str:
            given = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
            return client.post(f"/admin/knowledge/{label}/", given, follow=True).content.decode()

        assert "1 gap is decided" in act("gap", "leave", boats)
        assert "1 finding is decided" in act("finding", "keep", found)
        boats.refresh_from_db()
        found.refresh_from_db()
        assert (boats.state, found.state, found.decided_by) == (
            "ignored",
            "dismissed",
            company.people["admin"],
        )
        assert Gap.objects.filter(label__contains="boat").count() == 1
        assert "big boat" in client.get(f"/admin/knowledge/gap/{boats.pk}/change/").content.decode()
        act("gap", "open_again", boats)
        act("finding", "open_again", found)
        assert Gap.objects.get().state == "open" and Finding.objects.get(pk=found.pk).state == "open"
        listed = client.get("/admin/knowledge/searchtest/", {"q": "refunds take"}).content.decode()
        assert "How long do refunds take?" in listed
        act("searchtest", "run", test)
        assert SearchTestRun.objects.get().asked_by == company.people["admin"]
        act("searchtest", "take_away", test)
        assert not SearchTest.objects.exists()
        taken = AuditEvent.objects.filter(action__in=["gap.decide", "finding.decide", "searchtest.delete"])
        assert taken.count() == 5
