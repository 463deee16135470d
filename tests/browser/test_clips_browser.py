"""A clip in a browser: marked in the transcript or cut out by keys, shared, heard and talked about by a colleague."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coaching.models import Clip, ClipSeen
from tests.conftest import World
from tests.past_calls import past_call
from tests.recorded_calls import recorded

Pages = Callable[..., Any]


@pytest.fixture
def call(committed: World) -> Any:
    """A past call with its sound."""
    company = committed.northwind
    with company.scope():
        past = past_call(agent=company.people["agent"], queue=company.queue)
        recorded(past)
        yield past.conversation


def test_a_clip_from_marked_words_to_a_colleagues_comment(call: Any, sign_in: Pages) -> None:
    page = sign_in("supervisor", path=f"/conversations/{call.pk}/")
    # Marked over two rows.
    page.locator("#transcript").evaluate(
        """(transcript) => {
            const [first, last] = ["wrong", "refund"].map((word) =>
                [...transcript.querySelectorAll("li > span")].find((one) => one.textContent.includes(word)));
            getSelection().setBaseAndExtent(first.firstChild, 3, last.firstChild, 9);
        }"""
    )
    page.locator("#clip-mark").wait_for(state="visible")
    page.keyboard.press("c")
    page.locator("#clip-dialog[open]").wait_for()
    assert page.evaluate("document.activeElement.id") == "clip-title"
    assert page.locator("#clip-from option:checked").inner_text().startswith("0:05 Helen: My bill is wrong")
    assert page.locator("#clip-to option:checked").inner_text().startswith("0:10 Agent: I can offer")
    page.keyboard.type("Keeps a customer")
    page.keyboard.press("Tab")
    page.keyboard.type("Listen to the pause.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#clip-made a").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "Open it"
    page.keyboard.press("Enter")
    page.wait_for_url("**/coaching/clips/*/")
    made = Clip.objects.get()
    assert (made.title, made.start_ms, made.end_ms) == ("Keeps a customer", 5_000, 13_000)
    assert page.locator("#transcript li").count() == 2
    page.locator("#cl-whom").select_option(label="Teammate")
    page.locator("button[value=share]").click()
    page.locator(".cl-shares li", has_text="Teammate").wait_for()

    # By keys alone, from the row that has the focus.
    page.goto(page.url.split("/coaching/")[0] + f"/conversations/{call.pk}/")
    page.locator("#transcript li button").nth(3).focus()
    page.keyboard.press("c")
    page.locator("#clip-dialog[open]").wait_for()
    assert page.locator("#clip-from").input_value() == page.locator("#clip-to").input_value() == "3"
    page.keyboard.press("Escape")
    page.locator("#clip-dialog:not([open])").wait_for(state="attached")

    mate = sign_in("teammate", path="/coaching/clips/", width=390, height=844)
    assert mate.evaluate("document.documentElement.scrollWidth <= innerWidth")
    mate.locator(".chip", has_text="1 new").wait_for()
    mate.keyboard.press("o")
    mate.wait_for_url("**/coaching/clips/*/")
    assert mate.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "Helen" not in mate.locator("main").inner_text()
    # The player has the stretch alone, and seeks in it.
    mate.wait_for_function("document.getElementById('sound').duration > 7.9")
    assert mate.evaluate("document.getElementById('sound').duration") == pytest.approx(8, abs=0.01)
    mate.locator("#transcript li button").nth(1).click()
    mate.wait_for_function("document.getElementById('sound').currentTime >= 5")
    mate.locator("#cl-comment").fill("I will try that.")
    mate.locator("button[value=comment]").click()
    mate.locator(".cl-thread li", has_text="I will try that.").wait_for()
    assert ClipSeen.objects.get().user.name == "Teammate"
