"""What pocketsphinx makes of one channel: words, times, boundaries, and nothing lost."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from demo import synthesise
from engines.speech.audio import read_audio
from engines.speech.sphinx_channel import LONGEST_MS, PREROLL_MS, WINDOW_MS, ChannelListener, DecoderPool
from engines.speech.types import Heard, Hypothesis, Progress
from tests.engines.deepgram_calls import clips
from tests.engines.speech_sound import (
    demo_channels,
    finals,
    listen,
    plain_words,
    progress,
    seconds,
    shared_audio,
    word_errors,
)

# The customer's side. Both sides of the other sample call are heard twice as a whole, with all that is made of them:
# test_demo.py, test_demo_browser.py.
CALLS = [("billing", 1)]


@cache
def heard(key: str, channel: int) -> tuple[Heard, ...]:
    return tuple(listen(demo_channels(key)[channel]))


def lines(key: str, channel: int) -> list[tuple[str, int, int]]:
    """Return (text, start_ms, end_ms) of what the channel's speaker says."""
    times = synthesise.line_times(key)
    return [
        (line["text"], at["start_ms"], at["end_ms"])
        for line, at in zip(synthesise.script(key)["lines"], times, strict=True)
        if synthesise.CHANNELS[line["speaker"]] == channel
    ]


@pytest.mark.parametrize(("key", "channel"), CALLS)
def test_word_errors_of_the_demo_calls(key, channel):
    reference = plain_words(" ".join(text for text, _, _ in lines(key, channel)))
    got = plain_words(" ".join(final.text.reveal() for final in finals(list(heard(key, channel)))))
    assert word_errors(reference, got) / len(reference) < 0.20


@pytest.mark.parametrize(
    ("key", "channel", "phrases"),
    [
        ("billing", 1, ["cancel my account", "four nine one seven six one" + " zero" * 10]),
    ],
)
def test_what_the_demo_needs_is_heard(key, channel, phrases):
    text = " ".join(final.text.reveal() for final in finals(list(heard(key, channel))))
    assert [phrase for phrase in phrases if phrase not in text] == []


@pytest.mark.parametrize(("key", "channel"), CALLS)
def test_an_utterance_a_line_at_its_time(key, channel):
    spoken, got = lines(key, channel), finals(list(heard(key, channel)))
    assert len(got) == len(spoken)
    for final, (_, start, end) in zip(got, spoken, strict=True):
        assert abs(final.start_ms - start) < 600  # a first word missed is the most
        assert abs(final.end_ms - end) < 300


@pytest.mark.parametrize(("key", "channel"), CALLS)
def test_the_contract_of_events(key, channel):
    events = heard(key, channel)
    last_end = upto = 0
    for event in events:
        if isinstance(event, Progress):
            assert event.upto_ms > upto
            upto = event.upto_ms
            continue
        assert event.start_ms >= last_end
        assert event.end_ms > event.start_ms
        if event.final:
            assert event.start_ms >= upto  # what progress covers is never spoken of again
            at = event.start_ms
            for word in event.words:
                assert at <= word.start_ms < word.end_ms <= event.end_ms
                assert 0 <= word.confidence <= 1
                assert word.text.reveal().replace("'", "").replace("-", "").replace(".", "").isalpha()
                at = word.end_ms
            assert " ".join(word.text.reveal() for word in event.words) == event.text.reveal()
            last_end = event.end_ms
    for event, after in pairwise(events):
        if isinstance(event, Hypothesis) and event.final:
            assert after == Progress(0, event.end_ms)
    assert events[-1] == Progress(0, len(demo_channels(key)[channel]) // 16)
    assert sum(isinstance(event, Hypothesis) and not event.final for event in events) > 100


def test_partials_end_as_the_final_began():
    opening_of_the_call = seconds(demo_channels("billing")[0], 0, 30)
    events = [event for event in listen(opening_of_the_call) if isinstance(event, Hypothesis)]
    first = events.index(next(event for event in events if event.final))
    opening = [event.text.reveal() for event in events[:first]]
    assert len(opening) == len(set(opening))  # said only when the text changes
    assert opening[-1].split()[:2] == events[first].text.reveal().split()[:2]


@pytest.mark.parametrize("step_ms", [20, 3000])
def test_independent_of_pieces(step_ms):
    pcm = seconds(demo_channels("billing")[1], 9, 20)
    assert listen(pcm, step_ms=step_ms) == listen(pcm, step_ms=100)


def test_restart_at_a_boundary():
    pcm = seconds(demo_channels("billing")[1], 0, 65)  # ends in silence
    before = [final for final in finals(list(heard("billing", 1))) if final.end_ms < 65_000]
    boundary = before[1].end_ms
    after = finals(listen(pcm[boundary * 16 :], start_ms=boundary))
    assert len(after) == len(before) - 2
    for one, other in zip(before[2:], after, strict=True):
        assert abs(one.end_ms - other.end_ms) <= 50
        assert abs(one.start_ms - other.start_ms) <= 50
        reference = one.text.reveal().split()
        # The running mean of the sound begins anew, which may change a word, not the sentence.
        assert word_errors(reference, other.text.reveal().split()) <= max(2, len(reference) * 0.3)


def test_restart_in_silence_loses_no_speech():
    pcm = seconds(demo_channels("billing")[1], 0, 45)
    whole = [event for event in heard("billing", 1) if isinstance(event, Progress) or event.end_ms < 45_000]
    silent = [upto for upto in progress(whole) if finals(whole)[0].end_ms < upto < finals(whole)[1].start_ms][
        -1
    ]
    again = finals(listen(pcm[silent * 16 :], start_ms=silent))
    assert len(again) == len(finals(whole)) - 1
    assert abs(again[0].start_ms - finals(whole)[1].start_ms) <= 50


def test_silence_makes_progress():
    said = progress(listen(bytes(60 * 16000)))
    assert said[-1] == 60_000
    assert said[0] <= 1000
    # 300 ms steps on 30 ms frames; at the end what the endpointer held back.
    gaps = [b - a for a, b in pairwise(said)]
    assert max(gaps[:-1]) <= 500
    assert gaps[-1] <= WINDOW_MS + PREROLL_MS + 500


def test_long_speech_is_cut_and_whole():
    # The agent's lines without the pauses between them: 45 s of speech on end.
    pcm = demo_channels("cancellation")[0]
    spoken = [line for line in lines("cancellation", 0) if line[2] - line[1] > 8000][:4]
    joined = b"".join(pcm[start * 16 : end * 16] for _, start, end in spoken)
    got = finals(listen(joined))
    assert len(got) >= 2
    assert max(final.end_ms - final.start_ms for final in got) <= LONGEST_MS + 100
    reference = plain_words(" ".join(text for text, _, _ in spoken))
    heard_words = plain_words(" ".join(final.text.reveal() for final in got))
    assert word_errors(reference, heard_words) / len(reference) < 0.25
    for one, other in pairwise(got):
        assert other.start_ms >= one.end_ms


def test_gap_and_overlap_in_what_is_fed():
    pool = DecoderPool(keep=1)
    pcm = demo_channels("billing")[1]
    listener_events = listen(seconds(pcm, 9, 20), pool=pool)
    listener = ChannelListener(pool=pool, channel=0, sample_rate=8000, start_ms=0)
    events = list(listener.hear(seconds(pcm, 9, 15), 0))
    events += listener.hear(seconds(pcm, 14, 20), 5000)  # one second of it twice
    events += listener.hear(bytes(16000), 30_000)  # nineteen seconds missing
    events += listener.finish()
    listener.release()
    assert finals(events) == finals(listener_events)
    assert 30_000 in progress(events)
    assert progress(events)[-1] == 31_000


def test_noise_leaves_no_final():
    noise = np.random.default_rng(5).normal(0, 3, 8000 * 6).astype("<i2").tobytes()
    events = listen(noise)
    assert finals(events) == []
    assert progress(events)[-1] == 6000


def test_wideband():
    clip = next(
        clip
        for clip in map(json.loads, shared_audio("wer.jsonl").read_text().splitlines())
        if clip["id"] == "azure_train_audio2"
    )
    rate, channels = read_audio(shared_audio(clip["file"]))
    assert rate == 16000
    events = listen(channels[0], sample_rate=16000)
    assert progress(events)[-1] == len(channels[0]) // 32
    reference = plain_words(clip["text"])
    got = plain_words(" ".join(final.text.reveal() for final in finals(events)))
    assert word_errors(reference, got) / len(reference) < 0.30


def test_decoders_are_used_again():
    pool = DecoderPool(keep=1)
    pcm = seconds(demo_channels("billing")[1], 40, 44)
    first = listen(pcm, pool=pool)
    held = pool.take()
    pool.give_back(held)
    assert listen(pcm, pool=pool) == first  # nothing of the last call is left in it
    assert pool.take() is held


def test_half_a_sample():
    with pytest.raises(ValueError, match="two bytes"):
        listen(bytes(15), step_ms=1)


def test_real_telephone_speech_is_heard_to_its_end():
    rate, channels = read_audio(shared_audio("calls/audiohook_stereo_mulaw.wav"))
    assert rate == 8000
    for pcm in (channel[: 15 * 16000] for channel in channels):
        assert progress(listen(pcm))[-1] == len(pcm) // 16


def test_times_of_the_digits_that_it_recognises():
    """Reported apart from the recognisers that are fit for telephone speech: docs/speech.md has all clips."""
    clip, off = clips()[2], []
    spoken = [word for final in finals(listen(clip.pcm + bytes(16_000))) for word in final.words]
    for text, start, end in clip.words:
        near = [
            word
            for word in spoken
            if word.text.reveal() == text and word.start_ms < end and word.end_ms > start
        ]
        off += [max(abs(word.start_ms - start), abs(word.end_ms - end)) for word in near[:1]]
    print(f"recognised {len(off)} of {len(clip.words)}, off by {sorted(off)} ms")
    assert len(off) >= 6
    assert sorted(off)[len(off) // 2] <= 100
