"""What is beeped of words with wrong times, of missing and misheard ones; and how far a voice is followed."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from engines.redaction.muting import BLIND_MS, OFF_MS, REACH_MS
from engines.redaction.redactor import RedactionConfig
from engines.redaction.stream import RedactedUtterance, StreamRedactor
from engines.redaction.text import RawText
from engines.speech.types import HeardWord
from engines.speech.voiced import BLUR_MS, FADE_MS, PAUSE_MS, voice_end, voice_start

RATE = 8_000
MARGIN = 150
# The sound is the same whatever found the words.
RULES = RedactionConfig(model=False)
CARD = "four one one one one one one one one one one one one one one one"


def heard(text: str, *, start_ms: int = 1_000, each_ms: int = 300, gap_ms: int = 100) -> list[HeardWord]:
    """The words of `text` one after the other."""
    step = each_ms + gap_ms
    return [
        HeardWord(RawText(word), start_ms + at * step, start_ms + at * step + each_ms, 0.9)
        for at, word in enumerate(text.split())
    ]


def final(
    redactor: StreamRedactor,
    words: list[HeardWord],
    *,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> RedactedUtterance:
    text = " ".join(word.text.reveal() for word in words)
    return redactor.redact_final(
        "customer",
        RawText(text),
        words,
        words[0].start_ms if start_ms is None else start_ms,
        words[-1].end_ms if end_ms is None else end_ms,
    )


def asked() -> StreamRedactor:
    redactor = StreamRedactor(RULES)
    redactor.redact_final("agent", RawText("what is the number on the card please"), (), 0, 900)
    return redactor


def covers(found: RedactedUtterance, start_ms: int, end_ms: int) -> bool:
    return any(start <= start_ms and end_ms <= end for start, end in found.audio_intervals)


# --- Words -------------------------------------------------------------------------------------------------


def test_a_digit_that_was_dropped_leaves_no_hole() -> None:
    words = heard(CARD)
    found = final(asked(), words[:5] + words[6:9] + words[11:])
    assert found.audio_intervals == ((1_000 - MARGIN, words[-1].end_ms + MARGIN),)


def test_a_word_in_place_of_a_digit_is_beeped_with_its_neighbours() -> None:
    for strange in ("won", "for", "sick", "nein", "shoe"):
        texts = CARD.split()
        texts[7] = strange
        words = heard(" ".join(texts))
        assert covers(final(asked(), words), words[0].start_ms, words[-1].end_ms), strange


def test_two_words_in_place_of_digits_are_beeped_also_at_the_end_of_a_final() -> None:
    texts = CARD.split()
    texts[7:9] = ["shoe", "street"]
    words = heard(" ".join(texts))
    assert covers(final(asked(), words), words[0].start_ms, words[-1].end_ms)
    for cut in (8, 9):
        redactor = asked()
        found = [*final(redactor, words[:cut]).audio_intervals, *final(redactor, words[cut:]).audio_intervals]
        merged_ms = min(start for start, _end in found), max(end for _start, end in found)
        assert merged_ms == (words[0].start_ms - MARGIN, words[-1].end_ms + MARGIN)
        assert any(start < words[7].start_ms and words[8].end_ms < end for start, end in found), cut


def test_three_words_between_numbers_are_speech() -> None:
    texts = CARD.split()
    texts[6:9] = ["or", "was", "that"]
    words = heard(" ".join(texts))
    found = final(asked(), words)
    assert not any(start < words[7].start_ms < end for start, end in found.audio_intervals)


def test_what_is_said_behind_a_number_is_beeped_no_more_than_the_number() -> None:
    """Digits misheard read like an address to the model, which took the last word in."""
    words = heard("it's five seven two nine heaven seven two one okay")
    redactor = StreamRedactor()
    redactor.redact_final("agent", RawText("what is your phone number please"), (), 0, 900)
    ((start, end),) = final(redactor, words).audio_intervals
    assert start <= words[1].start_ms and words[-2].end_ms <= end < words[-1].end_ms


@pytest.mark.parametrize("at", [0, 15])
def test_a_misheard_digit_at_either_end_is_beeped(at: int) -> None:
    texts = CARD.split()
    texts[at] = "nein"
    words = heard("it is " + " ".join(texts) + " okay")
    found = final(asked(), words)
    assert covers(found, words[2].start_ms, words[-2].end_ms)
    assert not covers(found, words[0].start_ms, words[0].end_ms)
    assert found.audio_intervals[-1][1] < words[-1].end_ms


def test_times_that_overlap_or_go_back_are_covered_by_one_beep() -> None:
    words = heard(CARD)
    words[3] = HeardWord(words[3].text, words[3].start_ms - 200, words[3].end_ms + 200, 0.9)
    words[9], words[10] = (
        HeardWord(words[9].text, words[10].start_ms, words[10].end_ms, 0.9),
        HeardWord(words[10].text, words[9].start_ms, words[9].end_ms, 0.9),
    )
    found = final(asked(), words)
    assert found.audio_intervals == ((1_000 - MARGIN, words[-1].end_ms + MARGIN),)


def test_a_hole_beside_a_number_is_beeped_in_part_and_may_be_followed_further() -> None:
    """Between "is" and the first digit there is time for another one."""
    words = [*heard("it is", start_ms=0, each_ms=200), *heard(CARD, start_ms=2_000)]
    found = final(asked(), words)
    ((start, _end),), ((earliest, latest),) = found.audio_intervals, found.audio_reach
    assert start == 2_000 - BLIND_MS
    assert earliest == words[1].end_ms - OFF_MS, "times are wrong by so much"
    assert latest == words[-1].end_ms + REACH_MS


def test_no_more_than_half_a_second_is_beeped_of_what_is_no_number() -> None:
    words = [
        *heard("okay so", start_ms=0),
        *heard(CARD, start_ms=3_000),
        *heard("that is it", start_ms=12_000),
    ]
    ((start, end),) = final(asked(), words).audio_intervals
    assert 3_000 - start + OFF_MS <= 500 and end - words[17].end_ms + OFF_MS <= 500


def test_without_times_of_words_the_utterance_is_muted() -> None:
    text = "my card is " + CARD
    bare = [HeardWord(RawText(word), 0, 0, 0.9) for word in text.split()]
    for words in (bare, []):
        found = asked().redact_final("customer", RawText(text), words, 1_000, 9_000)
        assert found.audio_intervals == ((1_000 - MARGIN, 9_000 + MARGIN),)
        assert found.audio_reach == ((0, 9_000 + REACH_MS),)


def test_one_word_without_time_in_a_number_mutes_the_utterance() -> None:
    words = heard("my card is " + CARD)
    words[6] = HeardWord(words[6].text, 0, 0, 0.9)
    found = final(asked(), words, start_ms=1_000)
    assert covers(found, words[0].start_ms, words[-1].end_ms)


WHOLE = ((1_000 - MARGIN, 9_000 + MARGIN),)
NO_NUMBER = float("nan")


@pytest.mark.parametrize(
    ("start_ms", "end_ms"),
    [
        (0, 0),
        (-4_000, -3_700),
        (200_000, 200_300),
        (3_000, 2_700),
        (1_000, 90_000),
        (3_000, NO_NUMBER),
        (NO_NUMBER, NO_NUMBER),
        (float("-inf"), float("inf")),
    ],
)
@pytest.mark.parametrize("at", [3, 10])
def test_a_word_whose_time_cannot_be_mutes_the_utterance(start_ms: float, end_ms: float, at: int) -> None:
    words = heard("my card is " + CARD, each_ms=250)
    words[at] = replace(words[at], start_ms=cast(int, start_ms), end_ms=cast(int, end_ms))
    found = final(asked(), words, start_ms=1_000, end_ms=9_000)
    assert found.audio_intervals == WHOLE
    # What is stored can be written as JSON, and hides all of the utterance when it is hidden later.
    stored = [(word.start_ms, word.end_ms) for word in found.words]
    assert min(start for start, _end in stored) == 1_000 and max(end for _start, end in stored) == 9_000


def test_words_in_no_order_of_time_mute_the_utterance() -> None:
    words = heard("my card is " + CARD)
    ways = words[::-1], words[10:] + words[:10]
    for way in ways:
        mixed = [
            replace(word, start_ms=at.start_ms, end_ms=at.end_ms) for word, at in zip(words, way, strict=True)
        ]
        assert final(asked(), mixed, start_ms=1_000, end_ms=9_000).audio_intervals == WHOLE


def test_times_made_up_from_the_utterance_are_none() -> None:
    words = [replace(word, timed=False) for word in heard("my card is " + CARD)]
    found = final(asked(), words, start_ms=1_000, end_ms=9_000)
    assert found.audio_intervals == WHOLE
    plain = final(StreamRedactor(RULES), [replace(word, timed=False) for word in heard("thank you so much")])
    assert plain.audio_intervals == () and len(plain.words) == 4


def test_a_misheard_digit_without_time_beside_a_number_mutes_the_utterance() -> None:
    words = heard("it is night " + CARD)
    words[2] = replace(words[2], start_ms=0, end_ms=0)
    found = final(asked(), words, start_ms=1_000, end_ms=9_000)
    assert found.audio_intervals == WHOLE
    words[1:3] = [replace(words[1], start_ms=0, end_ms=0), heard("it is night")[2]]
    ((start, _end),) = final(asked(), words, start_ms=1_000, end_ms=9_000).audio_intervals
    assert words[0].end_ms - OFF_MS <= start <= words[2].start_ms, (
        'the time of "is" says nothing of the number\'s'
    )


def test_a_number_goes_on_over_two_finals() -> None:
    """What was not clear in the first is beeped when the second shows it; what is between them, too."""
    redactor = StreamRedactor(RULES)
    first = heard("well zero want seven for mine")
    found = final(redactor, first)
    second = heard("seven nine zero one", start_ms=first[-1].end_ms + 600)
    found = final(redactor, second)
    assert covers(found, first[1].start_ms, second[-1].end_ms)
    assert not covers(found, first[0].start_ms, first[0].end_ms)


def test_what_was_said_long_ago_or_by_the_other_side_is_not_beeped_again() -> None:
    for speaker, later_ms in (("customer", 20_000), ("agent", 600)):
        redactor = asked()
        first = heard(CARD)
        text = RawText(" ".join(word.text.reveal() for word in first))
        redactor.redact_final(speaker, text, first, first[0].start_ms, first[-1].end_ms)
        second = heard(CARD, start_ms=first[-1].end_ms + later_ms)
        assert final(redactor, second).audio_intervals[0][0] == second[0].start_ms - MARGIN


def test_words_that_sound_like_digits_are_heard_where_no_number_is() -> None:
    words = heard("i want to wait for the mail on a line by the fire")
    assert final(StreamRedactor(RULES), words).audio_intervals == ()


@pytest.mark.parametrize("missing", [3, 5])
def test_digits_on_both_sides_of_a_hole_are_one_number(missing: int) -> None:
    """What recognition wrote before the hole sounds like digits, though the text shows no number in it."""
    words = heard("eight three night seven seven four nine one zero zero", each_ms=500)
    kept = words[:3] + words[3 + missing :]
    found = final(asked(), kept)
    assert covers(found, kept[0].start_ms, kept[-1].end_ms)


# --- Sound -------------------------------------------------------------------------------------------------


def line(*parts: tuple[int, float], noise: float = 0.0) -> bytes:
    """A line's sound: (milliseconds, RMS of the voice) in a row, with noise all the time."""
    lot = np.random.default_rng(1)
    said = np.concatenate([lot.normal(0.0, 1.0, ms * RATE // 1000) * rms for ms, rms in parts])
    return np.rint(said + lot.normal(0.0, 1.0, len(said)) * noise).astype("<i2").tobytes()


@pytest.mark.parametrize("noise", [0.0, 30.0, 150.0])
def test_a_voice_is_followed_over_short_pauses_until_it_is_silent(noise: float) -> None:
    # silence, a dropped digit, a pause, the digit that was heard, a pause, a dropped digit, silence
    sound = line(
        (3_000, 0), (500, 2_000), (200, 0), (400, 2_000), (200, 0), (500, 2_000), (3_000, 0), noise=noise
    )
    assert 3_000 - FADE_MS - BLUR_MS <= voice_start(sound, RATE, 3_650, earliest_ms=0) <= 3_000
    assert 4_800 <= voice_end(sound, RATE, 4_150, latest_ms=7_000) <= 4_800 + FADE_MS + BLUR_MS + 10


@pytest.mark.parametrize("noise", [0.0, 30.0, 150.0])
def test_where_no_voice_goes_on_nothing_is_widened(noise: float) -> None:
    sound = line((3_000, 0), (400, 2_000), (3_000, 0), noise=noise)
    assert voice_start(sound, RATE, 2_900, earliest_ms=0) == 2_900
    assert voice_end(sound, RATE, 3_500, latest_ms=6_000) == 3_500


def test_a_voice_after_a_pause_is_another_matter_and_bounds_hold() -> None:
    sound = line((1_000, 2_000), (PAUSE_MS + 100, 0), (400, 2_000), (PAUSE_MS + 100, 0), (2_000, 2_000))
    first = 1_000 + PAUSE_MS + 100
    before, after = first - BLUR_MS - 10, first + 400 + BLUR_MS + 10
    assert voice_start(sound, RATE, before, earliest_ms=0) == before
    assert voice_end(sound, RATE, after, latest_ms=9_000) == after
    assert voice_start(sound, RATE, first + 2, earliest_ms=0) < first, "two milliseconds of it"
    assert voice_end(sound, RATE, first + 398, latest_ms=9_000) > first + 400
    assert voice_start(sound, RATE, 900, earliest_ms=700) == 700
    assert voice_end(sound, RATE, first + 1_000, latest_ms=first + 1_200) == first + 1_200


def band(low: float, high: float, ms: int, rms: float) -> np.ndarray:
    """Noise between two frequencies (Hz), as the sound of an "s" is."""
    count = ms * RATE // 1000
    spectrum = np.fft.rfft(np.random.default_rng(2).normal(0.0, 1.0, count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(hertz < low) | (hertz > high)] = 0.0
    sound = np.fft.irfft(spectrum, count)
    return np.asarray(sound * rms / np.sqrt(np.mean(np.square(sound))))


@pytest.mark.parametrize(("low", "high"), [(150, 550), (2_600, 3_900)])
def test_a_quiet_sound_is_heard_in_its_own_band(low: float, high: float) -> None:
    """The end of "six" and of "zero" are no louder than a noisy line, but all in one band."""
    sound = np.frombuffer(line((2_000, 0), (400, 2_000), (3_600, 0), noise=120.0), "<i2").astype(float)
    tail = slice(2_400 * RATE // 1000, 3_000 * RATE // 1000)
    sound[tail] += band(low, high, 600, 110.0)
    pcm = np.rint(sound).astype("<i2").tobytes()
    assert 3_000 <= voice_end(pcm, RATE, 2_400, latest_ms=6_000) <= 3_000 + FADE_MS + BLUR_MS + 10


def test_sound_that_is_not_there_yet_is_silence() -> None:
    sound = line((1_000, 2_000))
    assert voice_start(sound, RATE, 5_000, earliest_ms=0) == 5_000
    assert voice_end(sound, RATE, 5_000, latest_ms=9_000) == 5_000
    assert voice_end(b"", RATE, 0, latest_ms=9_000) == 0
    assert voice_end(line((400, 0)), RATE, 100, latest_ms=300) == 100
