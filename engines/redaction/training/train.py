"""Trains the sequence model: gather texts, write out features, fit a CRF, keep what weighs something."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pycrfsuite

from engines.redaction.scene import Topics
from engines.redaction.sequence.features import Lexicon, attributes, describe, gaps_of, is_cased
from engines.redaction.sequence.tagger import OUTSIDE, Weights
from engines.redaction.tokens import tokenise
from engines.redaction.training import corpus, pools
from engines.redaction.training.corpus import Example
from engines.redaction.training.generated import generate, hidden, lowered, refilled
from engines.redaction.training.values import NATIONALITIES

# Of the words that a list of names or towns has, this share is shown to training as if none had it: most names of the
# world are in no list of ours.
_UNLISTED = 0.3
_COMMON_FROM = 4
_ALONE = 0.1
NO_TOPICS = Topics()


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much material of our own, how often the written set is filled anew, and how long to fit.

    Weights below `least` are dropped.
    """

    written: int = 10_000
    spoken: int = 6_000
    refills: int = 3
    rounds: int = 60
    copies: int = 80
    every: int = 4
    redacted: int = 15
    minfreq: int = 2
    c1: float = 0.0
    c2: float = 0.3
    least: float = 0.01


def say(text: str) -> None:
    """Progress, for who waits."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def everyday(examples: Iterable[Example]) -> frozenset[str]:
    """Return words that stand outside of what is personal often enough to be everybody's."""
    counts: Counter[str] = Counter()
    for example in examples:
        utterance, labels = corpus.labelled(example)
        counts.update(
            token.low for token, label in zip(utterance.tokens, labels, strict=True) if label == OUTSIDE
        )
    return frozenset(word for word, count in counts.items() if count >= _COMMON_FROM and word.isalpha())


def lexicon(common: frozenset[str]) -> Lexicon:
    """Return the word lists."""

    def parts(names: Iterable[str], shortest: int = 2) -> frozenset[str]:
        return frozenset(
            token.low
            for name in names
            for token in tokenise(name).tokens
            if len(token.low) >= shortest and token.low.replace("'", "").isalpha()
        )

    return Lexicon(
        first=parts(name for one in pools.people() for name in one.first),
        last=parts((name for one in pools.people() for name in one.last), 3),
        cities=parts(pools.cities(), 4),
        countries=parts(pools.countries(), 4)
        - {"and", "the", "island", "islands", "united", "republic", "saint"},
        nations=frozenset(name.lower() for name in NATIONALITIES),
        common=common,
    )


def material(
    data: Path,
    seed: int,
    sizes: Sizes,
    written: Sequence[Example],
    spoken: Sequence[corpus.Call],
    topics: Topics,
) -> tuple[list[Example], frozenset[str]]:
    """Return all texts to learn from, and the everyday words.

    `written`: what may be seen of the Presidio set; `spoken`: the conversations, which speak of `topics`.
    """
    calls = corpus.turns_of(spoken, topics, sizes.copies)
    # A part of the intent sets: the rest of them shows how the model does on what it has not seen.
    none = [
        example
        for name in ("clinc150", "banking77")
        for example in corpus.plain(data / "intent" / f"{name}.jsonl")[:: sizes.every]
    ]
    documents = corpus.sentences(data.parent / "common" / "knowledge" / "tau_banking_docs.jsonl")
    none += [lowered(one) if i % 2 else one for i, one in enumerate(documents[:: sizes.every])]
    # As people speak: what is written in the one set, without its capitals.
    none += [lowered(one) for one in corpus.plain(data / "intent" / "banking77.jsonl")[1 :: 2 * sizes.every]]
    common = everyday([*calls, *none, *written]) | pools.everyday_words()
    made = generate(seed, sizes.written, sizes.spoken)
    again = refilled(seed + 1, list(written), sizes.refills)
    redacted = [hidden(example) for example in [*made, *again][:: sizes.redacted] if example.spans]
    return [*calls, *none, *made, *again, *written, *written, *redacted], common


def fit(
    examples: Sequence[Example],
    words: Lexicon,
    seed: int,
    sizes: Sizes,
    about: dict[str, object],
    topics: Topics = NO_TOPICS,
) -> tuple[Weights, bytes]:
    """Fit the CRF. Returns its weights, and CRFsuite's own model file."""
    lot = random.Random(seed)
    bare = words.without_names()
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params(
        {
            "c1": sizes.c1,
            "c2": sizes.c2,
            "max_iterations": sizes.rounds,
            "feature.minfreq": sizes.minfreq,
            "feature.possible_transitions": True,
        }
    )
    tokens = 0
    for example in examples:
        utterance, labels = corpus.labelled(example)
        if not utterance.tokens:
            continue
        cased = is_cased(example.text)
        found = [
            describe(
                example.text[token.start : token.end] if cased else token.low,
                cased,
                bare if lot.random() < _UNLISTED else words,
            )
            for token in utterance.tokens
        ]
        # A text may come alone, and a conversation may be joined in its middle.
        scene = example.scene if lot.random() >= _ALONE else ()
        trainer.append(pycrfsuite.ItemSequence(list(attributes(found, gaps_of(utterance), scene))), labels)
        tokens += len(labels)
    say(f"{len(examples)} texts, {tokens} tokens; fitting")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.crfsuite"
        trainer.train(str(path))
        say("fitted")
        about = {**about, "texts": len(examples), "tokens": tokens}
        return replace(weights_of(path, words, sizes.least, about), topics=topics), path.read_bytes()


def weights_of(path: Path, words: Lexicon, least: float, about: dict[str, object]) -> Weights:
    """Return the weights in a CRFsuite model, without those smaller than `least`."""
    opened = pycrfsuite.Tagger()
    opened.open(str(path))
    labels = (OUTSIDE, *sorted(label for label in opened.labels() if label != OUTSIDE))
    number = {label: i for i, label in enumerate(labels)}
    info = opened.info()
    features: dict[str, dict[int, float]] = {}
    for (name, label), value in info.state_features.items():
        if abs(value) >= least:
            features.setdefault(name, {})[number[label]] = value
    transitions = np.zeros((len(labels), len(labels)))
    for (a, b), value in info.transitions.items():
        transitions[number[a], number[b]] = value
    return Weights(labels, features, transitions, words, (0.0, 0.0), dict(about))
