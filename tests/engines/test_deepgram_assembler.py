"""Utterances from Deepgram's results: every order in which finals, ends and seams may come."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engines.speech.deepgram.assembler import ChannelAssembler
from engines.speech.deepgram.clock import StreamClock
from engines.speech.deepgram.options import within_tokens
from engines.speech.deepgram.results import Segment, UtteranceEnd, Word, read, timed_words
from engines.speech.types import SpeechError
from tests.engines.deepgram_calls import finals, upto

SECONDS = 300


def ear(*, floor_ms=0, longest_ms=30_000):
    clock = StreamClock(8000)
    clock.audio(SECONDS * 8000, 0)
    return ChannelAssembler(channel=0, clock=clock, floor_ms=floor_ms, longest_ms=longest_ms, language="en")


def segment(start, end, *spoken, final=True, speech_final=False, from_finalize=False):
    words = tuple(Word(text, begins, begins + 0.3, 0.9) for text, begins in spoken)
    return Segment(0, start, end, final, speech_final, from_finalize, words, "")


def texts(events):
    return [each.text.reveal() for each in finals(events)]


def test_finals_are_gathered_until_speech_final():
    one = ear()
    events = [*one.hear(segment(0, 2, ("good", 0.5), ("morning", 1)))]
    assert texts(events) == []
    assert upto(events) == 300  # a little before the first word: it may be needed again
    events += one.hear(segment(2, 4, ("how", 2.1), speech_final=True))
    assert texts(events) == ["good morning how"]
    assert upto(events) == 3800


def test_an_utterance_end_closes_what_noise_kept_open_and_one_too_late_does_nothing():
    one = ear()
    events = [*one.hear(segment(0, 3, ("yes", 1.0)))]
    events += one.end_utterance(UtteranceEnd(0, 1.3))
    assert texts(events) == ["yes"]
    assert list(one.end_utterance(UtteranceEnd(0, 1.3))) == []
    # New words have begun since the pause that it speaks of.
    events += one.hear(segment(3, 5, ("well", 4.0)))
    events += one.end_utterance(UtteranceEnd(0, 1.3))
    assert texts(events) == ["yes"]


def test_an_utterance_end_before_its_words_are_final_waits_for_them():
    one = ear()
    events = [*one.hear(segment(0, 2, ("yes", 1.0), final=False))]
    events += one.end_utterance(UtteranceEnd(0, 1.3))
    assert texts(events) == []
    events += one.hear(segment(0, 5, ("yes", 1.0), ("next", 4.0)))
    assert texts(events) == ["yes"]
    events += one.hear(segment(5, 6, speech_final=True))
    assert texts(events) == ["yes", "next"]


def test_repeated_finals_and_late_interims_say_nothing():
    one = ear()
    first = segment(0, 2, ("yes", 1.0), speech_final=True)
    assert texts([*one.hear(first)]) == ["yes"]
    assert list(one.hear(first)) == []
    assert list(one.hear(segment(0, 1.5, ("yes", 1.0), final=False))) == []
    one_more = [*one.hear(segment(1.5, 3, ("yes", 1.0), ("no", 2.2), speech_final=True))]
    assert texts(one_more) == ["no"]


def test_noise_is_taken_back():
    one = ear()
    events = [*one.hear(segment(0, 1, ("uh", 0.5), final=False)), *one.hear(segment(0, 2))]
    assert [each.text.reveal() for each in events[:2]] == ["uh", ""]
    assert upto(events) == 1800


def test_long_silence_is_progress_though_no_final_comes():
    one = ear()
    events = [each for end in range(1, 30) for each in one.hear(segment(0, end, final=False))]
    assert (texts(events), upto(events)) == ([], 23_800)
    late = [*one.hear(segment(0, 30, ("hm", 20.0), speech_final=True))]
    assert texts(late) == ["hm"]


def test_a_monologue_ends_at_its_widest_gap():
    one = ear(longest_ms=10_000)
    events = []
    at, spoken = 0.0, []
    for number in range(60):
        spoken.append((f"w{number}", at))
        at += 0.75 if number == 20 else 0.35
    for start in range(0, 25, 5):
        inside = [word for word in spoken if start <= word[1] + 0.15 < start + 5]
        events += one.hear(segment(start, start + 5, *inside))
    parts = texts(events)
    assert parts[0].split()[-1] == "w20"
    assert len(parts) >= 2
    events += one.finish()
    assert " ".join(texts(events)).split() == [text for text, _ in spoken]
    assert all(each.end_ms - each.start_ms <= 10_000 for each in finals(events))


def test_no_utterance_reaches_over_a_seam():
    clock = StreamClock(8000)
    clock.audio(5 * 8000, 0)
    clock.silence(4000)
    clock.move(60_000)
    one = ChannelAssembler(channel=0, clock=clock, floor_ms=0, longest_ms=30_000, language="en")
    one.seam(clock.seconds, 4.0)
    clock.audio(5 * 8000, 60_000)
    events = [*one.hear(segment(0, 8, ("before", 4.0), ("after", 6.5), speech_final=True))]
    assert [(each.start_ms, each.end_ms) for each in finals(events)] == [(4000, 4300), (61_000, 61_300)]


def test_what_was_heard_before_is_passed_over():
    one = ear(floor_ms=2000)
    events = [*one.hear(segment(0, 4, ("old", 1.0), ("edge", 1.9), ("new", 3.0), speech_final=True))]
    assert texts(events) == ["edge new"]
    assert finals(events)[0].start_ms == 2000
    assert upto(events) == 3800


def test_messages_as_the_sdk_builds_them():
    assert read(None) is None
    assert read(b"\0") is None
    assert read(SimpleNamespace(type="SpeechStarted")) is None
    bare = SimpleNamespace(transcript="two words", words=None, languages=["es"])
    message = SimpleNamespace(
        type="Results", start=1, duration=2.0, channel_index=[1, 2], is_final=True, speech_final=None,
        from_finalize=None, channel=SimpleNamespace(alternatives=[bare]),
    )  # fmt: skip
    found = read(message)
    assert isinstance(found, Segment)
    assert [(word.text, word.start, word.end) for word in found.words] == [
        ("two", 1.0, 2.0),
        ("words", 2.0, 3.0),
    ]
    assert (found.channel, found.language) == (1, "es")
    assert "two" not in repr(found)
    for name, value in (("start", None), ("start", float("nan")), ("duration", "x"), ("channel_index", [])):
        broken = SimpleNamespace(**{**vars(message), name: value})
        with pytest.raises(SpeechError, match="cannot be read"):
            read(broken)


def test_keyterms_stay_within_the_tokens():
    assert within_tokens(["Zenith  Plus", "", "Zenith Plus", "Kowalczyk"]) == ["Zenith Plus", "Kowalczyk"]
    assert len(within_tokens(["abc"] * 600 + ["d"])) == 1
    assert len(within_tokens([f"{number:03}" for number in range(600)])) == 500


def test_what_no_database_keeps_is_in_no_word():
    """One such letter would have its call begin anew for ever, as its row is refused each time."""
    spoken = SimpleNamespace(word="half", punctuated_word="half \ud800", start=1.0, end=1.5, confidence=0.9)
    null = SimpleNamespace(word="nu\x00ll", start=2.0, end=2.5, confidence=0.9)
    found = timed_words([spoken, null], "", 0, 3)
    assert [word.text for word in found] == ["half \ufffd", "nu\ufffdll"]
    assert [word.text for word in timed_words([], "an \udfff é 🎧", 0, 4)] == ["an", "\ufffd", "é", "🎧"]
