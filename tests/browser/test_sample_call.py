"""The demo in a real browser: agent and supervisor side by side while the sample call plays, from button to score.

Runs an installation of its own, as `make run` starts it, in real time: everything here is as a visitor has it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cresta_app.stack.services import services_remove
from demo.people import NORTHWIND, PASSWORD
from demo.scripts import sample_calls

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
CALL = "cancellation"
pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]

# Remembers the sound that the page makes, which is no element of it.
LISTEN = """
window.sounds = [];
const Before = window.Audio;
window.Audio = function (...given) { const sound = new Before(...given); window.sounds.push(sound); return sound; };
"""


@dataclass
class Installation:
    """`make run`, on ports and in a folder of its own."""

    process: subprocess.Popen[str]
    lines: list[str]

    @property
    def site(self) -> str:
        return next(
            match[0] for line in self.lines if (match := re.search(r"http://northwind\.[^/ ]+", line))
        )


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="cresta-test-", dir="/tmp"))
    ours = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    log = folder.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "run", "--port", "0", "--ingest-port", "0"),
                "--conversations",
                "2",
            ],
            cwd=ROOT,
            env=environment | {"DATA_DIR": str(folder)},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        end = time.monotonic() + START_SECONDS
        while "password of all of them" not in log.read_text():
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"it did not start:\n{log.read_text()[-4000:]}")
            time.sleep(0.2)
        yield Installation(process, log.read_text().splitlines())
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, log.read_text()[-4000:]
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(20)
        services_remove(folder)
        log.unlink()


def sign_in(browser: Any, installation: Installation, name: str, errors: list[str]) -> Any:
    """A window of its own, signed in by the form."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(LISTEN)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
    page.on(
        "response", lambda answer: answer.status >= 500 and errors.append(f"{answer.status} {answer.url}")
    )
    page.goto(f"{installation.site}/sign-in/")
    page.fill("[name=username]", NORTHWIND.email(name))
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_load_state("networkidle")
    return page


def seconds(clock: str) -> int:
    minutes, rest = clock.strip().split(":")
    return 60 * int(minutes) + int(rest)


def test_sample_call_from_button_to_score(browser: Any, installation: Installation) -> None:
    errors: list[str] = []
    agent = sign_in(browser, installation, NORTHWIND.agent, errors)
    supervisor = sign_in(browser, installation, NORTHWIND.supervisor, errors)
    assert agent.url.endswith("/desk/") and supervisor.url.endswith("/floor/")
    length = sample_calls()[CALL].duration_ms / 1000

    # The button brings the call, and one hears it.
    agent.click(f"[data-sample={CALL}]")
    agent.wait_for_selector("#work:not([hidden])")
    agent.wait_for_function("window.sounds.length === 1 && window.sounds[0].currentTime > 2")
    heard = agent.evaluate("window.sounds[0].currentTime")
    assert abs(heard - seconds(agent.inner_text("#timer"))) < 3

    # Words come while they are spoken, then stay; the checklist ticks itself.
    agent.wait_for_selector("#tx .partial")
    agent.wait_for_selector("#tx >> text=being recorded", timeout=30_000)
    agent.wait_for_selector("#steps-list >> text=Say that the call is recorded")
    agent.wait_for_function("document.querySelectorAll('#steps-list .ti-circle-check').length >= 1")
    supervisor.wait_for_selector(f"text={NORTHWIND.agent}")

    # The threat to cancel brings the hint with its reason, and the supervisor's alert.
    agent.wait_for_selector("#hints >> text=Acknowledge first", timeout=80_000)
    assert "cancel" in agent.inner_text("#tx")
    supervisor.wait_for_selector("text=Customer threatens to cancel", timeout=10_000)

    # The card shows as a chip and nowhere as digits.
    agent.wait_for_selector("#tx >> text=card number", timeout=80_000)
    agent.wait_for_function("document.querySelector('#content').dataset.mode === 'after'", timeout=80_000)
    words = agent.inner_text("#tx")
    assert "my card number is" in words
    assert not re.search(r"eight eight|four zero one", words)

    # The call is over: summary to confirm.
    agent.wait_for_selector("#sum >> text=Reason")
    agent.wait_for_selector("#confirm:not([disabled])")

    # The supervisor looks back at it: a click on what a criterion rests on plays its second.
    supervisor.goto(f"{installation.site}/conversations/")
    supervisor.click(f"text={sample_calls()[CALL].script['customer']['name']} >> nth=0")
    supervisor.wait_for_selector("#tab-score")
    supervisor.wait_for_function("document.querySelector('#sound')?.readyState >= 1", timeout=30_000)
    assert abs(supervisor.evaluate("document.querySelector('#sound').duration") - length) < 0.5
    supervisor.click("#tab-score")
    criterion = supervisor.locator("#panel-score details", has_text="offer made within 20 seconds")
    criterion.locator("summary").click()
    place = criterion.locator("a[data-seek]").first
    wanted = int(place.get_attribute("data-seek")) / 1000
    assert wanted > 30
    place.click()
    supervisor.wait_for_function(
        "wanted => Math.abs(document.querySelector('#sound').currentTime - wanted) < 5"
        " && document.querySelector('#sound').currentTime >= wanted - 0.1",
        arg=wanted,
    )
    assert not errors, "\n".join(errors)
