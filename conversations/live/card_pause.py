"""A call that pauses itself while a card is given: from the question for it until it is complete.

The words are heard all the same, as they tell when it is over; what is recorded is silence. It goes by the state of
the call's redactor, which survives a change of worker, as does the pause that is open.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.ids import new_id
from conversations.live.buffer import Mark
from conversations.live.stages import Batch
from conversations.models import PciPause
from engines.redaction.stream import StreamRedactor
from engines.redaction.vocabulary import TYPES

# What is given of a card: its number, and the code on its back.
OF_CARDS = frozenset({"CREDIT_CARD", "SECURITY_CODE"})
# A pause that nothing ends is over after this long; the redactor gives a number up long before.
LONGEST_MS = 10 * 60_000


class CardPause:
    """Of one call. `on`: the company wants it; `state` as `state()` gave it."""

    def __init__(self, *, on: bool, conversation_id: UUID, state: dict[str, Any] | None) -> None:
        self._on = on
        self._conversation_id = conversation_id
        self._open: PciPause | None = None
        if state:
            self._open = PciPause(
                pk=UUID(state["id"]),
                conversation_id=conversation_id,
                from_ms=state["from_ms"],
                until_ms=state["from_ms"] + LONGEST_MS,
                hears=True,
                source=PciPause.Source.AUTO,
                paused_at=timezone.now(),
                due_at=timezone.now(),
            )

    @property
    def is_open(self) -> bool:
        return self._open is not None

    def look(self, redactor: StreamRedactor, at_ms: int, batch: Batch) -> Mark | None:
        """Begin the pause, go on with it or end it at `at_ms`, where everything before has been heard; None: no pause.

        While it is open it reaches as far as was heard. What comes behind waits in the recorder until it was.
        """
        if not self._on and self._open is None:
            return None
        given = card_given(redactor, at_ms)
        if given and self._open is not None:
            return _mark(self._open, at_ms)
        if given:
            return self._begin(at_ms, batch)
        return self.end(at_ms, batch)

    def end(self, at_ms: int, batch: Batch) -> Mark | None:
        """End the pause, if one is open: the card is given, or the call is over."""
        pause, self._open = self._open, None
        if pause is None:
            return None
        pause.to_ms = min(max(at_ms, pause.from_ms), pause.until_ms)
        pause.resumed_at, pause.ended_by = timezone.now(), PciPause.Source.AUTO
        fields = {name: getattr(pause, name) for name in ("to_ms", "resumed_at", "ended_by")}

        def write() -> None:
            PciPause.objects.filter(pk=pause.pk, to_ms__isnull=True).update(**fields)

        batch.write(write)
        batch.event("pci", pause)
        return _mark(pause, pause.to_ms)

    def _begin(self, at_ms: int, batch: Batch) -> Mark:
        now = timezone.now()
        self._open = PciPause(
            id=new_id(),
            conversation_id=self._conversation_id,
            from_ms=at_ms,
            until_ms=at_ms + LONGEST_MS,
            hears=True,
            source=PciPause.Source.AUTO,
            paused_at=now,
            due_at=now + timedelta(milliseconds=LONGEST_MS),
        )
        batch.create(self._open)
        batch.event("pci", self._open)
        return _mark(self._open, at_ms)

    def state(self) -> dict[str, Any]:
        """What a successor goes on from; empty while the call is not paused by itself."""
        return {"id": str(self._open.pk), "from_ms": self._open.from_ms} if self._open else {}


def card_given(redactor: StreamRedactor, at_ms: int) -> bool:
    """Whether a card, or its code, was asked for or begun and is not complete at `at_ms` of the call."""
    if redactor.open_number(at_ms) is None:
        return False
    given = redactor.state()["given"]
    return (
        given is not None and given["type"] in OF_CARDS and given["digits"] < TYPES[given["type"]].complete_at
    )


def _mark(pause: PciPause, to_ms: int) -> Mark:
    to_ms = min(max(to_ms, pause.from_ms), pause.until_ms)
    return {"kind": "pci", "pause": str(pause.pk), "at_ms": pause.from_ms, "to_ms": to_ms, "hears": True}
