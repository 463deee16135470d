"""Whether a digit of a spoken number is heard in a recording: clips whose digits have known times.

`--data`: JSON Lines with `file`, `digit_times` (digit, start, end in seconds), `pii_start` and `pii_end`. Speech
recognition is scripted from these times: `exact`, with its times up to 100 ms wrong (`jitter`), with digits written as
other words (`substituted`), with digits missing (`dropped`), with a first or last digit missing (`edge`), and with all
of these (`all`); `strange`, reported apart, writes digits as words that do not sound like them. Each is asked for by
the agent and not, with words before and after or none, in one final or several, with silence and with line noise. The
words go through the redactor, its stretches and the sound through the recorder of a live call, as there.

A digit is `audible` if one sample of its labelled time, from first to last, lies outside the beeps: there is no
tolerance. `over_…_s` is what is beeped before the first labelled sample and after the last one. With `--embedded` the
built-in recogniser hears the clips instead, reported under `embedded`: it knows digits badly, and what it does not hear
as digits nothing beeps.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import Unmeasured, percentile, say
from conversations.live.recorder import Recorder, Segment
from engines.redaction.redactor import RedactionConfig
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from engines.speech.audio import beep, read_audio
from engines.speech.types import HeardWord, Hypothesis

WHAT = "whether any digit of spoken numbers is audible outside the beeps"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# What recognition writes for them.
MISHEARD = (
    ("oh", "o", "hero"),
    ("won", "on", "want"),
    ("to", "too", "tu"),
    ("tree", "free"),
    ("for", "fore", "ford"),
    ("fife", "hive", "five's"),
    ("sex", "sick", "six's"),
    ("heaven", "sever"),
    ("ate", "hate", "eight's"),
    ("nein", "mine", "night"),
)
ASKED = {
    "CREDIT_CARD": "could you read me the long number on the card please",
    "US_SSN": "and your social security number please",
    "PHONE_NUMBER": "what is your phone number please",
    "BANK_ACCOUNT": "what is the account number please",
}
LEAD_MS = 5_000
TAIL_MS = 6_000
OFF_MS = 100
SHARE = 0.12  # of the digits that are dropped, or written as another word, at random
NOISE = 120.0  # RMS of PCM16 that a noisy line may have
# Words that no sound explains: nothing tells one at the end of a number from speech.
STRANGE = ("shoe", "that", "street", "gate", "floor", "nice", "then", "house")
SCENARIOS = ("exact", "jitter", "substituted", "dropped", "edge", "all")


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip with silence around it. Times in milliseconds; `digits` are (digit, start, end)."""

    name: str
    type: str
    rate: int
    pcm: bytes
    digits: tuple[tuple[int, int, int], ...]
    start_ms: float
    end_ms: float
    edges: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Final:
    """What recognition says of a stretch."""

    words: tuple[tuple[str, int, int], ...]
    start_ms: int
    end_ms: int

    @property
    def text(self) -> str:
        return " ".join(word for word, _start, _end in self.words)


@dataclass
class Tally:
    """What came of the runs of one scenario."""

    runs: int = 0
    digits: int = 0
    audible: int = 0
    leaking: int = 0
    audible_ms: list[float] = field(default_factory=list)
    before_s: list[float] = field(default_factory=list)
    after_s: list[float] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def add(self, clip: Clip, beeps: Sequence[tuple[int, int]], what: str) -> None:
        self.runs += 1
        outside = [_outside(edges, beeps) for edges in clip.edges]
        heard = sum(ms > 0 for ms in outside)
        self.digits += len(outside)
        self.audible += heard
        self.leaking += heard > 0
        self.audible_ms += [ms for ms in outside if ms > 0]
        if heard:
            which = [f"{number} ({round(ms)} ms)" for number, ms in enumerate(outside) if ms > 0]
            self.examples.append(f"{clip.name} digit {', '.join(which)}: {what}")
        if beeps and max(clip.start_ms - beeps[0][0], beeps[-1][1] - clip.end_ms) > 500:
            self.examples.append(f"{clip.name} too much: {what}")
        if beeps:
            self.before_s.append(max(0.0, clip.start_ms - beeps[0][0]) / 1000)
            self.after_s.append(max(0.0, beeps[-1][1] - clip.end_ms) / 1000)

    def figures(self) -> dict[str, Any]:
        """Return the keys of one scenario."""
        return {
            "runs": self.runs,
            "digits": self.digits,
            "audible": self.audible,
            "runs_audible": self.leaking,
            "audible_worst_ms": round(max(self.audible_ms, default=0.0), 1),
            "over_before_s": round(max(self.before_s, default=0.0), 3),
            "over_after_s": round(max(self.after_s, default=0.0), 3),
            "over_p99_s": round(percentile([*self.before_s, *self.after_s], 99), 3) if self.before_s else 0.0,
            "over_half_a_second": sum(s > 0.5 for s in (*self.before_s, *self.after_s)),
        }


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what can be chosen."""
    parser.add_argument("--data", type=Path, required=True, help="clips with the times of their digits")
    parser.add_argument("--seeds", type=int, default=20, help="how often each clip is heard in each scenario")
    parser.add_argument("--embedded", action="store_true", help="hear them with the built-in recogniser, too")
    parser.add_argument("--show", action="store_true", help="name the runs in which a digit is audible")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the scenarios. Raises `Unmeasured` if there are no clips."""
    clips = list(clips_read(options.data))
    if not clips:
        raise Unmeasured(f"no clips in {options.data}")
    result: dict[str, Any] = {"clips": len(clips), "seeds": options.seeds}
    tallies = {}
    for scenario in (*SCENARIOS, "strange"):
        say(f"{scenario} …")
        tallies[scenario] = tally = scenario_run(clips, scenario, seeds=options.seeds, seed=options.seed)
        for example in tally.examples if options.show else ():
            say(f"  audible: {example}")
    result["strange"] = tallies.pop("strange").figures()
    result["scenarios"] = {name: tally.figures() for name, tally in tallies.items()}
    result["runs"] = sum(tally.runs for tally in tallies.values())
    result["audible"] = sum(tally.audible for tally in tallies.values())
    result["over_half_a_second"] = sum(one["over_half_a_second"] for one in result["scenarios"].values())
    result["over_worst_s"] = max(
        max(one["over_before_s"], one["over_after_s"]) for one in result["scenarios"].values()
    )
    if options.embedded:
        say("embedded recogniser …")
        result["embedded"] = asyncio.run(_embedded(clips, show=options.show))
    return result


def clips_read(path: Path) -> Iterator[Clip]:
    """Read the clips that a file names. Raises `Unmeasured` for what is no such file."""
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        for row in rows:
            rate, (pcm, *_others) = read_audio(path.parent / row["file"])
            yield clip_made(row, rate, pcm)
    except (OSError, ValueError, KeyError) as error:
        raise Unmeasured(f"{path}: {error!r}") from error


def clip_made(row: dict[str, Any], rate: int, pcm: bytes) -> Clip:
    """Put silence around a clip, so that what is beeped too much is seen."""
    lead, tail = (bytes(rate * ms // 1000 * 2) for ms in (LEAD_MS, TAIL_MS))
    times = [(one["digit"], 1000 * one["start"], 1000 * one["end"]) for one in row["digit_times"]]
    return Clip(
        row["id"],
        row["pii_type"],
        rate,
        (lead + pcm + tail)[: (len(lead + pcm + tail) // (rate // 1000 * 2)) * (rate // 1000 * 2)],
        tuple((digit, LEAD_MS + round(start), LEAD_MS + round(end)) for digit, start, end in times),
        LEAD_MS + 1000 * row["pii_start"],
        LEAD_MS + 1000 * row["pii_end"],
        tuple((LEAD_MS + start, LEAD_MS + end) for _digit, start, end in times),
    )


def scenario_run(clips: Sequence[Clip], scenario: str, *, seeds: int, seed: int) -> Tally:
    """Hear each clip `seeds` times as `scenario` says."""
    tally = Tally()
    for clip in clips:
        for number in range(seeds):
            lot = random.Random(f"{seed} {scenario} {clip.name} {number}")
            asked, noisy = lot.random() < 0.5, lot.random() < 0.5
            finals = list(finals_scripted(clip, scenario, lot))
            beeps = beeped(
                replace(clip, pcm=_noisy(clip.pcm, number)) if noisy else clip, finals, asked=asked
            )
            what = "asked" if asked else "unasked"
            tally.add(clip, beeps, f"{what}, {' | '.join(final.text for final in finals)}")
    return tally


def finals_scripted(clip: Clip, scenario: str, lot: random.Random) -> Iterator[Final]:
    """What a recogniser makes of the clip's digits."""
    words: list[list[Any]] = [[NAMES[digit], start, end] for digit, start, end in clip.digits]
    if scenario in ("substituted", "all"):
        for word, (digit, _start, _end) in zip(words, clip.digits, strict=True):
            if lot.random() < SHARE:
                word[0] = lot.choice(MISHEARD[digit])
    if scenario == "strange":
        for word in words:
            if lot.random() < SHARE:
                word[0] = lot.choice(STRANGE)
    if scenario in ("dropped", "all"):
        # A number of which much is missing is none that anybody could write down from it.
        gone = [index for index in range(len(words)) if lot.random() < SHARE][: len(words) // 3]
        words = [word for index, word in enumerate(words) if index not in gone]
    if scenario == "edge":
        words = words[1:] if lot.random() < 0.5 else words[:-1]
    # People say something around it, in the silence that the clips begin and end with.
    before = [["it's", LEAD_MS - 60, LEAD_MS + 200]] if lot.random() < 0.5 else []
    last_ms = round(clip.end_ms)
    after = [["okay", last_ms + 500, last_ms + 750]] if lot.random() < 0.5 else []
    words = [*before, *words, *after]
    if scenario in ("jitter", "edge", "all"):
        for word in words:
            start, end = (word[edge] + lot.randint(-OFF_MS, OFF_MS) for edge in (1, 2))
            word[1:] = [start, max(end, start + 10)]
    yield from _cut(words, 1 if lot.random() < 0.5 else lot.choice((2, 3)))


def _cut(words: list[list[Any]], parts: int) -> Iterator[Final]:
    size = -(-len(words) // parts)
    for first in range(0, len(words), size):
        some = tuple((str(word), start, end) for word, start, end in words[first : first + size])
        yield Final(some, min(one[1] for one in some), max(one[2] for one in some))


def _noisy(pcm: bytes, seed: int) -> bytes:
    said = np.frombuffer(pcm, "<i2").astype(np.float64)
    noise = np.random.default_rng(seed).normal(0.0, NOISE, len(said))
    return np.clip(np.rint(said + noise), -32768, 32767).astype("<i2").tobytes()


def beeped(clip: Clip, finals: Sequence[Final], *, asked: bool) -> list[tuple[int, int]]:
    """Take the finals as a live call does, and return what is beeped of the customer's channel.

    Raises AssertionError if what is stored is not the sound with these beeps.
    """
    redactor, roles = StreamRedactor(RedactionConfig()), ("agent", "customer")
    recorder = Recorder(sample_rate=clip.rate, channels=2, recorded_ms=0, state=None)
    if asked:
        redactor.redact_final("agent", RawText(ASKED[clip.type]), (), 500, 3_500)
    stored: list[Segment | None] = []
    added, late = 0, []
    for final in finals:
        # It comes when the voice has been silent for a while.
        added = _feed(recorder, clip, added, final.end_ms + 400)
        words = [HeardWord(RawText(word), start, end, 0.8) for word, start, end in final.words]
        found = redactor.redact_final("customer", RawText(final.text), words, final.start_ms, final.end_ms)
        late += recorder.hide(1, found.audio_intervals, found.audio_reach)
        recorder.spoken(1, found.words)
        number = redactor.open_number(final.end_ms)
        stored.append(recorder.take(final.end_ms, 1, number=number, roles=roles))
    whole_ms = len(clip.pcm) * 1000 // (2 * clip.rate)
    _feed(recorder, clip, added, whole_ms)
    stored.append(recorder.take(whole_ms, 1, all_of_it=True))
    beeps = sorted((start, end) for channel, start, end in recorder.state()["beeps"] if channel == 1)
    pcm = b"".join(segment.pcm for segment in stored if segment is not None)
    kept = np.frombuffer(pcm, "<i2").reshape(-1, 2)[:, 1]
    plain = np.frombuffer(clip.pcm, "<i2")
    outside = np.ones(len(plain), dtype=bool)
    for start, end in beeps:
        outside[start * clip.rate // 1000 : -(-end * clip.rate // 1000)] = False
    for _channel, start, end in late:  # these are beeped where they are stored
        kept = np.frombuffer(beep(kept.astype("<i2").tobytes(), clip.rate, [(start, end)]), "<i2")
    if len(kept) != len(plain) or not np.array_equal(kept[outside], plain[outside]):
        raise AssertionError("what is stored is not the sound with its beeps")
    alike = kept[~outside] == plain[~outside]
    if alike.size and alike.mean() > 0.5:
        raise AssertionError("what lies beneath the beeps is still there")
    return beeps


def _feed(recorder: Recorder, clip: Clip, from_ms: int, to_ms: int) -> int:
    to_ms = max(from_ms, min(to_ms, len(clip.pcm) * 1000 // (2 * clip.rate)))
    first, last = (ms * clip.rate // 1000 * 2 for ms in (from_ms, to_ms))
    recorder.add(from_ms, [bytes(last - first), clip.pcm[first:last]])
    return to_ms


def _outside(edges: tuple[float, float], beeps: Sequence[tuple[int, int]]) -> float:
    """Return how many milliseconds of [start, end) no beep covers."""
    start, end = edges
    left = 0.0
    for begin, stop in beeps:
        if stop <= start or begin >= end:
            continue
        left += max(0.0, begin - start)
        start = max(start, stop)
    return left + max(0.0, end - start)


async def _embedded(clips: Sequence[Clip], *, show: bool) -> dict[str, Any]:
    from engines.speech.sphinx import SphinxProvider

    provider = SphinxProvider()
    result, heard = {}, {}
    await provider.start()
    try:
        for clip in clips:
            session = await provider.open(
                channel=1, sample_rate=clip.rate, language="en-US", start_ms=0, call_id=clip.name
            )
            finals: list[Final] = []

            async def listen(session: Any = session, finals: list[Final] = finals) -> None:
                async for event in session:
                    if isinstance(event, Hypothesis) and event.final:
                        words = tuple((one.text.reveal(), one.start_ms, one.end_ms) for one in event.words)
                        finals.append(Final(words, event.start_ms, event.end_ms))

            listening = asyncio.create_task(listen())
            await session.feed(clip.pcm, 0)
            await session.finish()
            await listening
            heard[clip.name] = finals
    finally:
        await provider.close()
    for asked in (True, False):
        tally = Tally()
        for clip in clips:
            finals = heard[clip.name]
            tally.add(clip, beeped(clip, finals, asked=asked), " | ".join(final.text for final in finals))
        for example in tally.examples if show else ():
            say(f"  audible: {example}")
        result["asked" if asked else "unasked"] = tally.figures()
    return result
