"""The floor in a browser: who needs me first, five hundred calls, two who want one alert, whispers, the address."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from coaching import presence
from coaching.escalation import alerts_escalate
from coaching.models import Alert, Whisper
from conversations.events import stamp
from desk.floor_selectors import panel_opened
from tests import live_events as live
from tests.conftest import Company, World

Pages = Callable[..., Any]
# What people begin to feel.
LONGEST_TASK_MS = 50.0
CALLS = 500


@pytest.fixture
def northwind(committed: World) -> Iterator[Company]:
    with committed.northwind.scope():
        yield committed.northwind


def rows(page: Any) -> list[str]:
    return [str(row.get_attribute("data-id")) for row in page.locator("#rows tr").all()]


def test_who_needs_me_first(northwind: Company, sign_in: Pages) -> None:
    """Hands and grave alerts, then mine, then what is only to be looked at, then what looks odd, then the longest."""
    people = northwind.people
    plain = live.call_begin(people["agent"], ago_seconds=900)
    look = live.call_begin(people["agent"], ago_seconds=60)
    live.alert(look, "Long hold", severity="warn")
    mine = live.call_begin(people["agent"], ago_seconds=60)
    taken = live.alert(mine, "Wants a manager")
    hand = live.call_begin(people["teammate"], ago_seconds=30)
    presence.seen(presence.DESK, people["agent"].pk)
    page = sign_in("supervisor", path="/floor/")
    page.mouse.move(2, 2)
    page.locator("#rows tr").nth(3).wait_for()
    from coaching.alerts import alert_claim, hand_raise

    alert_claim(alert=taken, user=people["supervisor"])
    hand_raise(conversation=hand, agent=people["teammate"])
    page.locator("#rows tr", has_text="Agent asks for you").wait_for()
    page.locator("#rows tr", has_text="you").first.wait_for()
    assert rows(page) == [str(one.pk) for one in (hand, mine, look, plain)]
    # Talking without a panel is marked, and a panel that opens takes the mark away.
    blind = page.locator(f'#rows tr[data-id="{hand.pk}"] .blind')
    blind.wait_for()
    assert page.locator("#rows .blind").count() == 1
    presence.seen(presence.DESK, people["teammate"].pk)
    panel_opened(people["teammate"].pk)
    blind.wait_for(state="detached")


def test_two_want_one_alert_and_others_take_what_nobody_took(northwind: Company, sign_in: Pages) -> None:
    people = northwind.people
    call = live.call_begin(people["agent"], ago_seconds=60, customer=live.customer_make())
    said = live.say(call, "customer", "this is a scandal i want to cancel", 1000)
    raised = live.alert(call, "Cancel threat", said=said, words="want to cancel")
    stranger = sign_in("other_supervisor", path="/floor/")
    stranger.get_by_text("No calls now.").wait_for()
    Alert.objects.update(waiting_since=timezone.now() - timedelta(minutes=2))
    assert alerts_escalate() == 1
    row = stranger.locator("#rows tr", has_text="Cancel threat")
    row.wait_for()
    assert "Billing" in row.inner_text() and "scandal" not in stranger.content()
    row.click()
    stranger.get_by_text("Take the alert to follow it.").wait_for()
    page = sign_in("supervisor", path="/floor/")
    page.locator("#rows tr").click()
    page.locator(".alert-band", has_text="it has gone further").wait_for()
    stranger.keyboard.press("a")
    stranger.locator("#tx li[data-id]", has_text="this is a scandal").wait_for()
    page.locator(".alert-band", has_text="Other Supervisor has it.").wait_for()
    assert page.locator(".alert-band button", has_text="Take it").count() == 0
    raised.refresh_from_db()
    assert raised.assignee == people["other_supervisor"]
    live.call_end(call)
    stranger.get_by_text("This call has ended.").wait_for()
    raised.refresh_from_db()
    assert (raised.state, raised.resolved_by) == ("closed", None)


def test_a_whisper_is_read_and_answered(northwind: Company, sign_in: Pages) -> None:
    call = live.call_begin(northwind.people["agent"], ago_seconds=60, customer=live.customer_make())
    page, desk = sign_in("supervisor", path="/floor/"), sign_in("agent", path="/desk/", width=390)
    desk.locator("#bit-name").wait_for()
    page.locator("#rows tr").click()
    page.locator("#whisper").wait_for()
    page.keyboard.press("w")
    page.keyboard.type("Offer to refund card 4111 1111 1111 1111")
    page.keyboard.press("Enter")
    note = desk.locator("#whispers", has_text="Offer to refund card [CREDIT_CARD]")
    note.wait_for()
    page.locator("#whispers", has_text=re.compile("seen$")).wait_for()
    desk.get_by_role("button", name="Thanks").click()
    page.locator("#whispers", has_text="“Thanks”").wait_for()
    assert Whisper.objects.get(conversation=call).answer == "thanks"
    note.wait_for(state="hidden")


def test_filters_are_in_the_address(northwind: Company, sign_in: Pages, live_site: Any) -> None:
    from accounts.models import Queue

    second = Queue.objects.get_or_create(key="sales", defaults={"name": "Sales"})[0]
    people = northwind.people
    northwind.team.supervisors.add(people["admin"])
    ours = live.call_begin(people["agent"], ago_seconds=60, queue=northwind.queue)
    theirs = live.call_begin(people["outsider"], ago_seconds=90, queue=second)
    page = sign_in("admin", path="/floor/")
    page.locator("#rows tr").wait_for()
    assert rows(page) == [str(ours.pk)], "who sees all calls begins with their own teams"
    page.locator("#teams button", has_text="Billing").click()
    page.locator("#rows tr").nth(1).wait_for()
    page.locator("#queues").select_option(label="Sales")
    page.wait_for_url(re.compile("queue="))
    assert rows(page) == [str(theirs.pk)]
    page.reload()
    page.locator("#rows tr").wait_for()
    assert rows(page) == [str(theirs.pk)]
    # A team and a queue that are not there are no filter.
    page.goto(live_site.url(northwind, "/floor/?team=nobody&queue=x&show=y"))
    page.locator("#rows tr").nth(1).wait_for()
    second.delete()
    northwind.team.supervisors.remove(people["admin"])


# --- Five hundred calls ---------------------------------------------------------------------------------


def _row(number: int, step: int) -> dict[str, Any]:
    begun = timezone.now() - timedelta(seconds=30 + number)
    alert = None
    if (number + step) % 37 == 0:
        alert = {
            "id": f"alert-{number}", "kind": "rule", "title": "Cancel threat", "reason": "", "evidence": [],
            "severity": "bad" if number % 2 else "warn", "state": "open", "count": 1, "at_ms": 0,
            "raised_at": stamp(begun), "waiting_since": stamp(begun), "assignee": None, "escalated_at": None,
            "more": 0,
        }  # fmt: skip
    return {
        "id": f"call-{number}", "limited": False, "state": "live", "phase": None, "phase_since": None,
        "transferred": False, "agent": {"id": f"agent-{number}", "name": f"Agent {number}"},
        "team": {"id": "t", "name": "Billing"}, "unmatched": None, "queue": "Billing", "queue_id": None,
        "segment": "Gold", "customer": "Ada", "started_at": stamp(begun), "ended_at": None,
        "panel": number % 9 != 0, "guidance": {"title": f"Offer {step}", "label": "Say", "state": "open", "at_ms": 1},
        "alert": alert,
        "mood": {"points": [((number * 7 + step + at) % 20 - 10) / 10 for at in range(20)], "trend": "steady"},
        "silence": {"bins": [((number + at + step) % 10) / 10 for at in range(20)], "since_ms": 20_000},
    }  # fmt: skip


def _message(numbers: range, step: int, *, full: bool = False) -> str:
    tiles = {
        "live": CALLS,
        "unmatched": 0,
        "wrap_up": 0,
        "alerts": 13,
        "alerts_mine": 0,
        "today": CALLS,
        "handle_ms": 1,
    }
    content = {"type": "rows", "full": full, "rows": [_row(number, step) for number in numbers], "gone": [],
               "tiles": tiles, "now": round(timezone.now().timestamp() * 1000)}  # fmt: skip
    return json.dumps(content)


def longest_task(trace: bytes) -> float:
    """The longest task of the page's main thread in a Chromium trace, in ms of processor time.

    Not of the clock on the wall: other tests run beside, and their turns are not the page's.
    """
    found = json.loads(trace)["traceEvents"]
    names = ((one, one["args"].get("name")) for one in found if one["name"] == "thread_name")
    main = {(one["pid"], one["tid"]) for one, name in names if name == "CrRendererMain"}
    tasks = [one for one in found if one["name"].endswith("RunTask") and (one["pid"], one["tid"]) in main]
    spent = [one["tdur"] / 1000 for one in tasks if "tdur" in one]
    assert len(spent) > 30, "the trace holds what the page did"
    return max(spent)


def test_five_hundred_calls_without_jank(
    northwind: Company, sign_in: Pages, live_site: Any, browser: Any
) -> None:
    """Twenty calls change every 60 ms, and only the rows that can be seen are in the document."""
    page = sign_in("supervisor")
    lines: list[Any] = []
    page.route_web_socket(re.compile("/ws/floor/"), lambda line: lines.append(line))
    page.goto(live_site.url(northwind, "/floor/"))
    page.mouse.move(2, 2)
    page.wait_for_function("document.getElementById('none').hidden === false")
    while not lines:
        page.wait_for_timeout(20)
    lines[0].send(_message(range(CALLS), 0, full=True))
    page.locator("#shown", has_text="500 of 500 conversations").wait_for()
    page.wait_for_timeout(300)
    browser.start_tracing(page=page, categories=["toplevel"])
    for step in range(1, 21):
        first = (step * 20) % CALLS
        lines[0].send(_message(range(first, min(CALLS, first + 20)), step))
        page.wait_for_timeout(60)
        if step % 5 == 0:
            page.evaluate("document.getElementById('rows-scroll').scrollTop += 900")
    assert page.locator("#rows tr").count() < 60
    longest = longest_task(browser.stop_tracing())
    print(f"longest task with {CALLS} calls: {longest:.1f} ms")
    assert longest < LONGEST_TASK_MS
    # By keyboard through all of them, as assistive technology counts them.
    page.evaluate("document.getElementById('rows-scroll').scrollTop = 0")
    for _ in range(45):
        page.keyboard.press("ArrowDown")
    focused = page.evaluate("document.activeElement.getAttribute('aria-rowindex')")
    assert focused == "46"
    assert page.locator("#grid").get_attribute("aria-rowcount") == str(CALLS + 1)
    # One scroll goes to the end, although rows come and go meanwhile.
    page.evaluate("document.getElementById('rows-scroll').scrollTop = 1e6")
    last = page.locator(f'#rows tr[aria-rowindex="{CALLS + 1}"]')
    last.wait_for()
