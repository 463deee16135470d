"""The pages of privacy in a browser: keys, hiding more, the sound, and how they look."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import (
    HiddenStretch,
    Redaction,
    RedactionCheck,
    RedactionReview,
    RedactionRun,
    Utterance,
)
from tests.conftest import World
from tests.past_calls import recording_make

PICTURES = os.environ.get("PICTURES")
LINES = [
    ("agent", "thank you for calling northwind who am i speaking with"),
    ("customer", "this is [NAME] wetherby i have a question about my last bill"),
    ("agent", "of course could i have the number on your card please"),
    ("customer", "it is [CREDIT_CARD] and it says until march"),
    ("agent", "thank you [NAME] i can see the payment of forty five dollars here"),
    ("customer", "great that is all i wanted to know"),
]


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


@pytest.fixture
def findings(committed: World, make_conversation: Callable[..., Any]) -> Any:
    company = committed.northwind
    with company.scope():
        call = make_conversation(agent=company.people["agent"], lines=LINES)
        recording_make(call, seconds=30)
        RedactionCheck.objects.create(conversation=call, state="done", found=2, utterances=6, took_ms=140)
        for sequence, kind, score, because, found_in, shape, reason in (
            (2, "NAME", 0.53, "uncertain", "live", "", "in a place where names stand"),
            (4, "CREDIT_CARD", 0.9, "second", "second", "aaaa aaa aaa", "a card number over several turns"),
            (5, "NAME", 0.8, "disputed", "second", "aaaa", "said again after it was hidden"),
        ):
            spoken = Utterance.objects.get(conversation=call, sequence=sequence)
            start = spoken.text.index("[")
            finding = {"type": kind, "score": score, "detector": "sequence", "found_in": found_in}
            found = Redaction.objects.create(
                utterance=spoken, start=start, end=spoken.text.index("]") + 1, reason=reason, **finding
            )
            RedactionReview.objects.create(
                redaction=found,
                utterance=spoken,
                conversation=call,
                because=because,
                shape=shape,
                **finding,
            )
        other = make_conversation(agent=company.people["teammate"])
        RedactionCheck.objects.create(
            conversation=other,
            state="failed",
            attempts=8,
            last_error="TimeoutError at readers.py:41",
            alerted_at=timezone.now(),
        )
        for done, state in ((184, "done"), (61, "cancelled")):
            RedactionRun.objects.create(
                state=state,
                is_open=False,
                until=timezone.now(),
                total=184,
                done=done,
                found=done // 3,
                started_by=company.people["admin"],
            )
    return call


def test_one_after_the_other_by_keys(committed: World, findings: Any, sign_in: Callable[..., Any]) -> None:
    page = sign_in("supervisor", path="/privacy/review/")
    page.get_by_role("heading", name="3 to look at").wait_for()
    page.locator(".pv-sound .side-0").wait_for(state="attached")
    picture(page, "review-1280")
    # Each answer brings a new page, which listens once its script has drawn the sound.
    listens = page.locator(".pv-sound .side-0")
    page.keyboard.press("1")
    page.get_by_role("heading", name="2 to look at").wait_for()
    listens.wait_for(state="attached")
    page.keyboard.press("j")
    page.locator(".pv-list li:nth-child(2) a.on").wait_for()
    listens.wait_for(state="attached")
    page.keyboard.press("k")
    page.locator(".pv-list li:nth-child(1) a.on").wait_for()
    listens.wait_for(state="attached")
    page.keyboard.press("2")
    page.get_by_role("heading", name="1 to look at").wait_for()
    listens.wait_for(state="attached")
    page.keyboard.press("3")
    page.locator("#more-part").wait_for()
    page.locator("select[name=which]").select_option("after")
    picture(page, "review-more-1280")
    page.get_by_role("button", name="Hide for good").first.click()
    page.get_by_text("Hidden in text and sound.").wait_for()
    with committed.northwind.scope():
        assert "wetherby" not in Utterance.objects.get(conversation=findings, sequence=2).text
        states = RedactionReview.objects.order_by("pk").values_list("state", flat=True)
        assert list(states) == ["confirmed", "false_alarm", "confirmed"]
    page.goto(page.url.split("/privacy/")[0] + "/privacy/review/")
    page.get_by_text("Nothing to look at.").wait_for()


def test_words_and_sound_are_marked_by_hand(
    committed: World, findings: Any, sign_in: Callable[..., Any]
) -> None:
    page = sign_in("analyst", path="/privacy/review/")
    wave = page.locator("#wave")
    page.locator(".pv-sound .side-0").wait_for(state="attached")
    box = wave.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 12, steps=4)
    page.mouse.up()
    page.locator("#silence").wait_for()
    first, last = (float(page.locator(f"#silence [name={name}]").input_value()) for name in ("from", "until"))
    assert last - first > 1
    picture(page, "review-drawn-1280")
    page.get_by_role("button", name="Silence for good").click()
    page.get_by_text("It is silenced within a minute.").wait_for()
    page.locator(".pv-sound .side-0").wait_for(state="attached")  # the new page's script has run
    with committed.northwind.scope():
        [stretch] = HiddenStretch.objects.all()
        assert stretch.channel == 0
        assert abs(stretch.start_ms - first * 1000) < 100
    page.evaluate(
        """() => {
            const node = [...document.querySelectorAll(".pv-turns .own > span")][0].lastChild;
            const range = document.createRange();
            range.setStart(node, node.data.indexOf("payment"));
            range.setEnd(node, node.data.indexOf("payment") + 7);
            getSelection().removeAllRanges();
            getSelection().addRange(range);
        }"""
    )
    page.locator("#hide-words").wait_for()
    page.locator("#hide-words select").select_option("ORDER_NUMBER")
    page.locator("#hide-words button").click()
    page.locator(".pv-turns .own", has_text="order number").wait_for()
    with committed.northwind.scope():
        assert "payment" not in Utterance.objects.get(conversation=findings, sequence=5).text


def test_report_and_history(committed: World, findings: Any, sign_in: Callable[..., Any]) -> None:
    page = sign_in("admin", path="/privacy/report/")
    page.get_by_text("could not be read a second time").first.wait_for()
    picture(page, "report-1280")
    page.get_by_role("link", name="History", exact=True).click()
    page.get_by_role("button", name="Read again").wait_for()
    picture(page, "again-1280")
    with committed.northwind.scope():
        run = RedactionRun.objects.create(
            state="running",
            until=timezone.now(),
            total=2140,
            done=611,
            found=37,
            seen_at=timezone.now(),
            started_by=committed.northwind.people["admin"],
        )
    page.reload()
    page.get_by_text("611 of 2140 read").wait_for()
    picture(page, "again-running-1280")
    with committed.northwind.scope():
        RedactionRun.objects.filter(pk=run.pk).update(done=700)
    page.get_by_text("700 of 2140 read").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Read again").wait_for()


def test_narrow_and_dark(committed: World, findings: Any, sign_in: Callable[..., Any]) -> None:
    for path, name in (("review", "review"), ("report", "report"), ("again", "again")):
        page = sign_in("admin", path=f"/privacy/{path}/", width=390, height=844)
        page.locator("#content").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        picture(page, f"{name}-390")
    page = sign_in("admin", path="/privacy/review/", theme="dark")
    page.locator(".pv-sound .side-0").wait_for(state="attached")
    picture(page, "review-dark-1280")
