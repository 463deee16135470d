"""Knowledge by keyboard in a real browser: ask, open the passage that is cited, and answer a gap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from knowledge.documents.services import document_save
from knowledge.models import Collection, Gap
from tests.conftest import World


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
