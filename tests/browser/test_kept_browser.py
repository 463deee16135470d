"""Words that are kept for some roles, in a browser: shown by a button on their chip, to who may, on that page alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from accounts.models import AuditEvent
from conversations.models import CallOwner, Conversation
from tests.conftest import World
from tests.kept_words import call_said, policy_keep, turns_add

PICTURES = os.environ.get("PICTURES")
LINES = [
    ("agent", "thank you for calling northwind who am i speaking with"),
    ("customer", "my name is siobhan macgregor and i have a question about my bill"),
    ("agent", "of course what is your email"),
    ("customer", "my email is siobhan at example dot org and my card is 4111 1111 1111 1111"),
]


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


@pytest.fixture
def call(committed: World) -> Conversation:
    with committed.northwind.scope():
        policy_keep("NAME", "EMAIL", sees=("supervisor", "agent"))
        return call_said(committed.northwind, LINES)


def test_on_the_page_of_a_conversation(
    committed: World, call: Conversation, sign_in: Any, live_site: Any
) -> None:
    company = committed.northwind
    page = sign_in("supervisor")
    page.goto(live_site.url(company, f"/conversations/{call.pk}/"))
    chip = page.locator("#transcript .redact", has_text="name")
    show = chip.get_by_role("button")
    show.wait_for()
    assert page.locator(".redact-show").count() == 2 and page.locator("#transcript .redact").count() == 3
    assert show.get_attribute("aria-label") == "Show the hidden words: name"
    picture(page, "kept-hidden")
    show.focus()
    page.keyboard.press("Enter")
    shown = page.locator(".redact-words")
    shown.wait_for()
    assert shown.inner_text() == "siobhan macgregor"
    assert page.evaluate("document.activeElement.textContent") == "Hide"
    picture(page, "kept-shown")
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#transcript .redact-show").last.click()
    page.locator(".redact-words").nth(1).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture(page, "kept-phone")
    page.locator("#transcript .redact-show").first.click()
    assert shown.count() == 1
    with company.scope():
        noted = list(AuditEvent.objects.filter(action="conversation.kept_show").order_by("occurred_at"))
    assert [one.changes["types"] for one in noted] == [{"NAME": 1}, {"EMAIL": 1}]
    page.reload()
    page.locator(".redact-show").first.wait_for()
    assert page.locator(".redact-words").count() == 0 and "macgregor" not in page.content()
    other = sign_in("analyst")
    other.goto(live_site.url(company, f"/conversations/{call.pk}/"))
    other.locator("#transcript .redact").first.wait_for()
    other.wait_for_load_state("networkidle")
    assert other.locator(".redact-show").count() == 0


def test_on_the_desk_while_they_are_said(committed: World, sign_in: Any, live_site: Any) -> None:
    company = committed.northwind
    with company.scope():
        policy_keep("NAME", sees=("agent",))
        call = call_said(company, LINES[:1], ended=False)
    page = sign_in("agent")
    page.goto(live_site.url(company, "/desk/"))
    page.locator("#tx li").first.wait_for()
    with company.scope():
        turns_add(call.pk, LINES[1:2])
        assert CallOwner.objects.get(pk=call.pk).utterances == 2
    show = page.locator("#tx .redact-show")
    show.wait_for()
    show.click()
    page.locator("#tx .redact-words", has_text="siobhan macgregor").wait_for()
    picture(page, "kept-desk")
    # Drawn anew, it is shown still; found in nothing that is searched.
    page.locator("#search").fill("bill")
    page.locator("#tx mark").wait_for()
    assert page.locator("#tx .redact-words").inner_text() == "siobhan macgregor"
