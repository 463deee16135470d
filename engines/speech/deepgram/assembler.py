"""Puts the utterances of one channel together from Deepgram's results.

Deepgram makes segments final before an utterance is over: they are gathered until `speech_final`, until an
`UtteranceEnd` (which comes where noise hides the pause), until audio is passed over, or until the utterance is longer
than one may be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engines.redaction.text import RawText
from engines.speech.deepgram.clock import StreamClock
from engines.speech.deepgram.results import Segment, UtteranceEnd, Word
from engines.speech.types import Heard, HeardWord, Hypothesis, Progress

NAME = "deepgram"

ROUNDING = 0.02
"""Seconds within which two of Deepgram's times are the same."""

SEAM = 0.1
"""A segment that ends so little before the end of what was sent has heard all of it."""

QUIET = 5.0
"""Seconds after which what an interim result heard no words in is taken to be without any."""

ONSET_MS = 200
"""A session that begins anew hears so much of what lies before its start again, so far as no word lies in it: the
soft beginning of a word is often heard later than it is."""


class ChannelAssembler:
    """One channel of one stream. What lies before `floor_ms` of the call was heard by another session."""

    def __init__(
        self, *, channel: int, clock: StreamClock, floor_ms: int, longest_ms: int, language: str
    ) -> None:
        self._channel = channel
        self._clock = clock
        self._floor_ms = floor_ms
        self._longest = longest_ms / 1000
        self._language = language
        self._open: list[Word] = []  # final words of the utterance that is not over
        self._interim: list[Word] = []
        self._partial = ""
        self._ended_at: float | None = None  # an UtteranceEnd that came before its words were final
        self._seams: list[tuple[float, float]] = []  # and where the last sound before each was
        self._closed_ms = floor_ms  # the end of the last final
        self._said_ms = floor_ms
        self._seam = 0.0  # the last seam or end reached
        self._quiet = 0.0  # no words before, by interim results alone
        self.confirmed = 0.0
        """Everything before was made final. Seconds of the stream."""
        self.heard = 0.0
        """Everything before was answered, at least provisionally."""

    @property
    def unsettled(self) -> bool:
        """Whether words were heard that are not final."""
        return bool(self._interim)

    def hear(self, segment: Segment) -> Iterator[Heard]:
        """Take a segment; a repeated one, or an interim that its final has overtaken, says nothing."""
        self.heard = max(self.heard, segment.end)
        repeated = segment.end <= self.confirmed + ROUNDING
        words = [
            word
            for word in segment.words
            if not repeated
            and word.middle >= self.confirmed
            and self._clock.call_ms(word.middle) >= self._floor_ms
        ]
        if segment.language and words:
            self._language = segment.language
        if segment.final:
            yield from self._final(segment, words, repeated=repeated)
        elif not repeated:
            self._interim = words
            yield from self._say_partial()
            if not segment.words:
                # Finals may be long in coming where nobody speaks.
                self._quiet = segment.end - QUIET
                yield from self._progress()

    def end_utterance(self, end: UtteranceEnd) -> Iterator[Heard]:
        """Close what `end` is about. One that follows a `speech_final` finds no words and does nothing."""
        if any(word.start <= end.last_word_end for word in self._interim):
            self._ended_at = end.last_word_end
        else:
            yield from self._close(self._ended(end.last_word_end))
            yield from self._progress()

    def seam(self, at: float, last_sound: float) -> None:
        """Let no utterance reach over this moment of the stream: behind it the call goes on elsewhere."""
        self._seams.append((at, last_sound))

    @property
    def waits_at_seam(self) -> bool:
        return bool(self._seams)

    @property
    def unsettled_at_seam(self) -> bool:
        """Whether words before the first seam were heard that are not final."""
        return bool(self._seams) and any(word.middle < self._seams[0][0] for word in self._interim)

    def settle(self) -> Iterator[Heard]:
        """Take the first seams as reached, if all sound before them was answered: no more will be said of it."""
        while self._seams and self.heard >= self._seams[0][1]:
            yield from self.confirm(self._seams[0][0])

    def confirm(self, at: float) -> Iterator[Heard]:
        """Take what was heard before a moment as all there is, because nothing more will be said of it."""
        self.confirmed = max(self.confirmed, at)
        self._seam = max(self._seam, at)
        yield from self._settle_seams()
        yield from self._progress()

    def finish(self) -> Iterator[Heard]:
        """Close what is open: nothing more comes."""
        yield from self._close(len(self._open))
        yield from self.confirm(self._clock.seconds)

    def pass_over(self, upto_ms: int) -> Iterator[Heard]:
        """Say progress for a stretch that nobody hears, while nothing was sent."""
        if upto_ms > self._said_ms:
            self._said_ms = upto_ms
            yield Progress(self._channel, upto_ms)

    # Finals

    def _final(self, segment: Segment, words: list[Word], *, repeated: bool) -> Iterator[Heard]:
        if not repeated:
            self._open += words
            self._interim = []
            self.confirmed = segment.end
        yield from self._settle_seams()
        if self._ended_at is not None:
            count, self._ended_at = self._ended(self._ended_at), None
            yield from self._close(count)
        if segment.from_finalize or (segment.speech_final and not repeated):
            yield from self._close(len(self._open))
        while count := self._too_long():
            yield from self._close(count)
        yield from self._say_partial()
        yield from self._progress()

    def _settle_seams(self) -> Iterator[Heard]:
        while self._seams and self.confirmed >= self._seams[0][0] - SEAM:
            seam, _ = self._seams.pop(0)
            self.confirmed = max(self.confirmed, seam)
            self._seam = max(self._seam, seam)
            yield from self._close(sum(word.middle < seam for word in self._open))

    def _ended(self, last_word_end: float) -> int:
        return sum(word.end <= last_word_end + ROUNDING for word in self._open)

    def _too_long(self) -> int:
        """Return how many words to cut off an utterance that is too long: up to its widest gap's, in its later half."""
        words = self._open
        if not words or words[-1].end - words[0].start <= self._longest:
            return 0
        limit, half = words[0].start + self._longest, words[0].start + self._longest / 2
        gaps = [
            (words[index].start - words[index - 1].end, index)
            for index in range(1, len(words))
            if half <= words[index].start and words[index - 1].end <= limit
        ]
        # A single word as long as an utterance may be leaves no gap to cut at.
        return max(gaps)[1] if gaps else 1

    def _close(self, count: int) -> Iterator[Heard]:
        words, self._open = self._open[:count], self._open[count:]
        if not words:
            return
        final = self._hypothesis(words, final=True)
        self._partial = ""
        self._closed_ms = max(self._closed_ms, final.end_ms)
        yield final

    # Partials and progress

    def _say_partial(self) -> Iterator[Heard]:
        words = [*self._open, *self._interim]
        text = _text(words)
        if text == self._partial:
            return
        self._partial = text
        if words:
            yield self._hypothesis(words, final=False)
        else:  # it was noise after all
            yield Hypothesis(
                self._channel, False, self._said_ms, self._said_ms, RawText(""), (), 0.0, NAME, self._language
            )

    def _progress(self) -> Iterator[Heard]:
        upto_ms = self._clock.call_ms(max(self.confirmed, self._quiet)) - ONSET_MS
        if self._open:
            upto_ms = min(upto_ms, self._clock.call_ms(self._open[0].start) - ONSET_MS)
            upto_ms = max(upto_ms, self._closed_ms)
        else:
            upto_ms = max(upto_ms, self._closed_ms, self._clock.call_ms(self._seam) if self._seam else 0)
        yield from self.pass_over(upto_ms)

    def _hypothesis(self, words: Sequence[Word], *, final: bool) -> Hypothesis:
        return hypothesis(
            self._channel, words, self._clock, floor_ms=self._closed_ms, language=self._language, final=final
        )


def hypothesis(
    channel: int,
    words: Sequence[Word],
    clock: StreamClock,
    *,
    floor_ms: int,
    language: str,
    final: bool = True,
    provider: str = NAME,
) -> Hypothesis:
    """Say words, at least one, in the call's time. No word begins before `floor_ms` or the word before it."""
    heard = []
    for word in words:
        start_ms = max(floor_ms, clock.call_ms(word.start))
        end_ms = max(start_ms, clock.end_ms(word.end))
        heard.append(HeardWord(RawText(word.text), start_ms, end_ms, word.confidence))
        floor_ms = start_ms
    return Hypothesis(
        channel=channel,
        final=final,
        start_ms=heard[0].start_ms,
        end_ms=max(word.end_ms for word in heard),
        text=RawText(_text(words)),
        words=tuple(heard),
        confidence=round(sum(word.confidence for word in heard) / len(heard), 4),
        provider=provider,
        language=language,
    )


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)
