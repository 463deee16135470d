"""The desk and the floor as people meet them: in a browser, by keyboard, with lines that break."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.models import TelephonyIdentity
from coaching.models import Guidance
from conversations.models import Conversation, Disposition
from tests import live_events as live
from tests.conftest import Company, World

Pages = Callable[..., Any]


@pytest.fixture
def northwind(committed: World) -> Iterator[Company]:
    with committed.northwind.scope():
        yield committed.northwind


def begin(company: Company, persona: str | None = "agent", **fields: Any) -> Conversation:
    agent = company.people[persona] if persona else None
    values: dict[str, Any] = {"ago_seconds": 60, "customer": live.customer_make(), "queue": company.queue}
    return live.call_begin(agent, **(values | fields))


def spoken(page: Any) -> list[str]:
    return [text.strip() for text in page.locator("#tx li[data-id] p").all_inner_texts()]


def until(page: Any, check: Callable[[], bool]) -> None:
    """Wait until something is so in the database, while the page goes on."""
    for _ in range(400):
        if check():
            return
        page.wait_for_timeout(50)
    assert check()


def partial_shown(page: Any, call: Conversation, text: str) -> None:
    """Send partial words, as speech recognition does again and again, until the page shows them."""

    def check() -> bool:
        live.partial(call, "customer", text, 5000)
        return bool(page.locator(".is-partial p", has_text=text).count())

    until(page, check)


class Wire:
    """What lies between a page and the server, to be cut. Make it before the page goes anywhere."""

    def __init__(self, page: Any) -> None:
        self.page, self.is_cut = page, False
        self.lines: list[Any] = []
        page.route_web_socket(re.compile("/ws/"), self._opened)

    def _opened(self, line: Any) -> None:
        if self.is_cut:
            line.close(code=1001)
        else:
            line.connect_to_server()
            self.lines.append(line)

    def cut(self) -> None:
        self.is_cut = True
        self.page.context.set_offline(True)
        for line in self.lines:
            line.close(code=1001)
        self.lines.clear()

    def mend(self) -> None:
        self.is_cut = False
        self.page.context.set_offline(False)


# --- The agent ------------------------------------------------------------------------------------------


def test_a_call_from_ready_to_confirmed(northwind: Company, sign_in: Pages) -> None:
    Disposition.objects.create(key="kept", name="Retained", position=1)
    page = sign_in("agent", path="/desk/")
    page.get_by_text("Ready. Your next call shows up by itself.").wait_for()

    call = begin(northwind)
    page.locator("#bit-name", has_text="Helen Marsh").wait_for()
    assert re.fullmatch(r"1:[0-5]\d", page.locator("#timer").inner_text())
    step = live.hint(call, "Greeting and recording notice", kind="checklist", label="Do")
    page.locator("#steps-list li.now").wait_for()

    partial_shown(page, call, "honestly i am going")
    said = live.say(call, "customer", "honestly i am going to cancel my card is [CREDIT_CARD]", 5000)
    page.locator("#tx .redact", has_text="card number").wait_for()
    assert page.locator(".is-partial").count() == 0, "the final takes the partial's place"
    live.moment(call, said, "going to cancel")
    page.locator("#tx mark", has_text="going to cancel").wait_for()
    live.settle(step, "ticked", 4000)
    page.locator("#steps-list li.done time", has_text="0:04").wait_for()

    hint = live.hint(
        call, "Refund, then offer", said=said, words="going to cancel", say="It goes back today."
    )
    card = page.locator("article.hint")
    card.get_by_text("Refund, then offer").wait_for()
    assert "because the customer said “going to cancel” at 0:05" in card.inner_text()
    until(page, lambda: Guidance.objects.get(pk=hint.pk).shown_at is not None)
    page.keyboard.press("w")
    card.get_by_text("Retention, fault first, revision 1").wait_for()
    card.get_by_text(re.compile(r"\d\.\d s after it was said")).wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("Used: Refund, then offer").wait_for()
    until(page, lambda: Guidance.objects.get(pk=hint.pk).state == "accepted")

    live.say(call, "agent", "i will refund forty eight pounds and call you tomorrow", 9000)
    live.call_end(call)
    page.locator(".line").first.wait_for()
    assert page.locator("#sum-origin").inner_text() == "Taken from the transcript"
    page.keyboard.press("ArrowDown")
    page.locator("#tx li.lit").first.wait_for()
    page.keyboard.press("e")
    page.locator(".line textarea").fill("Wants to cancel over a double charge.")
    page.keyboard.press("Enter")
    page.locator(".line.sel", has_text="edited").wait_for()
    page.keyboard.press("1")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Ready. Your next call shows up by itself.").wait_for()
    call.refresh_from_db()
    assert (call.state, call.disposition.name, call.summary.state) == ("completed", "Retained", "confirmed")
    line = call.summary.lines.get(text="Wants to cancel over a double charge.")
    assert line.original and line.original != line.text


def test_a_new_hint_leaves_the_open_one_alone(northwind: Company, sign_in: Pages) -> None:
    call = begin(northwind)
    live.hint(call, "First", priority=10, at_ms=58_000)
    page = sign_in("agent", path="/desk/")
    page.locator("article.hint", has_text="First").wait_for()
    for title, priority in (("Second", 50), ("Third", 90), ("Fourth", 20)):
        live.hint(call, title, priority=priority, at_ms=59_000)
    # Events are drawn in their order: what comes behind the hints is there when they are.
    live.say(call, "agent", "and this", 59_500)
    page.locator("#tx li", has_text="and this").wait_for()
    assert page.locator("article.hint .do").inner_text() == "First"
    rows = page.locator("button.hint-row .grow")
    assert rows.count() == 2, "three at most"
    assert "Third" in rows.all_inner_texts()
    page.keyboard.press("2")
    picked = page.locator("article.hint .do").inner_text()
    assert picked != "First"
    page.keyboard.press("Escape")
    page.get_by_text(f"Dismissed: {picked}").wait_for()
    until(page, lambda: Guidance.objects.get(title=picked).state == "dismissed")
    page.get_by_role("button", name="Undo").click()
    until(page, lambda: Guidance.objects.get(title=picked).state == "open")
    page.get_by_text(f"Dismissed: {picked}").wait_for(state="detached")


def test_keys_are_letters_where_one_types(northwind: Company, sign_in: Pages) -> None:
    call = begin(northwind)
    hint = live.hint(call, "Offer", at_ms=59_000)
    page = sign_in("agent", path="/desk/")
    page.locator("article.hint").wait_for()
    page.keyboard.press("n")
    page.keyboard.type("w 2, new card 4111 1111 1111 1111, calls back")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")  # leaves the field, and nothing else
    page.locator("#note-state", has_text="Saved").wait_for()
    assert page.locator("#note").input_value().strip() == "w 2, new card [CREDIT_CARD], calls back"
    assert Guidance.objects.get(pk=hint.pk).state == "open"
    page.reload()
    page.locator("article.hint").wait_for()
    assert "[CREDIT_CARD]" in page.locator("#note").input_value()


def test_a_reason_for_dismissing(northwind: Company, sign_in: Pages) -> None:
    call = begin(northwind)
    hint = live.hint(call, "Offer", at_ms=59_000)
    page = sign_in("agent", path="/desk/")
    page.get_by_label("Dismiss, and say why").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Said already").wait_for(state="hidden")
    assert Guidance.objects.get(pk=hint.pk).state == "open", "Esc closed the menu, not the hint"
    page.get_by_label("Dismiss, and say why").click()
    page.get_by_role("button", name="Said already").click()
    page.get_by_text("Dismissed, said already: Offer").wait_for()
    until(page, lambda: Guidance.objects.get(pk=hint.pk).dismiss_reason == "Said already")


def test_words_are_never_markup(northwind: Company, sign_in: Pages) -> None:
    call = begin(
        northwind, customer=live.customer_make("X", "<b>Eve</b>", segment="<i>x</i>", fields={"<u>": "<s>"})
    )
    page = sign_in("agent", path="/desk/")
    page.locator("#bit-name", has_text="<b>Eve</b>").wait_for()
    text = "<img src=x onerror=alert(1)> </script> 😀 naïve i want to cancel"
    said = live.say(call, "customer", text, 1000)
    live.moment(call, said, "cancel")
    live.hint(call, "<h1>Title</h1>", said=said, words="cancel", say="<script>1</script>", at_ms=59_000)
    page.locator("article.hint", has_text="<h1>Title</h1>").wait_for()
    assert spoken(page) == [text]
    assert page.locator("#tx mark").inner_text() == "cancel", "marks count characters, not halves of them"
    assert page.locator("#tx img, .hint h1, #cu-fields u").count() == 0
    page.reload()
    page.locator("#tx mark").wait_for()


def test_a_lost_line_is_said_and_everything_comes_back_once(
    northwind: Company, sign_in: Pages, live_site: Any
) -> None:
    call = begin(northwind)
    live.say(call, "agent", "line 0", 0)
    page = sign_in("agent")
    wire = Wire(page)
    page.goto(live_site.url(northwind, "/desk/"))
    page.locator("#tx li[data-id]").first.wait_for()
    for round_ in range(2):
        wire.cut()
        page.locator("#lost", has_text="Connection lost. This page keeps what it has").wait_for()
        assert page.locator("#tx li[data-id]").count() == 1 + 5 * round_
        for number in range(5):
            live.say(call, "customer", f"line {1 + 5 * round_ + number}", 1000 * (1 + 5 * round_ + number))
        wire.mend()
        page.locator("#tx li[data-id]", has_text=re.compile(rf"line {5 + 5 * round_}$")).wait_for(
            timeout=20_000
        )
        page.locator("#lost").wait_for(state="hidden")
    assert spoken(page) == [f"line {number}" for number in range(11)]


def test_an_answer_given_without_a_line_is_sent_later(
    northwind: Company, sign_in: Pages, live_site: Any
) -> None:
    call = begin(northwind)
    hint = live.hint(call, "Offer", at_ms=59_000)
    page = sign_in("agent")
    wire = Wire(page)
    page.goto(live_site.url(northwind, "/desk/"))
    page.locator("article.hint").wait_for()
    wire.cut()
    page.locator("#lost").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("not sent yet").wait_for()
    assert Guidance.objects.get(pk=hint.pk).state == "open"
    wire.mend()
    until(page, lambda: Guidance.objects.get(pk=hint.pk).state == "accepted")


def test_the_next_call_never_waits_for_the_last_summary(northwind: Company, sign_in: Pages) -> None:
    page = sign_in("agent", path="/desk/")
    page.get_by_text("Ready.").wait_for()
    first = begin(northwind)
    live.say(first, "customer", "i was charged twice and i want a refund", 1000)
    page.locator("#tx li[data-id]").wait_for()
    live.call_end(first)
    page.locator(".line").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("e")
    page.locator(".line textarea").fill("Half a thought")
    second = begin(northwind, customer=live.customer_make("C-2", "Ada Byron"))
    page.locator("#bit-name", has_text="Ada Byron").wait_for()
    until(page, lambda: first.summary.lines.filter(text="Half a thought").exists())
    page.get_by_text("1 summary to confirm").click()
    page.locator("#tray-list button", has_text="Helen Marsh").click()
    page.locator(".line", has_text="Half a thought").wait_for()
    page.get_by_role("button", name="Go to the call").click()
    page.locator("#bit-name", has_text="Ada Byron").wait_for()
    live.call_end(second)
    page.locator("[data-mode=after]").wait_for()


def test_trouble_is_said_in_words(northwind: Company, sign_in: Pages) -> None:
    call = begin(northwind)
    page = sign_in("agent", path="/desk/")
    page.locator("#timer").wait_for()

    def noticed() -> bool:
        live.heartbeat(call, now_ms=163_000, late_ms=6100, customer=12_000, agent=4000)
        return bool(page.locator("#trouble .note", has_text="No audio from the customer since 2:31").count())

    until(page, noticed)
    page.locator("#trouble .note", has_text="Transcript is late by 6 s.").wait_for()
    live.heartbeat(call, now_ms=165_000, late_ms=200, customer=14_000, agent=0)  # listening is no trouble
    page.locator("#trouble .note").first.wait_for(state="detached")


def test_search_in_the_call(northwind: Company, sign_in: Pages) -> None:
    call = begin(northwind)
    for number, text in enumerate(["hello", "a Refund please", "refund of what", "the refund"]):
        live.say(call, "customer", text, 1000 * number)
    page = sign_in("agent", path="/desk/")
    page.locator("#tx li[data-id]").nth(3).wait_for()
    page.keyboard.press("f")
    page.keyboard.type("refund")
    page.locator("#found", has_text="– of 3").wait_for()
    page.keyboard.press("Enter")
    page.locator("#found", has_text="1 of 3").wait_for()
    assert page.locator("#tx mark.found").count() == 3
    page.keyboard.press("Escape")
    assert page.locator("#tx mark.found").count() == 0


def test_following_the_call_until_one_scrolls(northwind: Company, sign_in: Pages) -> None:
    call = begin(northwind)
    for number in range(40):
        live.say(call, "customer", f"line {number}", 1000 * number)
    page = sign_in("agent", path="/desk/")
    page.locator("#tx li[data-id]").nth(39).wait_for()
    at_end = """() => { const pane = document.getElementById('tx-scroll');
        return pane.scrollHeight - pane.scrollTop - pane.clientHeight < 4 }"""
    page.wait_for_function(at_end)
    live.say(call, "customer", "one more", 50_000)
    page.locator("#tx li", has_text="one more").wait_for()
    page.wait_for_function(at_end)
    page.evaluate("document.getElementById('tx-scroll').scrollTop = 0")
    # The page is told of it with the next frame.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")
    live.say(call, "customer", "and two", 52_000)
    live.say(call, "customer", "and three", 54_000)
    page.get_by_text("2 new").wait_for()
    assert page.evaluate("document.getElementById('tx-scroll').scrollTop") == 0
    page.keyboard.press("End")
    page.wait_for_function(at_end)


# --- The supervisor -------------------------------------------------------------------------------------


def rows(page: Any) -> list[str]:
    return [str(row.get_attribute("data-id")) for row in page.locator("#rows tr").all()]


def test_the_floor_follows_opens_and_resolves(northwind: Company, sign_in: Pages) -> None:
    page = sign_in("supervisor", path="/floor/")
    page.get_by_text("No calls now.").wait_for()
    page.mouse.move(2, 2)
    long, short = begin(northwind, "teammate", ago_seconds=600), begin(northwind)
    page.locator("#rows tr").nth(1).wait_for()
    assert rows(page) == [str(long.pk), str(short.pk)], "the longest first"
    said = live.say(short, "customer", "this is ridiculous i want to cancel", 1000)
    raised = live.alert(short, "Cancel threat", said=said, words="want to cancel")
    page.locator("#rows tr", has_text="Cancel threat").wait_for()
    assert rows(page) == [str(short.pk), str(long.pk)], "alerts before all"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#tx li[data-id]", has_text="i want to cancel").wait_for()
    partial_shown(page, short, "do something")
    hint = live.hint(short, "Refund, then offer", said=said, words="cancel", at_ms=59_000)
    page.get_by_text("Sees: Refund, then offer").wait_for()
    live.settle(hint, "accepted", 61_000)
    page.locator("#sees .end", has_text="used").wait_for()
    page.keyboard.press("a")
    page.locator(".alert-band", has_text="Yours.").wait_for()
    page.locator("#rows .alert-cell", has_text="you").wait_for()
    page.keyboard.press("x")
    page.locator(".alert-band").wait_for(state="detached")
    raised.refresh_from_db()
    assert (raised.state, raised.resolved_by) == ("resolved", northwind.people["supervisor"])
    live.call_end(short)
    page.get_by_text("This call has ended.").wait_for()
    page.locator("[data-filter=wrap_up]").click()
    page.locator("#rows tr", has_text="wrap-up").wait_for()
    page.keyboard.press("Escape")
    assert page.locator("#call").is_hidden()


def test_rows_wait_while_somebody_points_at_them(northwind: Company, sign_in: Pages) -> None:
    first, second = begin(northwind, "teammate", ago_seconds=600), begin(northwind, ago_seconds=300)
    page = sign_in("supervisor", path="/floor/")
    page.locator("#rows tr").nth(1).hover()
    live.alert(second, "Cancel threat")
    third = begin(northwind, ago_seconds=1)
    page.get_by_role("button", name="1 new").wait_for()
    page.locator("#rows tr", has_text="Cancel threat").wait_for()
    assert rows(page) == [str(first.pk), str(second.pk)], "changed in place, not moved"
    page.get_by_role("button", name="1 new").click()
    assert rows(page) == [str(second.pk), str(first.pk), str(third.pk)]


def test_an_unmatched_call_is_attached_by_one_choice(northwind: Company, sign_in: Pages) -> None:
    agent = sign_in("agent", path="/desk/")
    page = sign_in("supervisor", path="/floor/")
    agent.get_by_text("Ready.").wait_for()
    call = begin(northwind, None, provider_agent_id="7001")
    page.locator("#rows tr", has_text="Unmatched").click()
    page.locator("#attach-to").select_option(label="Agent")
    page.locator("#rows tr th", has_text="Agent").wait_for()
    page.locator("#attach").wait_for(state="hidden")
    agent.locator("#bit-name", has_text="Helen Marsh").wait_for()
    call.refresh_from_db()
    assert call.agent == northwind.people["agent"]
    assert TelephonyIdentity.objects.get(agent_id="7001").user == northwind.people["agent"]


# --- Every width, every theme, every key ----------------------------------------------------------------

NAMELESS = """() => [...document.querySelectorAll('button, a, input, select, textarea')]
  .filter((e) => e.getClientRects().length)
  .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length || e.getAttribute('title')))
  .map((e) => e.outerHTML.slice(0, 120))"""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# WCAG contrast of every text that is shown, against the nearest background that is not see-through.
LOW_CONTRAST = """() => {
  const rgb = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m[3] ?? 1]; };
  const part = (v) => (v / 255 <= .03928 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour[3] > .98) return colour;
    }
    return [255, 255, 255, 1];
  };
  const low = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const words = walk.currentNode.textContent.trim();
    const e = walk.currentNode.parentElement;
    if (!words || !e.getClientRects().length) continue;
    if (e.closest(':disabled, script, .visually-hidden, .skip')) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) low.push(`${ratio.toFixed(2)} ${e.className} ${words.slice(0, 30)}`);
  }
  return low;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_readable_at_every_width(northwind: Company, sign_in: Pages, theme: str) -> None:
    call = begin(northwind)
    said = live.say(call, "customer", "i want to cancel, write to [EMAIL]", 1000)
    live.moment(call, said, "cancel")
    live.hint(call, "Greeting", kind="checklist", label="Do")
    live.hint(
        call,
        "A first hint that is as long as hints may be, which is up to ninety characters here.",
        at_ms=58_000,
    )
    live.hint(call, "Another one", at_ms=59_000, label="Know")
    live.alert(call, "Cancel threat", said=said, words="cancel")
    begin(northwind, None)
    agent = sign_in("agent", path="/desk/", theme=theme)
    floor = sign_in("supervisor", path="/floor/", theme=theme)
    agent.locator("article.hint").wait_for()
    floor.locator("#rows tr", has_text="Cancel threat").click()
    floor.locator("#tx li[data-id]").wait_for()
    for page in (agent, floor):
        for width in (1920, 1280, 1024, 720, 390, 320):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_timeout(250)
            assert page.evaluate(WIDER) <= 0, (page.url, width)
            assert page.evaluate(NAMELESS) == [], (page.url, width)
            assert page.evaluate(LOW_CONTRAST) == [], (page.url, width)
    assert agent.locator("article.hint").is_visible(), "the open hint is in sight at 320 px"
    assert agent.locator("#tx").is_visible()
    agent.locator("#tabs [data-for=steps]").click()
    agent.locator("#steps-list li").wait_for()
    agent.locator("#tabs [data-for=customer]").click()
    agent.locator("#cu-name").wait_for()
    live.call_end(call)
    agent.locator(".line").first.wait_for()
    for width in (1280, 390):
        agent.set_viewport_size({"width": width, "height": 800})
        agent.wait_for_timeout(250)
        assert agent.evaluate(WIDER) <= 0 and agent.evaluate(LOW_CONTRAST) == []
