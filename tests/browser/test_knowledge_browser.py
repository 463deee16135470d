"""Knowledge by keyboard in a real browser: ask, open the passage that is cited, and answer a gap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from playwright.sync_api import expect

from knowledge.documents.audience import Audience
from knowledge.documents.services import document_save
from knowledge.models import Chunk, Collection, Gap, KnowledgeQuestion, PassageUse
from knowledge.usage.noting import question_note
from tests import live_events as live
from tests.conftest import World
from tests.live_calls import wait_for


def test_ask_open_the_citation_and_answer_a_gap(sign_in: Callable[..., Any], committed: World) -> None:
    company = committed.northwind
    with company.scope():
        collection = Collection.objects.create(name="Policies")
        body = "# Refunds\n\nSay sorry first.\n\n## Time\n\nRefunds go back to the card within five days."
        document_save(collection=collection, title="Refunds", body=body)
        now = timezone.now()
        Gap.objects.create(label="Can I pay in crypto?", first_at=now, last_at=now, count=3)
    page = sign_in("supervisor", path="/knowledge/")
    page.wait_for_selector("#knowledge-q")
    page.keyboard.press("/")
    page.wait_for_function("document.activeElement.id === 'knowledge-q'")
    page.keyboard.type("how long does a refund take")
    page.wait_for_selector("#found .kn-path")
    page.locator("#found .kn-path").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#passage")
    assert "within five days" in page.inner_text("#passage")
    page.goto(page.url.split("/knowledge/")[0] + "/knowledge/gaps/")
    page.locator(".kq-write summary").focus()
    page.keyboard.press("Enter")
    page.locator("textarea[name=answer]").fill("We take cards and bank transfers.")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".kc-passages")
    assert "We take cards and bank transfers." in page.inner_text(".kc-passages")
    with company.scope():
        assert Gap.objects.get().state == "settled"


def test_in_a_call_what_is_asked_and_said_of_a_passage_is_noted_with_it(
    sign_in: Callable[..., Any], committed: World
) -> None:
    company = committed.northwind
    with company.scope():
        document_save(
            collection=Collection.objects.create(name="Policies"),
            title="Refunds",
            body="Refunds go back to the card within five days.",
        )
        chunk = Chunk.objects.get()
        call = live.call_begin(company.people["agent"], ago_seconds=60, customer=live.customer_make())
        place = {"document": str(chunk.document_id), "version": 1, "start": chunk.start, "end": chunk.end}
        shown = {
            "text": chunk.text,
            "parts": [[chunk.text, False]],
            "path": "Refunds",
            "collection": "Policies",
        }
        question = question_note(
            text="How long do refunds take?",
            source="live",
            audience=Audience(),
            person=company.people["agent"],
            conversation_id=call.pk,
        )
        payload = {**place, **shown, "question": str(question)}
        live.hint(call, "Refunds", kind="knowledge", label="Know", at_ms=59_000, payload=payload)
    page = sign_in("agent", path="/desk/")
    page.locator("article.is-knowledge").wait_for()
    page.wait_for_timeout(500)  # what is answered sooner than a hand can is taken for a slip
    page.keyboard.press("x")
    page.locator(".hint-remark input").fill("Says nothing about gift cards")
    # What is written stays while other guidance comes.
    with company.scope():
        live.hint(call, "Say hello", at_ms=60_000)
    page.locator("#hints", has_text="Say hello").wait_for()
    expect(page.locator(".hint-remark input")).to_have_value("Says nothing about gift cards")
    expect(page.locator(".hint-remark input")).to_be_focused()
    page.locator(".hint-remark input").press("Enter")
    page.locator(".hint-remark output", has_text="Thank you").wait_for()
    page.locator("body").press("/")
    page.keyboard.type("refunds card")
    page.locator("#answers .kn-path").first.wait_for()
    page.keyboard.press("Enter")
    page.locator("#answer .an-text").wait_for()
    page.locator("#answers [data-verdict=helpful]").first.click()
    with company.scope():
        wait_for(PassageUse.objects.filter(kind="helpful").exists, what="the verdict")
        remark = PassageUse.objects.get(kind="wrong")
        assert (remark.comment, remark.person) == ("Says nothing about gift cards", company.people["agent"])
        asked = KnowledgeQuestion.objects.filter(conversation_id=call.pk)
        assert set(asked.values_list("source", flat=True)) == {"answer", "live", "search"}
        assert PassageUse.objects.get(kind="helpful").conversation_id == call.pk
