"""Guidance under an agent's eyes and hands: nothing jumps, script lines, whispers, keys of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from coaching.models import Guidance, GuidanceMute, Whisper
from conversations.services import event_append
from desk.models import DeskKeys
from tests import live_events as live
from tests.conftest import Company, World

Pages = Callable[..., Any]


@pytest.fixture
def northwind(committed: World) -> Iterator[Company]:
    with committed.northwind.scope():
        yield committed.northwind


@pytest.fixture
def call(northwind: Company) -> Any:
    return live.call_begin(northwind.people["agent"], ago_seconds=60, customer=live.customer_make())


def until(page: Any, check: Callable[[], bool]) -> None:
    for _ in range(400):
        if check():
            return
        page.wait_for_timeout(50)
    assert check()


def rows(page: Any) -> list[str]:
    return [text.strip() for text in page.locator("#hints .do, #hints .hint-row .grow").all_inner_texts()]


def top(page: Any, selector: str) -> float:
    return float(page.locator(selector).bounding_box()["y"])


def test_nothing_jumps_under_the_pointer(call: Any, sign_in: Pages) -> None:
    live.hint(call, "First", at_ms=59_000, priority=50)
    live.hint(call, "Small", at_ms=59_000, priority=10)
    live.hint(call, "Identity", kind="checklist", label="Do")
    page = sign_in("agent", path="/desk/")
    page.locator("article.hint", has_text="First").wait_for()
    steps = top(page, "#steps")

    page.locator("#hints .do").hover()
    line = live.hint(call, "Say that it is recorded", kind="line", at_ms=60_000, say="This is recorded.")
    page.locator("#hints .hint-row", has_text="recorded").wait_for()
    assert rows(page) == ["First", "Small", "Say that it is recorded"], "last, although it must be read"
    assert top(page, "#steps") == steps

    # Pressed the moment that the line takes the card: a busy machine's hands would come too late.
    page.evaluate(
        """() => new MutationObserver((_changes, observer) => {
            if (!document.querySelector("article.is-line")) return;
            observer.disconnect();
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
            window.pressed = true;
        }).observe(document.body, { childList: true, subtree: true, attributes: true })"""
    )
    page.mouse.move(200, 600)
    page.locator("article.is-line", has_text="Say that it is recorded").wait_for()
    page.wait_for_function("window.pressed")
    assert rows(page)[1:] == ["First", "Small"]
    assert top(page, "#steps") == steps
    # What has just taken the card is not answered by who meant the one before.
    page.wait_for_timeout(450)
    assert Guidance.objects.get(pk=line.pk).state == "open"
    page.keyboard.press("Enter")
    until(page, lambda: Guidance.objects.get(pk=line.pk).state == "accepted")
    page.locator("article.hint", has_text="First").wait_for()
    assert top(page, "#steps") == steps

    page.wait_for_timeout(450)
    page.keyboard.press("x")
    until(page, lambda: Guidance.objects.filter(title="First", wrong_at__isnull=False).exists())
    page.get_by_text("Marked as wrong here: First").wait_for()
    page.wait_for_timeout(450)
    page.keyboard.press("m")
    until(page, lambda: GuidanceMute.objects.filter(title="Small").exists())
    page.get_by_text("1 muted").click()
    page.get_by_text("Show again").click()
    until(page, lambda: not GuidanceMute.objects.exists())
    assert top(page, "#steps") == steps


def test_a_supervisor_is_asked_and_heard(northwind: Company, call: Any, sign_in: Pages) -> None:
    live.hint(call, "First", at_ms=59_000)
    page = sign_in("agent", path="/desk/", width=390, height=760)
    page.locator("article.hint").wait_for()
    page.keyboard.press("h")
    page.locator("#hand", has_text="Hand up").wait_for()
    before = top(page, "#tx-scroll")
    with transaction.atomic():
        row = Whisper.objects.create(
            conversation=call,
            author=northwind.people["supervisor"],
            text="You may waive the fee.",
            at_ms=60_000,
            sent_at=timezone.now(),
        )
        event_append(conversation_id=call.pk, kind="whisper", row=row)
    page.locator(".whisper", has_text="You may waive the fee.").wait_for()
    assert top(page, "#tx-scroll") == before
    until(page, lambda: Whisper.objects.get(pk=row.pk).shown_at is not None)
    page.get_by_role("button", name="Thanks").click()
    until(page, lambda: Whisper.objects.get(pk=row.pk).answer == "thanks")
    page.locator(".whisper").wait_for(state="detached")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_keys_are_changed_and_never_act_while_one_types(call: Any, sign_in: Pages) -> None:
    hint = live.hint(call, "First", at_ms=59_000)
    page = sign_in("agent", path="/desk/")
    page.locator("article.hint").wait_for()
    page.keyboard.press("?")
    page.get_by_role("button", name="Change: wrong here").click()
    page.get_by_text("Press a key").wait_for()
    page.keyboard.press("w")
    page.get_by_text("would do two things").wait_for()
    page.get_by_role("button", name="Change: wrong here").click()
    page.keyboard.press("q")
    page.get_by_role("button", name="All keys as they came").wait_for()
    assert DeskKeys.objects.get().keys == {"x": "q"}
    page.keyboard.press("Escape")

    page.keyboard.press("n")
    page.keyboard.type("xq m k")
    assert page.locator("#note").input_value() == "xq m k"
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    page.wait_for_timeout(300)
    assert Guidance.objects.get(pk=hint.pk).wrong_at is None, "X means nothing now"
    page.keyboard.press("q")
    until(page, lambda: Guidance.objects.get(pk=hint.pk).wrong_at is not None)
