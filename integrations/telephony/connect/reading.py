"""Which fragments of a stream are a conversation's, and what its two sides are made of. Pure.

Streams are used for one contact after another, and a fragment may say nothing of its contact: it then belongs to the
run of the one before, if it follows that directly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum

from integrations.telephony.connect.ebml import EbmlError
from integrations.telephony.connect.matroska import FROM_CUSTOMER, TO_CUSTOMER, Fragment
from integrations.telephony.connect.services import Progress
from integrations.telephony.sides import RATE, SAMPLES_PER_MS, Hole, Sides, Sound

SIDE = {FROM_CUSTOMER: 0, TO_CUSTOMER: 1}
# A fragment without tags that begins within this of the one before is of the same run.
FOLLOWS_MS = 2_000


class Verdict(Enum):
    OURS = "ours"
    EARLIER = "earlier"  # of a contact before ours, or nobody's
    KNOWN = "known"  # read before
    FOREIGN = "foreign"  # of a contact after ours


class ContactReading:
    """Fragments in, both sides' sound out, and how far to go on from. `given_ms`: what is in the buffer already."""

    def __init__(self, progress: Progress, given_ms: int) -> None:
        self.leg = progress.leg
        self.fragment = progress.fragment
        self._sides = Sides(origin_ns=progress.origin_ns, given=given_ms * SAMPLES_PER_MS, ends=progress.ends)
        self._taken: deque[tuple[int, Progress]] = (
            deque()
        )  # what is given, in ms, when this progress may be kept
        self._in_leg = bool(progress.fragment)

    @property
    def started(self) -> bool:
        """Whether anything of the current leg has been read."""
        return self._in_leg

    def next_leg(self, leg: int) -> None:
        """The next fragments are of another contact's stream."""
        self.leg, self.fragment, self._in_leg = leg, "", False

    def verdict(self, fragment: Fragment, contacts: Iterable[str]) -> Verdict:
        """Whether a fragment belongs to a conversation that has had these contacts."""
        if fragment.number and not _after(fragment.number, self.fragment):
            return Verdict.KNOWN
        if fragment.contact_id:
            if fragment.contact_id in contacts:
                return Verdict.OURS
            return Verdict.FOREIGN if self._in_leg else Verdict.EARLIER
        return Verdict.OURS if self._in_leg and self._follows(fragment) else Verdict.EARLIER

    def _follows(self, fragment: Fragment) -> bool:
        if self._sides.origin_ns is None or not fragment.blocks:
            return False
        start = self._sides.sample_at(min(block.at_ns for block in fragment.blocks))
        return abs(start - max(self._sides.ends)) <= FOLLOWS_MS * SAMPLES_PER_MS

    def take(self, fragment: Fragment) -> Iterator[Sound | Hole]:
        """Add a fragment of ours; gives what is complete by it. Raises `EbmlError` and `ClockJump`."""
        rate = fragment.sample_rate
        if rate not in (None, RATE):
            raise EbmlError("sound of an unknown rate")
        named = [(fragment.side(block.track), block) for block in fragment.blocks]
        blocks = [(SIDE[name], block) for name, block in named if name]
        self._in_leg = True
        self.fragment = fragment.number or self.fragment
        if not blocks:
            return
        if self._sides.origin_ns is None:
            self._sides.origin_ns = min(block.at_ns for _side, block in blocks)
        for side, block in sorted(blocks, key=lambda each: each[1].at_ns):
            self._sides.put(side, block.at_ns, block.pcm)
        ends = self._sides.ends
        if fragment.number:
            progress = Progress(self.leg, fragment.number, self._sides.origin_ns, ends)
            self._taken.append((-(-max(ends) // SAMPLES_PER_MS), progress))
        # One side may lag behind the other; what it still has to say comes with the next fragment.
        yield from self._sides.give(min(ends[side] for side in {each for each, _block in blocks}))

    def finish(self) -> Iterator[Sound | Hole]:
        """The conversation is over: the rest."""
        yield from self._sides.finish()

    def kept(self, safe_ms: int) -> Progress | None:
        """The furthest progress whose audio is all safe; None: no further than was said before."""
        progress = None
        while self._taken and self._taken[0][0] <= safe_ms:
            progress = self._taken.popleft()[1]
        return progress


def _after(number: str, last: str) -> bool:
    """Whether a fragment comes after the last one read. Numbers grow; other names can only be told apart."""
    if number.isdigit() and last.isdigit():
        return int(number) > int(last)
    return number != last
