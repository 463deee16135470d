"""The player of a past conversation in a browser: both codecs play and seek, sides are muted, words are hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from accounts.models import AuditEvent
from conversations.models import HiddenStretch, Recording, Utterance
from conversations.recording_files import file_write
from conversations.recordings import stretches_apply
from tests.conftest import Company, World
from tests.past_calls import Past, past_call

RATE = 8000
Pages = Callable[..., Any]


@pytest.fixture
def northwind(committed: World) -> Iterator[Company]:
    with committed.northwind.scope():
        yield committed.northwind


def recorded(company: Company, codec: str, seconds: int = 40) -> Past:
    past = past_call(agent=company.people["agent"], queue=company.queue)
    at = np.arange(RATE * seconds) / RATE
    talk = [
        np.sin(2 * np.pi * pitch * at) * (np.sin(2 * np.pi * at / turn) > 0)
        for pitch, turn in ((220, 9), (330, 7))
    ]
    sound = (np.column_stack(talk) * 9_000).astype("<i2")
    recording = Recording(conversation=past.conversation, codec=codec, sample_rate=RATE, channels=2)
    file_write(recording, [sound])
    recording.redacted_intervals = [[1, 15_500, 17_000]]
    recording.save()
    return past


def at_ms(page: Any) -> float:
    return float(page.evaluate("document.getElementById('sound').currentTime * 1000"))


@pytest.mark.parametrize("codec", ["flac", "opus"])
def test_a_recording_plays_and_seeks(northwind: Company, sign_in: Pages, codec: str) -> None:
    past = recorded(northwind, codec)
    page = sign_in("agent", path=f"/conversations/{past.conversation.pk}/")
    page.wait_for_function("document.getElementById('sound').readyState > 0")
    assert abs(page.evaluate("document.getElementById('sound').duration") - 40) < 0.1
    page.keyboard.press("Space")
    page.wait_for_function("document.getElementById('sound').currentTime > 0.3")
    assert page.locator("#play").get_attribute("aria-label") == "Pause"
    # By the transcript: the turn is heard and marked.
    page.evaluate(
        """() => {
            const sound = document.getElementById("sound");
            window.sought = [];
            sound.addEventListener("seeking", () => sought.push(sound.currentTime * 1000));
        }"""
    )
    page.locator("#transcript li", has_text="refund the second payment").locator("button").click()
    page.locator("#transcript li.now", has_text="refund").wait_for()
    page.wait_for_function("document.getElementById('sound').currentTime > 10.2")
    # Where it went, and not where it is by now: it plays on while this asks.
    assert 9_500 < page.evaluate("sought[0]") < 13_000
    page.locator("#play").click()
    before = at_ms(page)
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "ms => document.getElementById('sound').currentTime * 1000 > ms + 4500", arg=before
    )
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("ms => document.getElementById('sound').currentTime * 1000 < ms + 500", arg=before)
    page.locator("#speed").select_option("2")
    assert page.evaluate("document.getElementById('sound').playbackRate") == 2
    assert page.locator(".w-hidden").count() == 1
    # One side is muted: it is struck out, and the other goes on.
    side = page.locator(".rv-side").nth(1)
    side.click()
    assert side.get_attribute("aria-pressed") == "false"
    page.locator("#play").click()
    page.wait_for_function("ms => document.getElementById('sound').currentTime * 1000 > ms + 600", arg=before)
    assert AuditEvent.objects.filter(action="recording.play").count() == 1
    # Agents hear, and neither take away nor hide.
    assert page.locator(".rv-take, #hide-words").count() == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_marked_words_are_hidden(northwind: Company, sign_in: Pages, width: int) -> None:
    past = recorded(northwind, "flac")
    page = sign_in("supervisor", path=f"/conversations/{past.conversation.pk}/", width=width, height=844)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "the page is wider than the screen"
    )
    # The last turn: after a chip, whose placeholder counts in the offsets.
    row = page.locator("#transcript li", has_text="that is all")
    row.scroll_into_view_if_needed()
    page.evaluate(
        """(row) => {
            const words = row.querySelector(":scope > span");
            const text = [...words.childNodes].at(-1);
            const start = text.data.indexOf("thank you");
            getSelection().setBaseAndExtent(text, start, text, start + 9);
        }""",
        row.element_handle(),
    )
    bar = page.locator("#hide-words")
    bar.wait_for(state="visible")
    box = bar.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    bar.locator("select").select_option("NAME")
    bar.locator("button").click()
    page.locator("#hide-told").wait_for(state="visible")
    assert [chip.strip() for chip in row.locator(".redact").all_inner_texts()] == ["card number", "name"]
    said = Utterance.objects.get(pk=past.said[3].pk)
    assert said.text == "My card is [CREDIT_CARD], [NAME], that is all."
    assert not bar.is_visible()
    assert HiddenStretch.objects.count() == 1
    stretches_apply(past.conversation.pk)
    page.reload()
    assert page.locator(".rv-hidden").inner_text().startswith("1 stretch")
    page.locator(".rv-take > summary").click()
    with page.expect_download() as download:
        page.locator(".rv-take a", has_text="WAV").click()
    assert download.value.suggested_filename.endswith(".wav")
