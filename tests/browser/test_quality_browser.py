"""Evaluating in a browser: by keys, with evidence marked in the transcript, from the list to what the agent says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qa.models import Assignment, Criterion, Dispute, Evaluation
from qa.services import scorecard_publish
from qa.work import assignment_create
from tests.conftest import World
from tests.past_calls import past_call

Pages = Callable[..., Any]


@pytest.fixture
def given(committed: World) -> Any:
    """A past call that the analyst is to evaluate, by criteria of several kinds."""
    company = committed.northwind
    with company.scope():
        past = past_call(agent=company.people["agent"], queue=company.queue)
        template = past.score.revision.template
        template.criteria.update(
            guideline="A threat is any word of leaving.", good_example="I am going to leave."
        )
        found = Criterion.objects.create(
            template=template,
            section="Solving",
            position=2,
            question="Cause found?",
            method="person",
            kind="choice",
            options=[
                {"value": "fully", "label": "Fully", "score": 100},
                {"value": "partly", "label": "Partly", "score": 50},
                {"value": "not", "label": "Not", "score": 0},
            ],
        )
        Criterion.objects.create(
            template=template,
            section="Closing",
            position=3,
            question="How well was it told?",
            method="person",
            kind="scale",
            low=1,
            high=5,
            depends_on=found,
            depends_values=["fully"],
        )
        Criterion.objects.create(
            template=template,
            section="Closing",
            position=4,
            question="In your words",
            method="person",
            kind="text",
            weight=0,
        )
        scorecard_publish(template=template, actor=None)
        people = company.people
        assignment_create(
            conversation=past.conversation,
            template=template,
            actor=people["admin"],
            assignee=people["analyst"],
            why="Weekly: evenly by agent",
        )
        yield past


def test_an_evaluation_from_the_list_to_its_dispute(given: Any, sign_in: Pages) -> None:
    page = sign_in("analyst", path="/quality/")
    page.locator("#rows tbody tr").wait_for()
    page.keyboard.press("e")
    page.locator(".ev-crit.on").wait_for()
    assert page.locator("#ev-count").inner_text() == "0 of 3 answered"
    # Keys are quicker than a far server's answers, and none is taken back by what was true before it.
    far = {"offline": False, "latency": 400, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", far)
    # Yes to the first by its key; the next one opens by itself.
    page.keyboard.press("1")
    page.locator(".ev-crit.on", has_text="polite").wait_for()
    # Words marked in the transcript are its evidence.
    words = page.locator("#transcript li", has_text="wrong").locator("> span")
    words.evaluate(
        """(words) => {
            const text = words.firstChild;
            const start = text.data.indexOf("bill is wrong");
            getSelection().setBaseAndExtent(text, start, text, start + 13);
        }"""
    )
    page.locator("#ev-mark").wait_for(state="visible")
    page.keyboard.press("e")
    page.locator(".ev-crit.on .rv-q", has_text="“bill is wrong”").wait_for()
    page.keyboard.press("2")
    page.locator(".ev-crit.on", has_text="Cause").wait_for()
    # What hangs on an answer opens with it.
    assert page.locator(".ev-crit.off").count() == 1
    page.keyboard.press("1")
    page.locator(".ev-crit.on", has_text="How well").wait_for()
    page.keyboard.press("4")
    page.wait_for_function("document.getElementById('ev-count').textContent === '4 of 4 answered'")
    page.wait_for_function("document.getElementById('ev-total').textContent === '69'")
    page.locator("#ev-comment").fill("Well met.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/quality/")
    with_ = Evaluation.objects.get(kind="person")
    assert (with_.state, round(with_.total), with_.comment) == ("submitted", 69, "Well met.")
    assert with_.answers.get(position=1).evidence[0]["at_ms"] == 5_000
    assert Assignment.objects.get().state == "done"

    agent = sign_in("agent", path="/quality/", width=390, height=844)
    assert agent.evaluate("document.documentElement.scrollWidth <= innerWidth")
    agent.locator(".ql-open").first.click()
    agent.locator("summary", has_text="Dispute this score").first.click()
    agent.locator("select[name=answer]").first.select_option(label="Was it polite?")
    agent.locator("form:has(select[name=answer]) input[name=reason]").first.fill("That was the customer.")
    agent.locator("form:has(select[name=answer]) button").first.click()
    agent.locator(".rv-hint", has_text="That was the customer.").wait_for()
    assert Dispute.objects.get().answer.position == 1
