"""A calibration in a browser, by keys alone: planned, scored blind by two, discussed, agreed on and closed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from qa.models import (
    CalibrationCall,
    CalibrationReference,
    CalibrationSession,
    Criterion,
    CriterionDecision,
    Evaluation,
)
from tests.conftest import World
from tests.past_calls import past_call

Pages = Callable[..., Any]


@pytest.fixture
def past(committed: World) -> Any:
    company = committed.northwind
    with company.scope():
        yield past_call(agent=company.people["agent"], queue=company.queue)


def press_until(page: Any, words: str, key: str = "Tab") -> None:
    """Move on by this key until what has the focus says `words`."""
    for _press in range(80):
        page.keyboard.press(key)
        told = page.evaluate(
            "(() => { const e = document.activeElement;"
            " return [e.innerText, e.value, e.name, e.id, e.closest('label')?.innerText].join(' '); })()"
        )
        if words in told:
            return
    raise AssertionError(f"nothing with the focus says {words}")


def look(page: Any, name: str) -> None:
    """Keep a picture of the page at both widths, if somebody wants to look at it (`SHOTS`)."""
    if not os.environ.get("SHOTS"):
        return
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=str(Path(os.environ["SHOTS"]) / f"{name}-{width}.png"), full_page=True)
    page.set_viewport_size({"width": 1280, "height": 800})


def scored(page: Any, *keys: str) -> None:
    """From one's list through the form: what is pressed for each criterion, then submitted."""
    page.locator("#rows tbody tr").wait_for()
    page.keyboard.press("e")
    page.locator(".ev-crit.on").wait_for()
    assert page.locator(".chip", has_text="blind").count() == 1
    assert "Automatic:" not in page.locator("#ev-form").inner_text()
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function("document.getElementById('ev-count').textContent === '2 of 2 answered'")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/quality/calibrations/*/")


def test_a_calibration_by_keys_alone(past: Any, sign_in: Pages) -> None:
    lead = sign_in("analyst", path=f"/quality/start/?conversation={past.conversation.pk}")
    press_until(lead, "Calibrate with others")
    lead.keyboard.press("Enter")
    lead.locator("#cb-name").wait_for()
    lead.keyboard.type("Hard calls")
    for name in ("Admin", "Supervisor"):
        press_until(lead, name)
        lead.keyboard.press("Space")
    look(lead, "plan")
    press_until(lead, "Have them score")
    lead.keyboard.press("Enter")
    lead.locator("h1", has_text="Hard calls").wait_for()
    assert lead.locator(".chip", has_text="scoring").count() == 1
    look(lead, "room-before")

    scored(sign_in("supervisor", path="/quality/"), "1", "1")
    # Still blind: the room says who has submitted, and nothing else.
    other = sign_in("supervisor", path=f"/quality/calibrations/{CalibrationSession.objects.get().pk}/")
    assert other.locator(".cb-matrix").count() == 0
    assert other.locator("td", has_text="1 of 1").count() == 1
    scored(sign_in("admin", path="/quality/"), "1", "2")

    lead.reload()
    lead.locator(".cb-matrix").wait_for()
    # What differs comes first; its reference is still to be agreed on, and nothing can be closed before.
    first = lead.locator(".cb-matrix tbody").first
    assert "Was it polite?" in first.inner_text() and "to agree on" in first.inner_text()
    assert lead.locator("button", has_text="Close this calibration").is_disabled()
    look(lead, "room-discussion")
    press_until(lead, "Comments and evidence")
    lead.keyboard.press("Enter")
    press_until(lead, "Yes")
    lead.keyboard.press("Space")
    press_until(lead, "reason")
    lead.keyboard.type("Leaving is no rudeness.")
    lead.keyboard.press("Enter")
    lead.locator(".cb-more", has_text="Agreed, Analyst: Leaving is no rudeness.").wait_for()
    press_until(lead, "Close this calibration")
    lead.keyboard.press("Enter")
    lead.locator(".chip", has_text="closed").wait_for()
    assert lead.locator("#by-rater tbody tr").count() == 3
    look(lead, "room-closed")
    assert CalibrationSession.objects.get().state == "closed"
    assert Evaluation.objects.filter(kind="calibration", counts=False, released_at=None).count() == 2

    narrow = sign_in("analyst", path="/quality/calibrations/results/", width=390, height=844)
    narrow.locator("#trend tbody tr").wait_for()
    assert narrow.evaluate("document.documentElement.scrollWidth <= innerWidth")
    look(narrow, "results")
    narrow.goto(lead.url)
    assert narrow.evaluate("document.documentElement.scrollWidth <= innerWidth")
    look(sign_in("analyst", path="/quality/calibrations/"), "list")
    look(sign_in("analyst", path="/quality/agreement/"), "agreement")
    look(sign_in("analyst", path="/quality/"), "quality")


def test_a_warning_is_decided_where_it_stands(past: Any, sign_in: Pages) -> None:
    # Twenty calibrations that all agreed on the other answer than the judge's.
    judged = past.score
    polite = judged.answers.get(position=1)
    for number in range(20):
        session = CalibrationSession.objects.create(
            name=f"Week {number}", revision=judged.revision, state="closed", closed_at=timezone.now()
        )
        call = CalibrationCall.objects.create(
            session=session, conversation=past.conversation, agent=judged.agent, automatic=judged
        )
        CalibrationReference.objects.create(call=call, criterion_key=polite.criterion_key, value="yes")
    page = sign_in("analyst", path="/quality/agreement/")
    page.locator(".chip.bad", has_text="low").wait_for()
    press_until(page, "Decide whether it stays automatic")
    page.keyboard.press("Enter")
    press_until(page, "reason")
    page.keyboard.type("It takes leaving for rudeness.")
    look(page, "decide")
    press_until(page, "People only")
    page.keyboard.press("Enter")
    page.locator(".ql-why", has_text="It takes leaving for rudeness.").wait_for()
    made = CriterionDecision.objects.get()
    assert (made.decision, made.kappa, made.pairs) == ("people", 0, 20)
    assert Criterion.objects.get(pk=polite.criterion_key).method == "person"
    look(page, "decided")
