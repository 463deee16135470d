"""What one utterance costs with many rules, early and late in a call.

Draws R rules over a vocabulary like that of speech (phrases with gaps, alternatives and stems, patterns, moments,
missing things, sequences, measures, fields, combinations), compiles them once, and plays calls of T turns through a
`RuleEngine`: for every turn the clock, then the utterance with the moments found in it. Each turn is timed by itself;
the figures at a turn are over the turns around it in all calls.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from typing import Any

from bench.report import Unmeasured, percentile, say
from engines.rules import CompiledMoments, Heard, MomentEngine, MomentSpec
from engines.rules.compiled import CompiledPolicies
from engines.rules.engine import RuleEngine
from engines.rules.reading import parse_policy

WHAT = "1,000 rules: one utterance, early and late in a call"
VOCABULARY = 4_000
MOMENTS = 100
AROUND = 5
_SYLLABLES = (
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "la",
    "me",
    "ni",
    "po",
    "ru",
    "sta",
    "tre",
    "vi",
    "wo",
    "zen",
    "ker",
)

# For every turn, what it took in each call: nanoseconds by the clock and of the processor.
_Took = list[list[tuple[int, int]]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Enter the options of this bench."""
    parser.add_argument("--rules", type=int, default=1_000, help="how many rules")
    parser.add_argument("--turns", type=int, default=500, help="how many turns a call has")
    parser.add_argument("--calls", type=int, default=60, help="how many calls are played")


class _Talk:
    """Words by lot, the frequent ones far more often than the rare ones, as in speech."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.words = sorted(
            {"".join(rng.choices(_SYLLABLES, k=rng.randint(1, 3))) for _ in range(VOCABULARY)}
        )
        rng.shuffle(self.words)
        self._weights = [1 / (rank + 10) for rank in range(len(self.words))]

    def text(self) -> str:
        """Say 4 to 30 words."""
        return " ".join(self._rng.choices(self.words, self._weights, k=self._rng.randint(4, 30)))

    def some(self, count: int) -> list[str]:
        """Return words that are said, but not in every sentence."""
        return self._rng.sample(self.words[20:], count)


def policy(rng: random.Random, talk: _Talk, count: int) -> dict[str, Any]:
    """Return a document of `count` rules."""
    return {"format": 1, "rules": [_rule(rng, talk, number) for number in range(count)]}


def _words(rng: random.Random, talk: _Talk) -> dict[str, Any]:
    first, second, third, fourth = talk.some(4)
    if rng.random() < 0.2:
        return {"pattern": rf"\b{first}\s+({second}|{third})\b", "speaker": rng.choice(["agent", "customer"])}
    phrases = [f"({first}|{second}) ... {third}", f"{second} {fourth}"]
    if len(first) >= 3:
        phrases.append(f"{first}* {fourth}")
    return {"phrases": phrases, "speaker": rng.choice(["agent", "customer", "any"])}


def _said(rng: random.Random, talk: _Talk) -> dict[str, Any]:
    return {"heard": f"m{rng.randrange(MOMENTS)}"} if rng.random() < 0.3 else _words(rng, talk)


def _rule(rng: random.Random, talk: _Talk, number: int) -> dict[str, Any]:
    draw = rng.random()
    when = _said(rng, talk)
    if draw < 0.15:
        within = rng.choice(
            [{"within_ms": rng.randrange(5_000, 60_000)}, {"within_turns": rng.randint(1, 6)}]
        )
        when = {"missing": _words(rng, talk), "after": when, **within}
    elif draw < 0.25:
        when = {"sequence": [when, _words(rng, talk)], "within_ms": 60_000}
    elif draw < 0.33:
        measure = rng.choice(["talk_share", "words_per_minute", "overtalk_ms", "sentiment", "silence_ms"])
        limit = {"talk_share": 0.5 + rng.random() / 2, "sentiment": rng.random() - 0.5}.get(measure)
        when = {"measure": measure, "above": limit if limit is not None else rng.randrange(100, 20_000)}
        if measure != "silence_ms":
            when["over_ms"] = rng.choice([30_000, 60_000, 120_000, 300_000])
    elif draw < 0.6:
        when = {
            "all": [
                when,
                {"field": "queue", "is": [rng.choice(["sales", "care", "retention"])]},
                {"not": _said(rng, talk) | {"for_ms": rng.randrange(10_000, 90_000)}},
            ]
        }
    elif draw < 0.7:
        when = {"any": [when, _said(rng, talk), _said(rng, talk) | {"nth": rng.randint(2, 4)}]}
    return {
        "id": f"r{number}",
        "name": f"Rule {number}",
        "when": when,
        "then": [{"do": "hint", "title": f"Hint {number}"}],
        "priority": rng.randint(0, 100),
        "cooldown_ms": rng.choice([20_000, 60_000, 300_000]),
        "expires_ms": rng.choice([20_000, 60_000]),
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Play the calls and return the figures."""
    if options.rules < 1 or options.turns < 1 or options.calls < 1:
        raise Unmeasured("rules, turns and calls must be at least 1")
    rng = random.Random(options.seed)
    talk = _Talk(rng)
    moments = CompiledMoments(
        [
            MomentSpec(f"m{at}", f"Moment {at}", "r", "phrase", phrases=(" ".join(talk.some(1)),))
            for at in range(MOMENTS)
        ]
    )
    document = policy(rng, talk, options.rules)
    began = time.perf_counter()
    compiled = CompiledPolicies(
        {"p": parse_policy(document)}, {f"m{at}": f"Moment {at}" for at in range(MOMENTS)}
    )
    compile_ms = (time.perf_counter() - began) * 1000
    say(f"compiled {len(compiled.rules)} rules with {len(compiled.leaves)} conditions in {compile_ms:.0f} ms")
    took: _Took = [[] for _ in range(options.turns)]
    decisions, state = 0, 0
    for _call in range(options.calls):
        more, state = _call_of(rng, talk, compiled, moments, took)
        decisions += more
    marks = [mark for mark in (10, 100, 500, options.turns) if mark <= options.turns]
    return {
        "rules": options.rules,
        "turns": options.turns,
        "calls": options.calls,
        "conditions": len(compiled.leaves),
        "compile_ms": round(compile_ms, 1),
        "decisions_per_call": round(decisions / options.calls, 1),
        "state_bytes_at_end": state,
        **_figures(took),
        "at_turn": {
            str(mark): _figures(took[max(0, mark - AROUND) : mark + AROUND]) for mark in dict.fromkeys(marks)
        },
    }


def _figures(took: _Took) -> dict[str, float]:
    """Percentiles by the clock, and by the processor's time, which other work on the machine does not spoil."""
    return {
        f"p{part}{name}_us": round(percentile([one[which] for each in took for one in each], part) / 1000, 1)
        for which, name in enumerate(("", "_cpu"))
        for part in (50, 99)
    }


def _call_of(
    rng: random.Random,
    talk: _Talk,
    compiled: CompiledPolicies,
    moments: CompiledMoments,
    took: _Took,
) -> tuple[int, int]:
    turns, at_ms = [], 0
    for sequence in range(len(took)):
        text = talk.text()
        lasts_ms = 350 * len(text.split())
        turns.append(Heard(sequence, ("agent", "customer")[sequence % 2], at_ms, at_ms + lasts_ms, text))
        at_ms += lasts_ms + rng.randrange(-400, 1_500)
    engine = RuleEngine(compiled, {"queue": rng.choice(["sales", "care", "retention"])})
    finder = MomentEngine(moments)
    decisions = len(engine.start())
    for turn, heard in enumerate(turns):
        found = finder.hear(heard)
        began, cpu = time.perf_counter_ns(), time.thread_time_ns()
        made = engine.advance(heard.start_ms)
        made += engine.hear(heard, found)
        cpu = time.thread_time_ns() - cpu
        took[turn].append((time.perf_counter_ns() - began, cpu))
        decisions += len(made)
    return decisions, len(json.dumps(engine.state()))
