"""What an utterance costs: the same late in a call as early, and hardly more with ten times the definitions.

The bounds are loose, for machines under load; each figure is the best of several rounds, in the processor's time, and
those that are compared take turns.
"""

import random
import time

from engines.rules import CompiledMoments, Heard, MomentEngine, MomentSpec

RNG = random.Random(3)
WORDS = ["".join(RNG.choices("abcdefghijklmnoprstuvw", k=RNG.randint(2, 8))) for _ in range(1_500)]
TEXTS = [" ".join(RNG.choices(WORDS, k=15)) for _ in range(120)]


def definitions(count):
    rng = random.Random(9)
    specs = []
    for number in range(count):
        first, second, third = rng.sample(WORDS, 3)
        if number % 5 == 4:
            specs.append(MomentSpec(f"m{number}", "M", "r", "pattern", pattern=rf"\b{first}\s+{second}\b"))
            continue
        phrases = (f"{first} {second}", f"{first} ... {third}", f"({second}|{third}) {first}*" + "abc")
        specs.append(
            MomentSpec(
                f"m{number}", "M", "r", "phrase", phrases=tuple(p.replace("*abc", "") for p in phrases)
            )
        )
    return CompiledMoments(specs)


def best(*ways):
    """Return, for each (definitions, first turn), the seconds that 60 utterances from that turn on take."""
    return [min(times) for times in zip(*([cost(*way) for way in ways] for _ in range(9)), strict=True)]


def cost(compiled, first):
    engine = MomentEngine(compiled)
    for turn in range(first):
        engine.hear(Heard(turn, "customer", turn * 3_000, turn * 3_000 + 2_000, TEXTS[turn % 60]))
    began = time.thread_time()
    for turn in range(first, first + 60):
        text = TEXTS[60 + (turn - first)]
        engine.hear(Heard(turn, "customer", turn * 3_000, turn * 3_000 + 2_000, text))
        engine.advance(turn * 3_000 + 2_000)
    return time.thread_time() - began


def test_turn_500_costs_what_turn_10_costs():
    compiled = definitions(300)
    assert compiled.refused == {}
    early, late = best((compiled, 10), (compiled, 500))
    assert late < 2 * early


def test_ten_times_the_definitions_cost_far_less_than_ten_times_the_time():
    few, many = best((definitions(100), 0), (definitions(1_000), 0))
    assert many < 4 * few
