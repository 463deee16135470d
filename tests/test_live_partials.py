"""Words that are not final: taken together, the latest of each channel, and none where a call cannot take it now."""

from __future__ import annotations

import asyncio
from uuid import UUID

from conversations.live.partials import AT_ONCE, Partials, Waiting
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText

CALL = UUID(int=1)


class Follower:
    """A call that takes partials, or cannot just now."""

    def __init__(self, partials):
        self.partials, self.redactor = partials, StreamRedactor()
        self.shown, self.is_ready, self.is_paused = [], True, False

    def says(self, channel, text):
        waiting = Waiting(
            CALL,
            self.redactor,
            "customer",
            RawText(text),
            ready=lambda: self.is_ready,
            paused=lambda: self.is_paused,
            then=self.shown.append,
        )
        self.partials.put(self, channel, waiting)


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - round by round of the loop is what is looked at
            await asyncio.sleep(0)


def test_the_latest_of_each_channel_is_shown_redacted_and_what_gave_way_is_counted():
    async def run():
        partials = Partials(0)
        one, two = Follower(partials), Follower(partials)
        one.says(0, "i want")
        one.says(1, "my card is four one one one")
        one.says(0, "i want to cancel that")
        two.says(0, "no thank you very much")
        await until(lambda: two.shown)
        assert one.shown[0].startswith("my card is") and "four" not in one.shown[0]
        assert one.shown[1].startswith("i want to") and len(one.shown) == 2
        assert two.shown[0].startswith("no thank you")
        assert partials.passed_over == 1

    asyncio.run(run())


def test_nothing_is_shown_while_a_call_is_paused_nor_of_a_channel_whose_final_came_nor_of_a_call_that_is_over():
    async def run():
        partials = Partials(0)
        paused, final, over, last = (Follower(partials) for _ in range(4))
        paused.is_paused = True
        paused.says(0, "four one one one")
        final.says(0, "i want")
        final.says(1, "of course you may")
        partials.drop(final, 0)
        over.says(0, "well")
        over.says(1, "well")
        partials.leave(over)
        last.says(0, "yes that is all for today")
        await until(lambda: last.shown)
        assert paused.shown == [""]
        assert len(final.shown) == 1 and final.shown[0].startswith("of course")
        assert over.shown == []
        assert partials.passed_over == 3

    asyncio.run(run())


def test_what_a_call_cannot_take_now_waits_for_it_and_holds_nobody_up():
    async def run():
        partials = Partials(0)
        busy, free = Follower(partials), Follower(partials)
        busy.is_ready = False
        busy.says(0, "well that is fine")
        free.says(0, "well that is fine")
        await until(lambda: free.shown)
        assert busy.shown == []
        busy.is_ready = True
        await until(lambda: busy.shown)
        assert partials.passed_over == 0

    asyncio.run(run())


def test_many_take_turns_and_one_that_fails_is_not_shown(caplog):
    async def run():
        partials = Partials(0)
        calls = [Follower(partials) for _ in range(2 * AT_ONCE + 1)]

        class Broken(StreamRedactor):
            def redact_partial(self, _speaker, _text):
                raise ValueError("secret words")

        calls[3].redactor = Broken()
        for call in calls:
            call.says(0, "yes that is right")
        finals = 0
        while not calls[-1].shown:
            finals += 1
            await asyncio.sleep(0)
        await until(lambda: all(call.shown for call in calls if call is not calls[3]))
        assert finals >= 3  # what else waits had its turn in between
        assert calls[3].shown == []

    asyncio.run(run())
    assert "secret words" not in caplog.text
