"""What the stages of a live call are told besides words: the customer held, and what people did on their pages.

Each thing is told when everything spoken before it has been heard, so that a worker that takes over tells the same at
the same places. What people did must not wait for a recogniser that lags: then it is told after half a second all the
same. While the customer is held and no sound comes at all, as some vendors send none, the call's clock stands still:
then time goes on for the stages by the clock on the wall. Holds follow from the call's timeline; the rest comes as
marks of the kind `WORD`, each with an `id` of its own and with the key of the stage that it is for in `to`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from accounts.ids import new_id
from conversations.live.buffer import Mark
from conversations.live.stages import Batch, CallContext, HearsTidings, StageSession
from conversations.live.timeline import Timeline

WORD, HELD = "word", "held"
# So long may what was spoken before still be on its way from the recogniser, once its sound is here.
PATIENCE_SECONDS = 0.5
# After how long without any sound a call on hold is taken to stand still, and how far what was heard may be behind it
# then: nothing more comes of the sound before.
STILL_SECONDS = 1.5
STILL_BEHIND_MS = 3_000


def word(to: str, **fields: Any) -> Mark:
    """A mark for the sessions of a stage, to be put behind the audio that has come so far."""
    return {"kind": WORD, "to": to, "id": str(new_id()), **fields}


class Tidings:
    """Of one call. `state`: as `state()` gave it."""

    def __init__(self, timeline: Timeline, state: Mapping[str, Any]) -> None:
        self._timeline = timeline
        self._upto_ms: int = state.get("upto_ms", -1)
        self._held: bool = state.get("held", False)
        self._last: str = state.get("last", "")
        self._known, self._nothing_before = -1, 0.0
        self._waiting: list[Mark] = []
        self._first = True
        self._since: float | None = None
        # How far the sound has come, and when that was, by the wall's clock: a successor goes on with it.
        self._still_ms, self._still_at = state.get("still", (-1, 0.0))
        self._stands = self._stood = False

    def take(self, marks: Iterable[Mark]) -> None:
        """Take the marks that came since the last time; the first time all of them, those told already included."""
        words = [mark for mark in marks if mark.get("kind") == WORD]
        if self._first:
            self._first = False
            known = [mark["id"] for mark in words]
            if self._last in known:
                words = words[known.index(self._last) + 1 :]
        self._waiting += words

    def overdue(self, upto_ms: int) -> bool:
        """Whether something has waited long enough, or time must go on. `upto_ms`: how far the sound has come."""
        self._stands = self._stands_still(upto_ms)
        return self._waits_too_long(upto_ms) or self._stands

    def _waits_too_long(self, upto_ms: int) -> bool:
        if not self._waiting or self._waiting[0]["at_ms"] > upto_ms:
            self._since = None
            return False
        now = time.monotonic()
        self._since = self._since or now
        return now - self._since > PATIENCE_SECONDS

    def _stands_still(self, upto_ms: int) -> bool:
        now = time.time()
        if upto_ms > self._still_ms:
            self._still_ms, self._still_at = upto_ms, now
        return now - self._still_at > STILL_SECONDS and self._timeline.held(self._still_ms)[1]

    @property
    def stood_still(self) -> bool:
        """Whether the call has just come to stand still, which a successor should know. Says so once."""
        new, self._stood = self._stands and not self._stood, self._stands
        return new

    def tell(
        self, sessions: Sequence[StageSession], now_ms: int, batch: Batch, *, at_once: bool = False
    ) -> None:
        """Tell the sessions what is due, everything before `now_ms` having been heard. `at_once`: all that waits."""
        told = self._holds(now_ms)
        at_ms = 0
        while self._waiting and (at_once or self._waiting[0]["at_ms"] <= now_ms):
            mark = self._waiting.pop(0)
            self._last, self._since = mark["id"], None
            # What people did stays in the order in which they did it.
            at_ms = max(at_ms, mark["at_ms"])
            told.append(mark | {"at_ms": at_ms})
        if not told:
            return
        listening = [session for session in sessions if isinstance(session, HearsTidings)]
        for mark in sorted(told, key=lambda each: each["at_ms"]):
            for session in listening:
                session.told(mark, now_ms, batch)

    def told_at_once(self, sessions: Sequence[StageSession], now_ms: int, call: CallContext) -> Batch:
        """Tell all that waits, whatever is still to be heard. Returns what the sessions want written.

        `now_ms`: everything before it was heard. While the call stands still, time goes on from where its sound ended.
        """
        batch = Batch(call.conversation_id)
        if not self._stands or now_ms < self._still_ms - STILL_BEHIND_MS:
            self.tell(sessions, now_ms, batch, at_once=True)
            return batch
        now_ms = self._still_ms + round((time.time() - self._still_at) * 1000)
        self.tell(sessions, now_ms, batch, at_once=True)
        for session in sessions:
            session.clock(now_ms, batch)
        return batch

    def _holds(self, now_ms: int) -> list[Mark]:
        told: list[Mark] = []
        # Asked ten times a second in every call, and nearly always in vain.
        if now_ms < self._nothing_before and self._timeline.phases_told == self._known:
            self._upto_ms = max(self._upto_ms, now_ms)
            return told
        for at_ms, held in self._timeline.holds(self._upto_ms, now_ms):
            if held != self._held:
                self._held = held
                told.append({"kind": HELD, "on": held, "at_ms": at_ms})
        self._upto_ms = max(self._upto_ms, now_ms)
        since_ms, held = self._timeline.held(now_ms)
        if held != self._held:  # told late, of a moment that has gone by
            self._held = held
            told.append({"kind": HELD, "on": held, "at_ms": since_ms})
        self._known, self._nothing_before = self._timeline.phases_told, self._timeline.next_phase(now_ms)
        return told

    def state(self) -> dict[str, Any]:
        """What a successor goes on from."""
        still = [self._still_ms, self._still_at]
        return {"upto_ms": self._upto_ms, "held": self._held, "last": self._last, "still": still}
