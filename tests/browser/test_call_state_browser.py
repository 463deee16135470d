"""What people see of a call beside its words: hold, consent, whose words they are after a transfer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conversations.models import ConsentRecord, ConsentRule, Conversation
from tests import live_events as live
from tests.conftest import Company, World

Pages = Callable[..., Any]


@pytest.fixture
def northwind(committed: World) -> Iterator[Company]:
    with committed.northwind.scope():
        yield committed.northwind


def begin(company: Company) -> Conversation:
    return live.call_begin(
        company.people["agent"], ago_seconds=90, customer=live.customer_make(), queue=company.queue
    )


def test_hold_is_said_quietly_and_is_no_trouble(northwind: Company, sign_in: Pages) -> None:
    call = begin(northwind)
    live.phase(call, "connected", 0, ago_seconds=90)
    live.say(call, "customer", "my invoice is wrong", 5000)
    desk, floor = sign_in("agent", path="/desk/"), sign_in("supervisor", path="/floor/")
    desk.locator("#tx li[data-id]").wait_for()
    assert desk.locator("#phase").is_hidden()
    floor.locator("#rows tr").wait_for()
    live.phase(call, "hold", 20_000, ago_seconds=70)
    # It counts from the word of its telephony, 70 s ago; how long the page took to come comes on top.
    desk.locator("#phase", has_text=re.compile(r"On hold (1:[1-5]|[2-9]:[0-5])\d")).wait_for()
    floor.locator("#rows .state", has_text="on hold").wait_for()
    desk.locator("#tx .ev", has_text="On hold").wait_for()
    # Nobody is heard and no words come, as it should be on hold; the partial shows that the heartbeat was read.
    live.heartbeat(call, now_ms=90_000, late_ms=60_000, customer=70_000, agent=70_000)
    live.partial(call, "customer", "hello", 90_000)
    desk.locator(".is-partial").wait_for()
    assert desk.locator("#trouble .note").count() == 0
    live.phase(call, "connected", 100_000)
    desk.locator("#phase").wait_for(state="hidden")
    desk.locator("#tx .ev", has_text="On hold 1:20").wait_for()
    floor.locator("#rows .state").wait_for(state="detached")
    # What was quiet on hold is counted from its end.
    live.heartbeat(call, now_ms=103_000, customer=83_000, agent=83_000)
    live.partial(call, "customer", "hello again", 103_000)
    desk.locator(".is-partial p", has_text="again").wait_for()
    assert desk.locator("#trouble .note").count() == 0
    live.heartbeat(call, now_ms=130_000, customer=110_000)
    desk.locator("#trouble", has_text="No audio from the customer since 1:40").wait_for()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_customer_withdraws_and_agrees_by_keyboard(
    northwind: Company, sign_in: Pages, width: int
) -> None:
    ConsentRule.objects.create(purpose="assist", mode="opt_out", unknown_allows=True, on_withdrawal="erase")
    call = begin(northwind)
    page = sign_in("agent", path="/desk/", width=width, height=800)
    page.locator("#bit-name", has_text="Helen Marsh").wait_for()
    assert page.locator("#tx-gap").is_hidden()
    page.keyboard.press("p")
    form = page.locator("#consent-form")
    form.get_by_text("what was kept so far is erased").wait_for()
    page.keyboard.press("Escape")
    form.wait_for(state="hidden")
    assert not ConsentRecord.objects.exists()
    page.keyboard.press("p")
    form.get_by_label("Recording").uncheck()
    form.get_by_role("button", name="Withdraw").press("Enter")
    form.wait_for(state="hidden")
    page.locator("#consent-list", has_text="withdrawn at").wait_for()
    said = ConsentRecord.objects.get()
    assert (said.purpose, said.state, said.source) == ("assist", "withdrawn", "agent")
    assert said.actor == northwind.people["agent"] and said.conversation == call
    if width == 390:
        page.get_by_role("button", name="Now").click()
    page.locator("#tx-gap", has_text="Not transcribed and not recorded: no consent.").wait_for()
    page.keyboard.press("p")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Customer agrees").click()
    page.keyboard.press("Enter")
    page.locator("#consent-list small", has_text="agreed at").nth(1).wait_for()
    assert set(ConsentRecord.objects.values_list("purpose", "state")) == {
        ("assist", "withdrawn"),
        ("assist", "given"),
        ("record", "given"),
    }
    if width == 390:
        page.get_by_role("button", name="Now").click()
    page.locator("#tx-gap").wait_for(state="hidden")


def test_words_keep_the_name_of_who_said_them(northwind: Company, sign_in: Pages) -> None:
    call = begin(northwind)
    live.say(call, "agent", "i pass you on to my colleague", 5000)
    floor = sign_in("supervisor", path="/floor/")
    floor.locator("#rows tr").click()
    floor.locator("#tx b", has_text="Agent").wait_for()
    live.say(call, "agent", "hello here is somebody else", 30_000)
    live.hand_over(call, northwind.people["teammate"], 20_000)
    floor.locator("#tx .ev", has_text="Teammate takes over").wait_for()
    assert floor.locator("#tx li[data-id] b").all_inner_texts() == ["Agent", "Teammate"]
    floor.locator("#rows [aria-label=transferred]").wait_for()
    desk = sign_in("teammate", path="/desk/")
    desk.locator("#tx li[data-id]").nth(1).wait_for()
    assert desk.locator("#tx li[data-id] b").all_inner_texts() == ["Agent", "You"]
    live.call_end(call)
    past = sign_in("supervisor", path=f"/conversations/{call.pk}/?tab=details")
    assert past.locator("#transcript li[data-seek] b").all_inner_texts() == ["Agent", "Teammate"]
    past.locator("#panel-details").get_by_text("Agent → Teammate").wait_for()


@pytest.mark.parametrize("width", [1280, 390])
def test_rare_pages_are_behind_more(northwind: Company, sign_in: Pages, width: int) -> None:
    page = sign_in("admin", path="/reports/", width=width)
    more = page.locator(".nav-more > summary")
    more.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Completeness").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/completeness/")
    assert "on" in more.get_attribute("class").split()
    for link in page.locator(".nav-top a.item").all():
        link.scroll_into_view_if_needed()
        assert link.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
