"""The rule builder in a browser: a rule made with the keyboard, checked, tried, undone and saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from coaching.models import Policy
from tests.conftest import World
from tests.editing.documents import CANCEL, document, rule

pytestmark = pytest.mark.browser


@pytest.fixture
def policy(committed: World) -> Any:
    with committed.northwind.scope():
        yield Policy.objects.create(name="Save", draft=document(rule("stay", CANCEL, name="Stay")))


def test_a_rule_is_made_tried_undone_and_saved(
    committed: World, policy: Policy, sign_in: Callable[..., Any]
) -> None:
    page = sign_in("admin", path=f"/admin/coaching/policy/{policy.pk}/change/")
    page.wait_for_selector(".rb-status.good, .rb-status.warn")
    assert "When the customer says" in page.text_content(".rb-sentence")

    def draft() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(page.input_value("textarea[name=draft]"))
        return found

    # The focus is where one goes on: the new rule's name, then its kind of condition.
    page.click("text=Add a rule")
    page.keyboard.type("Offer help")
    card = page.locator(".rb-card").nth(1)
    card.get_by_label("Kind of condition").focus()
    page.keyboard.type("words")
    card.locator(".rb-lines").wait_for()
    card.locator(".rb-lines").fill("too expensive\ncan't afford")
    card.get_by_label("Line", exact=True).fill("Offer a smaller plan")
    card.get_by_role("button", name="and …").click()
    # What the server says of it moves what is beneath.
    page.locator(".rb-status:not([data-busy])").wait_for()
    card.get_by_role("button", name="not").nth(2).click()
    expect(card.locator(".rb-leaf.denied")).to_have_count(1)
    page.click(".rb-bar >> text=Undo")
    expect(card.locator(".rb-leaf.denied")).to_have_count(0)
    card.get_by_role("button", name="Remove this condition").nth(1).click()
    made = draft()["rules"][1]
    assert made["name"] == "Offer help"
    assert made["when"] == {"all": [{"phrases": ["too expensive", "can't afford"], "speaker": "customer"}]}
    assert made["then"] == [{"do": "hint", "label": "Say", "title": "Offer a smaller plan"}]

    page.fill("[data-dialogue]", "customer: it is too expensive\nagent: oh")
    page.click("text=Play it")
    page.wait_for_selector(".rb-event.fired >> text=Offer a smaller plan")
    page.click("text=Step by step")
    assert page.locator("[data-turn]:visible").count() == 1
    page.locator("[data-steps] >> text=Next").press("ArrowRight")
    assert page.locator("[data-turn]:visible").count() == 2

    # Moved by the keyboard, and kept as it stands.
    card.locator(".rb-toggle").press("Alt+ArrowUp")
    assert [one["name"] for one in draft()["rules"]] == ["Offer help", "Stay"]
    page.click("button[name=_save], input[name=_save]")
    page.wait_for_url("**/admin/coaching/policy/")
    with committed.northwind.scope():
        policy.refresh_from_db()
        assert [one["name"] for one in policy.draft["rules"]] == ["Offer help", "Stay"]


def test_on_a_phone_nothing_is_wider_than_the_page(
    committed: World, policy: Policy, sign_in: Callable[..., Any]
) -> None:
    page = sign_in("admin", path=f"/admin/coaching/policy/{policy.pk}/change/", width=390)
    page.wait_for_selector(".rb-card")
    assert page.evaluate(
        "document.querySelector('.rb').scrollWidth <= document.querySelector('.rb').clientWidth"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
