"""Models that are asked questions about turns, and calls in which they are asked."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

from tests.understanding import Call

_QUESTION = re.compile(r"^(\d+)\. (?:\((\w+)\) )?(.+)$", re.MULTILINE)
MOVING = "Has the customer said that they are moving house?"
Found = list[dict[str, Any]]


class AtOnce:
    """A pool that does its work where it is given it: a test's rows are seen by its own thread alone."""

    def submit(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args))
        except Exception as error:
            done.set_exception(error)
        return done


def asked(request: dict[str, Any]) -> dict[int, str]:
    """The questions of a request, by their numbers."""
    return {int(number): text for number, _who, text in _QUESTION.findall(request["messages"][0]["content"])}


def turns(request: dict[str, Any]) -> list[str]:
    """The turns of a request, without their fence."""
    return [line for line in request["messages"][1]["content"].split("\n") if not line.startswith("<<")]


def reads(**knows: str) -> Callable[[dict[str, Any]], Found]:
    """A model that says yes to a question with a word in it where the turns have these words."""

    def found(request: dict[str, Any]) -> Found:
        said = "\n".join(turns(request)).casefold()
        return [
            {"question": number, "quote": words, "sure": 0.9}
            for number, text in asked(request).items()
            for word, words in knows.items()
            if word in text.casefold() and words.casefold() in said
        ]

    return found


def obeys(request: dict[str, Any]) -> Found:
    """A model that says yes to all, and shows it by what was said last."""
    words = turns(request)[-1].partition(": ")[2]
    return [{"question": number, "quote": words, "sure": 1.0} for number in asked(request)]


class Clock:
    """Lets a call's time pass."""

    def __init__(self, call: Call) -> None:
        self.call, self.now = call, 0

    def say(self, speaker: str, text: str) -> Any:
        row = self.call.say(speaker, text, self.now, self.now + 3_000)
        self.now += 3_000
        return row

    def until(self, condition: Callable[[], Any], seconds: float = 10.0) -> Any:
        """Look in, a hundredth of a second at a time, until something is so."""
        ends = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < ends, "it never came about"
            self.now += 10
            self.call.tick(self.now)
            time.sleep(0.01)
        return found

    def go(self, seconds: float) -> None:
        """Let so much pass, in steps of a second of the call's time. What is asked in one is answered in it."""
        for _second in range(round(seconds)):
            self.now += 1_000
            self.call.tick(self.now)
            self._answer_await()

    def _answer_await(self) -> None:
        """Wait for the request that is under way, if there is one, as long as the call itself would wait."""
        questions = self.call.sessions[0][1]._questions
        if questions is not None and (asked := questions._asked) is not None:
            wait([asked.future], timeout=asked.until - time.monotonic())
