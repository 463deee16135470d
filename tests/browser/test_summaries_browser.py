"""The desk's summary by a company's own template: fields of their kinds, and a model's summary while somebody types."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conversations.models import Conversation, Summary
from conversations.summaries import summary_model_job
from conversations.summary_templates import template_publish, template_write
from tests import live_events as live
from tests.browser.test_desk_browser import until
from tests.conftest import Company, World
from tests.language.asked import server_of
from tests.peers.chat import chat_server, say

Pages = Callable[..., Any]
PICTURES = os.environ.get("PICTURES", "")
SECTIONS = [
    {"key": "reason", "title": "Why they called", "source": "reason", "required": True},
    {"key": "promises", "title": "Promises", "source": "promises"},
    {"key": "refund", "title": "Refund", "kind": "amount", "source": "amounts"},
    {"key": "product", "title": "Product", "kind": "choice", "choices": ["Internet", "Phone"]},
    {"key": "visit", "title": "Visit on", "kind": "date"},
]


@pytest.fixture
def northwind(committed: World) -> Iterator[Company]:
    with committed.northwind.scope():
        yield committed.northwind


def ended(company: Company) -> Conversation:
    call = live.call_begin(company.people["agent"], ago_seconds=60, customer=live.customer_make())
    live.say(call, "customer", "i have been charged forty nine dollars twice for my internet bill", 1000)
    live.say(call, "agent", "i have refunded the second payment of forty nine dollars", 5000)
    live.say(call, "agent", "we will send you a letter by friday", 9000)
    return call


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


def test_a_template_of_ones_own_with_fields(northwind: Company, sign_in: Pages) -> None:
    document = {"name": "Billing", "queue": None, "channel": "", "sections": SECTIONS}
    template_publish(template=template_write(template=None, document=document, actor=None), actor=None)
    page = sign_in("agent", path="/desk/")
    page.get_by_text("Ready.").wait_for()
    call = ended(northwind)
    page.locator("#bit-name", has_text="Helen Marsh").wait_for()
    live.call_end(call)
    page.locator(".line").first.wait_for()
    titles = page.locator("#sum h3 > span, .sum h3 > span").all_inner_texts()
    assert titles == ["Why they called", "Promises", "Refund", "Product", "Visit on"]
    page.locator("[data-section=promises] .chip", has_text="by 20").wait_for()
    picture(page, "summary-fields")

    refund = page.locator("[data-section=refund]")
    assert refund.locator(".text").inner_text() == "49 USD"
    assert refund.locator("h3 .add").count() == 0, "a field has one value"
    refund.locator(".line").dblclick()
    refund.locator("input").fill("a lot")
    page.keyboard.press("Enter")
    page.get_by_text("This field takes an amount, such as 24.50 EUR.").wait_for()
    refund.locator("input").fill("€12,50")
    page.keyboard.press("Enter")
    refund.locator(".text", has_text="12.50 EUR").wait_for()

    product = page.locator("[data-section=product]")
    product.get_by_role("button", name="Add a line to Product").or_(product.locator(".add")).first.click()
    product.locator("select").select_option("Internet")
    product.locator(".text", has_text="Internet").wait_for()
    visit = page.locator("[data-section=visit]")
    visit.locator(".add").click()
    visit.locator("input[type=date]").fill("2026-12-01")
    page.keyboard.press("Enter")
    visit.locator(".text", has_text="2026-12-01").wait_for()
    page.set_viewport_size({"width": 390, "height": 800})
    picture(page, "summary-fields-390")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator("h3", has_text="Why they called").click()
    page.keyboard.press("Control+Enter")
    until(page, lambda: Summary.objects.get(conversation=call).state == "confirmed")
    kept = {one.section: one.text for one in Summary.objects.get(conversation=call).lines.all()}
    assert (kept["refund"], kept["product"], kept["visit"]) == ("12.50 EUR", "Internet", "2026-12-01")


def test_a_models_summary_leaves_what_is_being_typed(
    northwind: Company, sign_in: Pages, settings: Any
) -> None:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with chat_server() as peer:
        server_of(peer)
        page = sign_in("agent", path="/desk/")
        page.get_by_text("Ready.").wait_for()
        call = ended(northwind)
        page.locator("#bit-name", has_text="Helen Marsh").wait_for()
        live.call_end(call)
        page.locator("[data-section=reason] .line").first.dblclick()
        page.locator("[data-section=reason] textarea").fill("Charged twice, and cross about it")
        reason = {"section": "reason", "text": "Customer was charged $49 twice.", "turns": [1]}
        peer.script.append(say({"lines": [reason]}))
        summary_model_job(call.pk)
        page.locator("[data-section=reason] .text", has_text="Customer was charged $49 twice.").wait_for()
        assert page.locator("#sum-origin").inner_text() == "Written by a model"
        field = page.locator("[data-section=reason] textarea")
        assert field.input_value() == "Charged twice, and cross about it"
        picture(page, "summary-model")
        field.press("Enter")
        page.locator("[data-section=reason] .text", has_text="and cross about it").wait_for()
    lines = Summary.objects.get(conversation=call).lines
    assert lines.filter(way="agent", text="Charged twice, and cross about it").exists()
    assert lines.filter(way="model").exists()


def test_the_figures_and_the_summary_so_far(northwind: Company, sign_in: Pages) -> None:
    call = ended(northwind)
    page = sign_in("supervisor", path=f"/conversations/{call.pk}/")
    page.locator(".rv-state", has_text="so far").wait_for()
    assert "I have refunded the second payment of forty nine dollars." in page.locator("main").inner_text()
    picture(page, "summary-so-far")
    site = page.url.split("/conversations/")[0]
    page.goto(f"{site}/floor/")
    page.locator("#rows tr").click()
    page.locator("#so-far summary").click()
    page.locator(
        "#so-far li", has_text="I have refunded the second payment of forty nine dollars."
    ).wait_for()
    live.say(call, "customer", "that works for me thank you", 12_000)
    picture(page, "summary-floor")
    page.locator("#so-far").get_by_role("button", name="Load anew").click()
    page.locator("#so-far li", has_text="That works for me").wait_for()
    live.call_end(call)
    page.goto(f"{site}/summaries/")
    page.locator(".md-table", has_text="Of the house").wait_for()
    picture(page, "summary-figures")
    page.set_viewport_size({"width": 390, "height": 800})
    picture(page, "summary-figures-390")
