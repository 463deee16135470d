"""Hears one channel with pocketsphinx: finds utterances, decodes them while they are spoken.

Plain and synchronous; `sphinx.py` runs it in processes of its own. Every choice below that costs or wins
words was measured on telephone speech, as its comment says.
"""

from __future__ import annotations

from collections.abc import Iterator

import pocketsphinx

from engines.redaction.text import RawText
from engines.speech.audio import Upsampler
from engines.speech.types import Heard, HeardWord, Hypothesis, Progress

NAME = "pocketsphinx"

MODEL_RATE = 16000
"""The wheel's en-US model was trained on 16 kHz. Telephone speech is upsampled to it: reading 8 kHz through
the model's 8 kHz settings costs 57 % word errors where upsampling costs 15 %, and no less CPU."""

TELEPHONE_CMN = "53,30,-38,45,-24,8,5,-16,14,-17,18,-6,1"
"""Mean cepstrum of upsampled 8 kHz speech, over five channels of real recorded calls. Normalising from here
and not from the model's wideband mean brings 34 % word errors on clear telephone-band clips down to 22 %."""

WIDEBAND_CMN = "40,3,-1,0,0,0,0,0,0,0,0,0,0"
"""The model's own mean, for 16 kHz speech."""

PREROLL_MS = 210
"""Sound before the detected start that is decoded too: without it first words suffer."""

WINDOW_MS = 300
"""What the endpointer looks at to tell speech from silence; it may set a start back by as much."""

LONGEST_MS = 20_000
"""Speech without a pause is cut here, so that its words are final some time."""

PARTIAL_EVERY_MS = 200
PROGRESS_EVERY_MS = 300

DECODER_FRAME_MS = 10


class DecoderPool:
    """Decoders that are free to be used again: making one takes about 0.4 s and 90 MB.

    `keep` is how many free ones stay in memory.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._free: list[pocketsphinx.Decoder] = []

    def warm(self, count: int) -> None:
        """Make decoders until `count` are free. Raises `RuntimeError` when the model cannot be loaded."""
        while len(self._free) < count:
            self._free.append(self._make())

    def take(self) -> pocketsphinx.Decoder:
        """Return a decoder with nothing begun. Raises `RuntimeError` when the model cannot be loaded."""
        return self._free.pop() if self._free else self._make()

    def give_back(self, decoder: pocketsphinx.Decoder) -> None:
        """Take a decoder whose last utterance is ended."""
        if len(self._free) < self._keep:
            self._free.append(decoder)

    @staticmethod
    def _make() -> pocketsphinx.Decoder:
        # Without its second search the words are as good (11.2 against 10.7 % errors on the demo calls, 21.8
        # on other clips either way) and ending an utterance takes at most 0.1 s instead of 0.9 s.
        return pocketsphinx.Decoder(samprate=MODEL_RATE, fwdflat=False, loglevel="FATAL")


class ChannelListener:
    """One channel: PCM16 in at 8 or 16 kHz, hypotheses and progress out, in order.

    The results depend on the sound alone, not on how it is cut into pieces. An utterance's end leaves the
    endpointer as new, so that a listener begun at a final's end finds the same utterances from there on; only
    the running mean of the sound (cepstral normalisation) is not carried over, which may change a word.
    """

    def __init__(self, *, pool: DecoderPool, channel: int, sample_rate: int, start_ms: int) -> None:
        self._pool = pool
        self._decoder: pocketsphinx.Decoder | None = pool.take()
        # Else the noise that was estimated on its last channel would be taken off this one.
        self._decoder.reinit_feat()
        self._decoder.set_cmn(TELEPHONE_CMN if sample_rate == 8000 else WIDEBAND_CMN)
        self._channel = channel
        self._rate = sample_rate
        # Positions are bytes of sound since `_origin_ms`. `_kept` holds what may yet be needed, from `_kept_at`.
        self._origin_ms = start_ms
        self._kept = bytearray()
        self._kept_at = 0
        self._looked = 0  # where the endpointer is
        self._floor = 0  # the end of the last utterance
        self._said_ms = start_ms  # the last progress given
        self._base = 0  # where the present endpointer began
        self._endpointer = self._new_endpointer()
        self._frame = int(self._endpointer.frame_bytes)
        self._begin: int | None = None  # the present utterance's first byte
        self._decoded = 0
        self._upsampler: Upsampler | None = None
        self._partial = ""
        self._partial_at = 0

    def hear(self, pcm: bytes, start_ms: int) -> Iterator[Heard]:
        """Take sound whose first sample lies at `start_ms`; give what it brought.

        What was heard already is skipped. A gap ends the utterance that stands open, and its silence counts
        as heard. Raises `ValueError` for half a sample.
        """
        if len(pcm) % 2:
            raise ValueError(f"PCM16 has two bytes per sample, got {len(pcm)} bytes")
        offset_ms = start_ms - self._ms(self._end)
        if offset_ms < -1:
            pcm = pcm[-offset_ms * self._rate // 1000 * 2 :]
        elif offset_ms > 1:
            yield from self._flush()
            self._restart(start_ms)
            yield from self._progress(start_ms)
        self._kept += pcm
        while self._end - self._looked >= self._frame:
            yield from self._look()

    def finish(self) -> Iterator[Heard]:
        """Give what the last sound brought. The listener must then be released."""
        yield from self._flush()

    def release(self) -> None:
        """Give the decoder back; nothing more can be heard. May be called twice."""
        decoder, self._decoder = self._decoder, None
        if decoder is None:
            return
        if self._begin is not None:
            self._begin = None
            decoder.end_utt()
        self._pool.give_back(decoder)

    # Positions

    @property
    def _end(self) -> int:
        return self._kept_at + len(self._kept)

    def _ms(self, position: int) -> int:
        return self._origin_ms + position * 500 // self._rate

    def _bytes(self, ms: int) -> int:
        return ms * self._rate // 1000 * 2

    def _sound(self, start: int, end: int) -> bytes:
        return bytes(self._kept[start - self._kept_at : end - self._kept_at])

    def _forget(self, before: int) -> None:
        if before > self._kept_at:
            del self._kept[: before - self._kept_at]
            self._kept_at = before

    # Looking for speech

    def _new_endpointer(self) -> pocketsphinx.Endpointer:
        return pocketsphinx.Endpointer(window=WINDOW_MS / 1000, sample_rate=self._rate)

    def _restart(self, start_ms: int) -> None:
        self._origin_ms = start_ms
        self._kept.clear()
        self._kept_at = self._looked = self._floor = self._base = 0
        self._endpointer = self._new_endpointer()

    def _position(self, seconds: float) -> int:
        """Turn a time of the present endpointer, always a whole number of its frames, into a position."""
        return self._base + round(seconds * self._rate * 2 / self._frame) * self._frame

    def _look(self) -> Iterator[Heard]:
        frame = self._sound(self._looked, self._looked + self._frame)
        self._looked += self._frame
        self._endpointer.process(frame)
        if self._endpointer.in_speech:
            if self._begin is None:
                start = self._position(self._endpointer.speech_start)
                self._begin_utterance(max(self._floor, start - self._bytes(PREROLL_MS)))
            # The endpointer may yet set the end back into its window: what lies in it is not decoded before.
            self._decode(self._looked - self._bytes(WINDOW_MS))
            yield from self._partials()
            if self._begin is not None and self._decoded - self._begin >= self._bytes(LONGEST_MS):
                yield from self._end_utterance(self._decoded, cut=True)
        elif self._begin is not None:
            yield from self._end_utterance(self._position(self._endpointer.speech_end), cut=False)
        else:
            silent_until = self._looked - self._bytes(WINDOW_MS + PREROLL_MS)
            if silent_until > 0 and self._ms(silent_until) - self._said_ms >= PROGRESS_EVERY_MS:
                self._forget(silent_until)
                yield from self._progress(self._ms(silent_until))

    def _flush(self) -> Iterator[Heard]:
        while self._looked < self._end:
            # The last piece may be shorter than a frame; silence fills it up.
            short = self._frame - (self._end - self._looked)
            if short <= 0:
                yield from self._look()
                continue
            if self._begin is None:
                break
            self._looked = self._end
        if self._begin is not None:
            yield from self._end_utterance(self._end, cut=False, look_again=False)
        yield from self._progress(self._ms(self._end))

    def _progress(self, upto_ms: int) -> Iterator[Progress]:
        if upto_ms > self._said_ms:
            self._said_ms = upto_ms
            yield Progress(channel=self._channel, upto_ms=upto_ms)

    # Decoding

    def _open_decoder(self) -> pocketsphinx.Decoder:
        if self._decoder is None:
            raise RuntimeError("the listener is released")
        return self._decoder

    def _begin_utterance(self, at: int) -> None:
        self._open_decoder().start_utt()
        self._begin = self._decoded = self._partial_at = at
        self._upsampler = Upsampler() if self._rate < MODEL_RATE else None
        self._partial = ""
        self._forget(at)

    def _decode(self, upto: int) -> None:
        if upto <= self._decoded:
            return
        sound = self._sound(self._decoded, upto)
        self._decoded = upto
        if self._upsampler is not None:
            sound = self._upsampler.feed(sound)
        if sound:
            self._open_decoder().process_raw(sound)

    def _partials(self) -> Iterator[Hypothesis]:
        if self._begin is None or self._decoded - self._partial_at < self._bytes(PARTIAL_EVERY_MS):
            return
        self._partial_at = self._decoded
        found = self._open_decoder().hyp()
        text = found.hypstr if found is not None else ""
        if text != self._partial:
            yield self._said_so_far(text)

    def _said_so_far(self, text: str) -> Hypothesis:
        self._partial = text
        return Hypothesis(
            channel=self._channel,
            final=False,
            start_ms=self._ms(self._begin or 0),
            end_ms=self._ms(self._decoded),
            text=RawText(text),
            words=(),  # until the search is over its times and probabilities mean nothing
            confidence=0.0,
            provider=NAME,
        )

    def _end_utterance(self, at: int, *, cut: bool, look_again: bool = True) -> Iterator[Heard]:
        decoder = self._open_decoder()
        assert self._begin is not None
        self._decode(at)
        if self._upsampler is not None and (rest := self._upsampler.flush()):
            decoder.process_raw(rest)
        decoder.end_utt()
        begin_ms, end_ms = self._ms(self._begin), self._ms(at)
        words = self._words(decoder, begin_ms, end_ms)
        if cut and len(words) > 1 and words[-1].start_ms - begin_ms > LONGEST_MS // 2:
            # The cut may run through the last word: it is heard again, whole, with the next utterance.
            at -= self._bytes(end_ms - words[-1].start_ms)
            end_ms = self._ms(at)
            words = words[:-1]

        if words:
            yield Hypothesis(
                channel=self._channel,
                final=True,
                start_ms=words[0].start_ms,
                end_ms=end_ms,
                text=RawText(" ".join(word.text.reveal() for word in words)),
                words=tuple(words),
                confidence=round(sum(word.confidence for word in words) / len(words), 4),
                provider=NAME,
            )
        elif self._partial:
            yield self._said_so_far("")  # it was noise after all
        self._begin = None
        self._forget(at)
        yield from self._progress(end_ms)
        if look_again:
            self._floor = self._looked = self._base = at
            self._endpointer = self._new_endpointer()

    @staticmethod
    def _words(decoder: pocketsphinx.Decoder, begin_ms: int, end_ms: int) -> list[HeardWord]:
        """Return the words of the ended utterance: no fillers such as `<sil>`, no marks such as `(2)`."""
        words = []
        for segment in decoder.seg() or ():
            name = segment.word
            if name.startswith(("<", "[", "++")):
                continue
            start = begin_ms + segment.start_frame * DECODER_FRAME_MS
            end = begin_ms + (segment.end_frame + 1) * DECODER_FRAME_MS
            words.append(
                HeardWord(
                    text=RawText(name.partition("(")[0]),
                    start_ms=min(start, end_ms),
                    end_ms=min(end, end_ms),
                    confidence=round(min(1.0, max(0.0, float(segment.prob))), 4),
                )
            )
        return words
