"""Coaching in a browser: a session prepared by keys, held and acknowledged; the plan's chart; no width too small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.coaching.planned import call_scored, card_make, plan_make, session_make
from tests.conftest import World

Pages = Callable[..., Any]
FITS = "document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture
def given(committed: World, make_conversation: Any) -> Any:
    company = committed.northwind
    with company.scope():
        card = card_make()
        for number in range(12):
            call_scored(company, make_conversation, card, 50 if number % 2 else 0, days_ago=13 + number)
            call_scored(
                company, make_conversation, card, 50 if number % 3 else 100, days_ago=number / 2 + 0.1
            )
        plan = plan_make(company, card)
        yield plan, session_make(company, plan=plan)


def test_a_session_is_prepared_by_keys_held_and_acknowledged(given: Any, sign_in: Pages) -> None:
    page = sign_in("supervisor", path="/coaching/")
    page.locator("#sessions a").first.click()
    page.locator("#suggested li").first.wait_for()
    assert page.locator("#suggested mark", has_text="bill").count() == 4
    # One key takes up the first call with its skill and its sentence.
    page.keyboard.press("e")
    page.locator("#agenda .co-items li .co-quote").wait_for()
    assert page.locator("#suggested li").count() == 4
    page.keyboard.press("x")
    page.keyboard.type("Ask before you answer")
    page.keyboard.press("Enter")
    page.locator("#steps li", has_text="Ask before").wait_for()
    page.keyboard.press("h")
    page.locator(".chip", has_text="to acknowledge").wait_for()
    agent = sign_in("agent", path="/coaching/", width=390, height=844)
    agent.locator("a", has_text="Acknowledge your session").click()
    agent.locator("#co-words").fill("I look for the cause first.")
    agent.locator("button", has_text="Acknowledge").click()
    agent.locator(".co-words", has_text="the cause first").wait_for()
    assert agent.evaluate(FITS) and "softly" not in agent.content()
    agent.locator("#steps .co-tick").first.click()
    agent.locator("#steps .co-tick[aria-pressed=true]").wait_for()


def test_a_plan_shows_what_changed_beside_its_table_and_fits_a_phone(given: Any, sign_in: Pages) -> None:
    plan, session = given
    page = sign_in("supervisor", path=f"/coaching/plans/{plan.pk}/")
    page.locator(".ch[data-drawn] .ch-plot svg").wait_for()
    assert "95 % interval" in page.locator("main").inner_text()
    page.locator("figure summary").focus()
    page.keyboard.press("Enter")
    assert "(before)" in page.locator("figure table tbody tr").first.inner_text()
    paths = ("", f"plans/{plan.pk}/", f"plans/{plan.pk}/edit/", f"sessions/{session.pk}/", "targets/")
    page = sign_in("supervisor", path="/coaching/", width=390, height=844)
    for path in (*paths, f"sessions/new/?plan={plan.pk}"):
        page.goto(page.url.split("/coaching/")[0] + f"/coaching/{path}")
        page.locator("main").wait_for()
        assert page.evaluate(FITS), path
