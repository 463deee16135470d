"""The demo as a newcomer sees it: a whole installation, an agent who presses Play, a supervisor who watches.

In real time, with the real speech recognition, so it takes as long as the call. Everything that is looked for here
is what the two people would see, hear and press.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from cresta_app.stack.programs import MARK
from cresta_app.stack.services import services_remove
from cresta_app.stack.supervisor import Options, Stack
from demo.people import NORTHWIND, PASSWORD
from demo.playback import sample_calls
from tests.made import copy_begin
from tests.services import RUN

START_SECONDS, STOP_SECONDS = 240, 60
# What a test environment names that the installation must make for itself.
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "INGEST_URL", "DATA_DIR")

THREAT_HINT = "Acknowledge first, then ask what would make them stay"
THREAT_ALERT = "Customer threatens to cancel"
RECORDING_STEP = "Say that the call is recorded"
# The card of the sample call is read as "five one zero five, one zero five one, zero five one zero, ..."; after the
# threat the customer says none of these words for anything else.
CARD_WORDS = re.compile(r"\b(five|one|zero|oh)\b", re.IGNORECASE)
CARD_PART = re.compile(r"(\b(five|one|zero|oh)\b\W*){2,}", re.IGNORECASE)
CARD_FIGURES = ("5105", "1051", "0510", "5100")

# Runs before the page's own scripts. Keeps what the transcript ever showed, and the sounds that were made:
# partial words are gone by the time one could look for them, and a sound is in no document.
WATCH = """(() => {
  const shown = (window.shown = { finals: [], customer: [] });
  const sounds = (window.sounds = []);
  const Made = window.Audio;
  window.Audio = function (...given) {
    const sound = new Made(...given);
    sounds.push(sound);
    return sound;
  };
  const known = new Set();
  const before = {};
  const look = () => {
    const partials = {};
    const fresh = [];
    for (const row of document.querySelectorAll("#tx > li")) {
      const side = row.classList.contains("ag") ? "agent" : "customer";
      const words = row.querySelector("p");
      const text = words.textContent;
      const isNew = !known.has(row.dataset.id) && shown.customer.at(-1) !== text;
      if (side === "customer" && isNew) shown.customer.push(text);
      if (row.classList.contains("is-partial")) partials[side] = { text, colour: getComputedStyle(words).color };
      else if (!known.has(row.dataset.id)) {
        known.add(row.dataset.id);
        fresh.push({ side, text, colour: getComputedStyle(words).color });
      }
    }
    for (const line of fresh) {
      shown.finals.push({ ...line, before: before[line.side] ?? null, still: partials[line.side] ?? null });
    }
    Object.assign(before, { agent: null, customer: null }, partials);
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
})()"""


@dataclass(frozen=True)
class Installation:
    """A running one. `lines`: what its processes said."""

    port: int
    lines: list[str]

    def url(self, path: str) -> str:
        return f"http://{NORTHWIND.schema}.localhost:{self.port}{path}"


@pytest.fixture
def installation(browser: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """All processes on ports and in a folder of their own, as `manage.py demo` starts them; none is left.

    On a database with its tables: that they are made from nothing is shown by test_demo_proof.py.
    """
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    folder = Path(tempfile.mkdtemp(prefix="cresta-test-", dir="/tmp")).resolve()
    copy_begin(RUN, folder)
    lines: list[str] = []
    stack = Stack(
        Options(folder=folder, web_port=0, ingest_port=0, demo_arguments=("--conversations", "0")),
        lambda name, line: lines.append(f"{name} | {line}"),
    )
    # Playwright's synchronous face has this thread.
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(work: Coroutine[Any, Any, None], seconds: float) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(seconds)

    try:
        do(stack.start(), START_SECONDS)
        yield Installation(stack.web_port, lines)
    finally:
        try:
            do(stack.stop(), STOP_SECONDS)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
            left = processes_of(folder)
            services_remove(folder)
    assert left == []


def processes_of(folder: Path) -> list[str]:
    """The command lines of what still runs for the installation in `folder`."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            if process.environ().get(MARK) == str(folder) or str(folder) in words:
                found.append(words)
        except psutil.Error:  # gone meanwhile, or somebody else's
            continue
    return found


class Person:
    """Somebody with a browser of their own, signed in. `errors`: what the browser's console was told."""

    def __init__(self, browser: Any, site: Installation, name: str) -> None:
        self.errors: list[str] = []
        self.context = browser.new_context(viewport={"width": 1280, "height": 800})
        self.context.set_default_timeout(60_000)
        self.context.add_init_script(WATCH)
        self.context.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.page = self.context.new_page()
        self.page.goto(site.url("/sign-in/"))
        self.page.fill("input[name=username]", NORTHWIND.email(name))
        self.page.fill("input[name=password]", PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "sign-in" not in url)

    def shown(self, what: str) -> list[Any]:
        found: list[Any] = self.page.evaluate(f"window.shown.{what}")
        return found


# How fast the sound goes on, times its own pace, in two seconds of the page's clock.
PACE = """async () => {
  const [sound, began] = [window.sounds[0], performance.now()];
  const first = sound.currentTime;
  await new Promise((done) => setTimeout(done, 2000));
  return (1000 * (sound.currentTime - first)) / (performance.now() - began);
}"""


def open_hint(page: Any, title: str) -> Any:
    """Wait for the hint of that title and open it by its number, unless it is the open one. Gives its card."""
    hint = page.locator("#hints [data-id]", has_text=title)
    hint.wait_for(timeout=100_000)
    card = page.locator("article.hint", has_text=title)
    for _attempt in range(5):
        if card.count():
            return card
        page.keyboard.press(page.locator("button.hint-row", has_text=title).locator("kbd").inner_text())
        page.wait_for_timeout(100)
    raise AssertionError(f"{title} could not be opened")


def sound_at(page: Any, sound: str) -> float:
    """How far a sound has been played, in seconds; it must be on."""
    return float(
        page.evaluate(f"(() => {{ const s = {sound}; return s.paused || s.muted ? -1 : s.currentTime }})()")
    )


def until_scored(page: Any) -> None:
    """Score and recording are made after the call by processes of their own; the page is as it was when loaded."""
    for _attempt in range(40):
        if page.locator("#panel-score .rv-tot").count() and page.locator("#player").count():
            return
        page.wait_for_timeout(1000)
        page.reload()
    raise AssertionError("no score, or no recording, 40 s after the call")


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_the_sample_call_from_play_to_the_second_that_a_score_rests_on(
    browser: Any, installation: Installation
) -> None:
    agent = Person(browser, installation, NORTHWIND.agent)
    supervisor = Person(browser, installation, NORTHWIND.supervisor)
    desk, floor = agent.page, supervisor.page
    desk.goto(installation.url("/desk/"))
    floor.goto(installation.url("/floor/"))
    floor.get_by_text("No calls now.").wait_for()
    desk.get_by_text("Ready. Your next call shows up by itself.").wait_for()

    try:
        _call(desk, floor, agent, supervisor)
        _afterwards(desk, floor)
    except BaseException:
        print(*installation.lines[-40:], sep="\n")
        raise
    assert agent.errors == [] and supervisor.errors == []
    agent.context.close()
    supervisor.context.close()


def _call(desk: Any, floor: Any, agent: Person, supervisor: Person) -> None:
    desk.locator("[data-sample]").first.click()
    # The sound plays as the call goes on.
    desk.wait_for_function("window.sounds[0]?.currentTime > 1")
    assert sound_at(desk, "window.sounds[0]") > 1
    assert abs(desk.evaluate(PACE) - 1) < 0.5
    desk.locator("#bit-name", has_text="Andrew Miller").wait_for()

    # Words are grey while they are spoken; the final ones take their place.
    desk.wait_for_function("window.shown.finals.length >= 2", timeout=60_000)
    line = agent.shown("finals")[0]
    assert line["side"] == "agent" and line["before"] and line["still"] is None
    assert line["before"]["text"].split()[0].lower() == line["text"].split()[0].lower()
    assert line["before"]["colour"] != line["colour"]

    # The checklist ticks itself.
    desk.locator("#steps-list li.done", has_text=RECORDING_STEP).wait_for(timeout=60_000)

    # The threat brings its hint, with its reason and how long it took; Enter uses it, and the server knows.
    card = open_hint(desk, THREAT_HINT)
    assert re.search(r"because the customer said “[^”]*cancel[^”]*” at [01]:\d\d", card.inner_text())
    desk.keyboard.press("w")
    took = card.get_by_text(re.compile(r"^\d+\.\d s after it was said$"))
    took.wait_for()
    # How long is for the benches to say: here others are busy beside.
    assert 0 < float(took.inner_text().split()[0]) < 100
    conversation = desk.evaluate("fetch('/desk/state/').then((answer) => answer.json())")["calls"][0]["id"]
    desk.keyboard.press("Enter")
    desk.get_by_text(f"Used: {THREAT_HINT}").wait_for()
    desk.wait_for_function(
        """async ([call, title]) => {
          const kept = await (await fetch(`/desk/calls/${call}/`)).json();
          return kept.items.guidance.some((hint) => hint.title === title && hint.state === "accepted");
        }""",
        arg=[conversation, THREAT_HINT],
    )

    # The supervisor's row has the alert; opened, it shows the words as they come.
    row = floor.locator(f"#rows tr[data-id='{conversation}']")
    row.locator(".al.bad", has_text=THREAT_ALERT).wait_for()
    assert NORTHWIND.agent in row.inner_text()
    row.click()
    floor.locator("#call .alert-band", has_text=THREAT_ALERT).wait_for()
    floor.locator("#sees", has_text="Sees: ").wait_for()
    spoken = floor.locator("#tx li[data-id]")
    spoken.first.wait_for()
    already = spoken.count()
    floor.locator("#tx .is-partial").wait_for(timeout=30_000)
    spoken.nth(already + 1).wait_for(timeout=40_000)

    # The card that is read aloud is a chip on both pages, and none of its words was ever there, not even in grey.
    before = [len(person.shown("customer")) for person in (agent, supervisor)]
    for person in (agent, supervisor):
        person.page.locator("#tx .cu .redact", has_text="card number").wait_for(timeout=90_000)
    desk.locator("#tx .ag", has_text="found the payment").last.wait_for(timeout=40_000)
    for person, already in zip((agent, supervisor), before, strict=True):
        said = person.shown("customer")[already:]
        assert len(said) > 5
        assert [text for text in said if CARD_WORDS.search(text)] == []
        text = person.page.locator("body").inner_text()
        assert CARD_PART.search(text) is None
        assert [figures for figures in CARD_FIGURES if figures in text] == []


def _afterwards(desk: Any, floor: Any) -> None:
    # The summary is there when the call is over; one key confirms it.
    desk.locator("#sum .line").first.wait_for(timeout=120_000)
    assert desk.evaluate(
        "window.sounds[0].ended || window.sounds[0].duration - window.sounds[0].currentTime < 3"
    )
    desk.keyboard.press("Control+Enter")
    desk.get_by_text("Ready. Your next call shows up by itself.").wait_for()
    assert desk.locator("#tray").is_hidden()

    # The supervisor goes on to the conversation: a score, and behind each answer the second it rests on.
    floor.locator("#call-over a").click()
    floor.locator("#transcript li[data-seek]").first.wait_for()
    assert floor.locator("#transcript .redact", has_text="card number").count() == 1
    until_scored(floor)
    # The page's script has taken over once the tabs have their place in the tab order; keys count from then on.
    floor.locator("#tab-score[tabindex]").wait_for()
    floor.keyboard.press("3")
    floor.locator("#panel-score").wait_for(state="visible")
    assert 0 < float(floor.locator(".rv-tot .n").inner_text()) <= 100
    longest = sample_calls()["cancellation"].duration_ms
    quotes = floor.locator("#panel-score .rv-q a[data-seek]")
    places = [int(quote.get_attribute("data-seek")) for quote in quotes.all()]
    late = max(range(len(places)), key=places.__getitem__)
    assert 60_000 < places[late] < longest
    quote = quotes.nth(late)
    quote.locator("xpath=ancestor::details").locator("summary").click()
    quote.click()
    floor.wait_for_function(
        """(ms) => {
          const sound = document.getElementById("sound");
          return !sound.paused && sound.currentTime * 1000 > ms + 300;
        }""",
        arg=places[late],
    )
    assert places[late] < sound_at(floor, "document.getElementById('sound')") * 1000 < places[late] + 20_000
    assert floor.locator("#transcript li.now").get_attribute("data-seek") == str(places[late])
