"""Intent classifiers: reading examples, learning, guessing, refusing, storing without pickles, drift."""

from __future__ import annotations

import io
import json
import pickle
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from engines.intents import (
    BINS,
    OUT_OF_SCOPE,
    Drift,
    Example,
    IntentModel,
    UnusableFile,
    UnusableModel,
    check_examples,
    drift,
    read_examples,
)
from engines.intents.features import Reader, Weighting, count
from engines.intents.figures import Judged, figures_of
from engines.intents.forms import english_forms
from engines.intents.text import words_of
from engines.intents.training import Untrainable, train
from tests.intents_made import INTENTS, QUICK, as_jsonl, examples, trained


def test_both_formats_give_the_same_examples():
    lines = as_jsonl()
    table = "text;intent\n" + "\n".join(f'"{one.text}";{one.intent}' for one in examples())
    one, two = read_examples(lines), read_examples(("\ufeff" + table).encode())
    assert [(each.text, each.intent) for each in one.usable] == [
        (each.text, each.intent) for each in two.usable
    ]
    assert (one.usable[0].line, two.usable[0].line) == (1, 2)
    assert one.counts[OUT_OF_SCOPE] == 10


def test_bad_lines_are_told_by_line_and_left_out():
    data = b"\n".join(
        [
            b'{"text": "I lost it", "intent": "lost"}',
            b"no json",
            b'{"text": "", "intent": "lost"}',
            b'{"text": "hello there"}',
            b'["list"]',
            b'{"text": "i LOST  it", "intent": "lost"}',
            b'{"text": "I lost it", "intent": "found"}',
            b'{"text": "x", "intent": "<b>"}',
            b'{"text": "' + b"y" * 2001 + b'", "intent": "long"}',
        ]
    )
    found = read_examples(data)
    assert [one.text for one in found.usable] == ["I lost it"]
    assert found.repeated == 1
    assert [one.line for one in found.complaints] == [2, 3, 4, 5, 7, 8, 9]
    assert "line 1" in next(one.sentence for one in found.complaints if one.line == 7)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"words,labels\na,b", "text"),
        (b'text,intent\n"a\x00,b",one', "zero byte"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(data, word):
    try:
        found = read_examples(data)
    except UnusableFile as error:
        assert word in str(error)
    else:
        assert not found.usable
        assert any(word in one.sentence for one in found.complaints)


def test_too_few_examples_or_intents_are_refused():
    few = [Example(f"text {at}", "one") for at in range(9)] + [Example("other", "two")]
    assert "two" in check_examples(few)[0].sentence
    assert "At least 2 intents" in check_examples([Example("text", "one")])[0].sentence
    with pytest.raises(Untrainable, match="Too few"):
        train(few)


@pytest.mark.parametrize("english", [False, True])
def test_one_text_is_read_as_many_are(english):
    counts = count([one.text for one in examples()], english=english)
    rows = np.arange(0, counts.texts, 2)
    weighting = Weighting.learn(counts, rows, most=10_000)
    matrix, unknown = weighting.apply(counts)
    grams = [counts.grams[one] for one in weighting.columns]
    reader = Reader(grams, weighting.rarity, weighting.unknown, english=english)
    for at, one in enumerate(examples()):
        columns, values, strange = reader.read(one.text)
        dense = np.zeros(matrix.shape[1], np.float32)
        dense[columns] = values
        assert np.allclose(dense, matrix[at].toarray()[0], atol=1e-5)
        assert np.allclose(strange, unknown[at], atol=1e-5)


def test_it_learns_guesses_and_refuses():
    found = trained()
    assert found.figures["accuracy"] > 0.9
    assert found.figures["oos_recall"] is not None
    assert found.model.guess("please cancel my subscription").intent == "cancel"
    lost = found.model.guess("sorry, I lost my card!", ranked=3)
    assert (lost.intent, lost.refused) == ("card_lost", False)
    assert lost.ranked[0][0] == "card_lost"
    assert len(lost.ranked) == 3
    strange = found.model.guess("xylophones quench my volcano")
    assert strange.refused
    assert strange.score < lost.score
    for text in ("", "   ", "?!", "字" * 3000, "a" * 5000, "ﷺ" * 700):
        assert 0.0 <= found.model.guess(text).score <= 1.0


def test_the_same_examples_give_the_same_model():
    again = train(examples(), QUICK)
    assert again.model.to_bytes() == trained().model.to_bytes()
    assert again.figures == trained().figures


def test_two_intents_without_out_of_scope_and_progress():
    heard: list[float] = []
    two = [one for one in examples() if one.intent in ("cancel", "balance")]
    found = train(two, QUICK, heard.append)
    assert found.figures["oos_recall"] is None
    assert found.figures["refused_without_own_intent"] is not None
    assert found.model.guess("show me my balance").intent == "balance"
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_a_model_is_stored_without_pickles_and_read_back():
    model = trained().model
    data = model.to_bytes()
    again = IntentModel.from_bytes(data)
    for one in examples()[::7]:
        assert again.guess(one.text) == model.guess(one.text)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    for name, content in (
        ("bias.npy", pickle.dumps({"a": 1})),
        ("rows.npy", parts["bias.npy"]),
        ("model.json", b'{"format": 99}'),
        ("curves.npy", b""),
    ):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as file:
            for each, kept in (parts | {name: content}).items():
                file.writestr(each, kept)
        with pytest.raises(UnusableModel):
            IntentModel.from_bytes(target.getvalue())
    objects = io.BytesIO()
    np.save(objects, np.array([{"run": "me"}], dtype=object), allow_pickle=True)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for each, kept in (parts | {"bias.npy": objects.getvalue()}).items():
            file.writestr(each, kept)
    with pytest.raises(UnusableModel):
        IntentModel.from_bytes(target.getvalue())
    for broken in (b"", b"PK", data[: len(data) // 2]):
        with pytest.raises(UnusableModel):
            IntentModel.from_bytes(broken)


def _meant(intents: list[str], seed: int) -> np.ndarray:
    """Vectors of length 1 near a direction for each intent, as a model of meaning gives them."""
    lot = np.random.default_rng(seed)
    ways = {name: at for at, name in enumerate(sorted(set(INTENTS)))}
    rows = lot.normal(0.0, 0.15, (len(intents), 12))
    for at, intent in enumerate(intents):
        rows[at, ways.get(intent, 8 + at % 4)] += 1.0
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_what_a_text_means_is_learned_beside_its_words():
    given = examples()
    found = train(given, QUICK, vectors=_meant([one.intent for one in given], 3), space="made-12")
    model = IntentModel.from_bytes(found.model.to_bytes())
    assert (model.beside.space, model.beside.dense.shape) == ("made-12", (12, len(model.bias)))
    assert (
        found.figures["accuracy"] >= found.figures["words_alone"]["accuracy"] == trained().figures["accuracy"]
    )
    cancel, card, none = _meant(["cancel", "card_lost", "oos"], 4)
    # Words that were never seen, and what they mean.
    assert model.guess("kündigen bitte", vector=cancel).intent == "cancel"
    assert model.guess("kündigen bitte", vector=card).intent == "card_lost"
    assert model.guess("please cancel my subscription", vector=cancel).refused is False
    assert model.guess("tell me a joke about cats", vector=none).refused is True
    # Where no vector came, or one of another model, words alone decide.
    for vector in (None, cancel[:5]):
        for text in ("please cancel my subscription", "kündigen bitte"):
            assert model.guess(text, ranked=2, vector=vector) == trained().model.guess(text, ranked=2)


def test_a_guess_takes_less_than_a_millisecond():
    model = trained().model
    text = "i would like to know why my card was stolen and how i can " * 4
    model.guess(text)
    took = []
    for _ in range(50):
        begun = time.process_time()
        model.guess(text)
        took.append(time.process_time() - begun)
    assert sorted(took)[len(took) // 2] < 0.001


def test_figures_count_what_was_refused():
    judged = [
        Judged("a", "a", 0.9, False),
        Judged("a", "b", 0.8, False),
        Judged("b", "b", 0.2, True),
        Judged("oos", "a", 0.1, True),
        Judged("oos", "b", 0.7, False),
    ]
    figures = figures_of(judged)
    assert figures["accuracy"] == 0.6667
    assert figures["in_scope_accuracy"] == 0.3333
    assert figures["accepted"] == 0.6667
    assert figures["accepted_accuracy"] == 0.5
    assert figures["oos_recall"] == 0.5
    assert figures["mixed_up"][0] == {"intent": "a", "guess": "b", "texts": 1}
    by_intent = {row["intent"]: row for row in figures["per_intent"]}
    assert (by_intent["a"]["precision"], by_intent["a"]["recall"]) == (1.0, 0.5)
    # One out-of-scope text was taken for b, and so was one a.
    assert by_intent["b"]["precision"] == 0.0


def test_drift_is_told_from_noise():
    lot = np.random.default_rng(5)
    then = np.bincount(
        np.minimum(BINS - 1, (lot.beta(6, 1, 4000) * BINS).astype(int)), minlength=BINS
    ).tolist()
    same = np.bincount(
        np.minimum(BINS - 1, (lot.beta(6, 1, 900) * BINS).astype(int)), minlength=BINS
    ).tolist()
    other = np.bincount(
        np.minimum(BINS - 1, (lot.beta(3, 2, 900) * BINS).astype(int)), minlength=BINS
    ).tolist()
    assert drift(then, same).verdict == Drift.NONE
    moved = drift(then, other)
    assert moved.verdict == Drift.MUCH
    assert moved.psi is not None
    assert moved.ks is not None
    assert moved.ks > 0.2
    assert drift(then, [1] * BINS).verdict == Drift.UNKNOWN
    with pytest.raises(ValueError, match="bins"):
        drift(then, [1, 2])


def test_forms_of_an_english_word_are_one():
    same = (
        ("I didn't get charged for my cards", "I did not get charging for my card"),
        ("he paid twice; they're declined", "he pays twice, they are declining"),
        ("it stopped, children lost it", "it stops, child loses it"),
        ("companies can't top-up", "company could not top up"),
    )
    for one, two in same:
        assert english_forms(words_of(one)) == english_forms(words_of(two))
    for word in ("[credit_card]", "this", "business", "bus", "need", "字"):
        assert english_forms([word]) == [word]


def test_english_is_read_by_forms_and_other_languages_as_written():
    assert trained().model.english
    german = [
        Example(f"{one} {two}", intent)
        for intent, ends in {
            "karte": ("meine Karte ist weg", "die Karte fehlt"),
            "geld": ("wo ist mein Geld",),
        }.items()
        for one in ("hallo", "guten Tag", "bitte", "servus", "moin")
        for two in ends
    ]
    assert not train(german, QUICK).model.english


def test_a_model_of_the_older_format_reads_words_as_written():
    model = trained().model
    data = io.BytesIO(model.to_bytes())
    target = io.BytesIO()
    with zipfile.ZipFile(data) as file, zipfile.ZipFile(target, "w") as older:
        for name in file.namelist():
            part = file.read(name)
            if name == "model.json":
                head = json.loads(part)
                del head["english"]
                part = json.dumps(head | {"format": 1}).encode()
            older.writestr(name, part)
    again = IntentModel.from_bytes(target.getvalue())
    assert not again.english
    assert again.to_bytes() == replace(model, english=False).to_bytes()
