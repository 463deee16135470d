"""The sequence model: labels as CRFsuite gives them, the same bytes for the same seed, and what it finds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from threading import Thread

import numpy as np
import pycrfsuite
import pytest

from engines.redaction.context import Context
from engines.redaction.redactor import RedactionConfig, redact
from engines.redaction.sequence import tagger as tagging
from engines.redaction.sequence.detector import SequenceDetector
from engines.redaction.sequence.features import Lexicon, attributes, describe, gaps_of, is_cased
from engines.redaction.sequence.tagger import Tagger, Weights, pack, tagger, unpack
from engines.redaction.text import RawText
from engines.redaction.tokens import tokenise
from engines.redaction.training import corpus
from engines.redaction.training.generated import LABEL_OF, filled, generate, refilled, templates
from engines.redaction.training.train import Sizes, everyday, fit
from engines.redaction.vocabulary import TYPES

SMALL = Sizes(written=250, spoken=250, refills=0, rounds=12, copies=1, minfreq=1, least=0.0)


@pytest.fixture(scope="module")
def trained() -> tuple[Weights, bytes, Lexicon]:
    examples = generate(3, SMALL.written, SMALL.spoken)
    names = frozenset({"anna", "peter", "maria", "ivan", "smith", "olsen"})
    none: frozenset[str] = frozenset()
    words = Lexicon(names, names, frozenset({"paris"}), none, none, everyday(examples))
    weights, raw = fit(examples, words, 5, SMALL, {})
    return weights, raw, words


def found(text: str) -> dict[str, str]:
    spans = SequenceDetector().find(tokenise(text), Context())
    return {text[span.start : span.end]: span.type for span in spans}


def test_labels_are_those_of_crfsuite(trained: tuple[Weights, bytes, Lexicon], tmp_path: Path) -> None:
    weights, raw, words = trained
    (tmp_path / "model").write_bytes(raw)
    theirs = pycrfsuite.Tagger()
    theirs.open(str(tmp_path / "model"))
    ours = Tagger(weights)
    labelled = 0
    for example in generate(11, 150, 150):
        utterance = tokenise(example.text)
        if not utterance.tokens:
            continue
        cased = is_cased(example.text)
        described = [
            describe(example.text[t.start : t.end] if cased else t.low, cased, words)
            for t in utterance.tokens
        ]
        expected = theirs.tag(pycrfsuite.ItemSequence(list(attributes(described, gaps_of(utterance)))))
        assert [ours.labels[label] for label in ours.tag(utterance, 0.0)[0]] == expected
        labelled += sum(label != "O" for label in expected)
    assert labelled > 300


def test_the_same_seed_gives_the_same_model(trained: tuple[Weights, bytes, Lexicon]) -> None:
    weights, _raw, words = trained
    again, _ = fit(generate(3, SMALL.written, SMALL.spoken), words, 5, SMALL, {})
    assert pack(again) == pack(weights)
    assert pack(weights) != pack(replace(weights, outside_bias=(0.5, 0.5)))


def test_a_model_file_gives_back_what_was_put_in(trained: tuple[Weights, bytes, Lexicon]) -> None:
    weights = trained[0]
    back = unpack(pack(weights))
    assert (back.labels, back.lexicon, back.features.keys()) == (
        weights.labels,
        weights.lexicon,
        weights.features.keys(),
    )
    assert np.allclose(back.transitions, weights.transitions, atol=1e-5)
    with pytest.raises(ValueError, match="not a redaction model"):
        unpack(b"something else")


def test_words_are_worked_out_anew_when_the_store_is_full(
    trained: tuple[Weights, bytes, Lexicon], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Tagger(trained[0])
    monkeypatch.setattr(tagging, "_WORDS_KEPT", 40)
    small = Tagger(trained[0])
    texts = [tokenise(example.text) for example in generate(12, 60, 60)]
    texts = [text for text in texts if len(text.tokens) < 38]
    assert [small.tag(text) for text in texts] == [expected.tag(text) for text in texts]


def test_a_text_longer_than_the_store_is_labelled_all_the_same(
    trained: tuple[Weights, bytes, Lexicon], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tokenise(" ".join(f"{example.text}." for example in generate(13, 40, 0)))
    expected = Tagger(trained[0]).tag(text)
    monkeypatch.setattr(tagging, "_WORDS_KEPT", 10)
    assert Tagger(trained[0]).tag(text) == expected


def test_threads_share_a_tagger(trained: tuple[Weights, bytes, Lexicon]) -> None:
    shared, texts = Tagger(trained[0]), [tokenise(example.text) for example in generate(14, 80, 80)]
    alone = Tagger(trained[0])
    expected = [alone.tag(text) for text in texts]
    results: list[list[object]] = [[] for _ in range(4)]

    def work(number: int) -> None:
        results[number] = [shared.tag(text) for text in texts]

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_the_model_knows_types_of_the_vocabulary_alone() -> None:
    assert set(tagger().labels[1:]) <= TYPES.keys()
    assert set(LABEL_OF.values()) <= TYPES.keys()
    assert set(corpus.LABELS.values()) <= TYPES.keys()
    assert tagging.MODEL.stat().st_size < 4_000_000


@pytest.mark.parametrize(
    ("text", "part", "kind"),
    [
        ("my name is kumar rajan and i need some help", "kumar rajan", "NAME"),
        ("yes the last four of my social are 4471", "4471", "SSN"),
        ("i live at 12 oak street springfield", "12 oak street springfield", "ADDRESS"),
        ("zip code is 30316", "30316", "POSTCODE"),
        ("my password is tiger 77", "tiger 77", "PASSWORD"),
        ("Please send it to Mrs. Elena Novak as soon as you can.", "Elena Novak", "NAME"),
    ],
)
def test_what_it_finds(text: str, part: str, kind: str) -> None:
    assert found(text).get(part) == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "i would like to upgrade my phone to a bigger plan",
        "can i have your account number please",
        "it costs forty nine dollars a month for twelve months",
        "is there anything else that i can help you with today",
        "the flight leaves at half past nine",
        "[NAME] called about [CREDIT_CARD]",
    ],
)
def test_what_it_leaves(text: str) -> None:
    assert found(text) == {}


def test_every_template_can_be_filled_and_its_spans_lie_in_the_text() -> None:
    import random

    from engines.redaction.training.fillers import Fillers

    fillers = Fillers(random.Random(1))
    for kind in ("written", "spoken", "none"):
        fillers.spoken = kind != "written"
        for template in templates(kind):
            example = filled(fillers.lot, fillers, template)
            assert all(0 <= start <= end <= len(example.text) for start, end, _ in example.spans)
            assert "{" not in example.text
    assert generate(5, 20, 20) == generate(5, 20, 20) != generate(6, 20, 20)


def test_refilling_changes_the_values_and_keeps_the_rest() -> None:
    example = corpus.Example("Ask Ann about it", ((4, 7, "NAME"),))
    (again,) = refilled(2, [example], 1)
    start, end, _ = again.spans[0]
    assert (again.text[:start], again.text[end:]) == ("Ask ", " about it")


def test_the_public_sets_are_read(shared_data: Path) -> None:
    calls = corpus.calls(shared_data / "dev" / "dialog" / "multidogo.jsonl")
    topics = corpus.topics_of(calls)
    assert len(topics.sectors) > 3 and len(topics.words) > 100
    turns = corpus.turns_of(calls, topics, 1)
    assert len(turns) == len({(turn.text, turn.spans) for turn in turns}) > 1000
    assert all(len(turn.scene) == 4 for turn in turns)
    written = corpus.texts(shared_data / "dev" / "pii" / "presidio_synth_v2.jsonl")
    assert len({template for template, _ in written}) > 50
    assert json.dumps(sorted({label for _, one in written for *_, label in one.spans}))


def test_the_company_s_own_name_is_nobody_s() -> None:
    greeting = "Good afternoon, this is Sofia at Northwind Broadband."
    config = RedactionConfig(ours=("Northwind Broadband",))
    assert redact(RawText(greeting), config).text == "Good afternoon, this is [NAME] at Northwind Broadband."
    assert "Northwind" not in redact(RawText(greeting)).text, "or this test says nothing"
    named = "Please send it to John Lewis as soon as you can."
    hidden = redact(RawText(named), RedactionConfig(ours=("John Lewis",))).text
    assert hidden == redact(RawText(named)).text and "Lewis" not in hidden
