"""Retrieval: names and sentences decide, slips are forgiven, and nothing is found for nothing."""

from __future__ import annotations

from collections import Counter

import pytest

from engines.retrieval import Index, Question, Text, TextPassage, rank
from engines.retrieval.index import UNIT_PASSAGES, names_asked
from engines.retrieval.sentences import LENGTH, MOST, read
from engines.retrieval.spelling import corrected
from engines.retrieval.synonyms import widened
from engines.retrieval.words import talk, title_says


def words(text: str) -> dict[int, str]:
    return dict(enumerate(text.lower().split(), 1))


def text_of(title: str, *passages: str, **says: bool) -> Text:
    """A text; what stands before a colon in a passage is the heading above it."""
    cut = [passage.rpartition(":") for passage in passages]
    return Text(
        title,
        words(title),
        [
            TextPassage(f"{title}#{at}", Counter(body.split()), Counter(heading.split()))
            for at, (heading, _colon, body) in enumerate(cut)
        ],
        **says,
    )


def index_of(*texts: Text) -> Index:
    index = Index()
    for text in texts:
        index.put(text)
    return index


def found(index: Index, *sentences: str, most: int = 10, **more: object) -> list[str]:
    question = Question([words(one) for one in sentences], **more)  # type: ignore[arg-type]
    return [hit.passage for hit in rank(index.snapshot(), question, most)]


CARDS = (
    text_of("green card", "the green card has a fee of ten", "points are paid each month"),
    text_of("light green card", "the light green card has no fee", "points expire"),
    text_of("blue card", "the blue card has a fee of five"),
    text_of("letters", "the lost and found of letters is in the hall"),
)


def test_a_name_is_read_at_its_longest() -> None:
    index = index_of(
        *CARDS, text_of("green card promo", "ten more"), text_of("light green card promo", "more")
    )
    assert names_asked(words("my light green card is lost"), index.snapshot().names) == {"light green card"}
    assert found(index, "fee of the light green card")[0] == "light green card#0"
    assert found(index, "fee of the green card")[0] == "green card#0"


def test_each_sentence_finds_what_it_is_about() -> None:
    index = index_of(
        text_of("disputes", "charge dispute form charge dispute deadline"),
        text_of("replacement", "new plastic by courier"),
        text_of("all of it", "charge courier and other matters of little weight in many words besides"),
    )
    texts = [
        one.partition("#")[0] for one in found(index, "a charge to dispute by the form", "plastic by courier")
    ]
    assert set(texts[:2]) == {"disputes", "replacement"}


def test_talk_is_left_out_of_what_was_said_and_kept_in_what_was_typed() -> None:
    index = index_of(
        text_of("we are here to help", "tell us what you want to know and we help you know what you want"),
        text_of("waiver", "an agent may grant a waiver of a late fee once a year by the form for it"),
        text_of("change of name", "bring the name and the form"),
    )
    said = "i want to know and you tell us what you want so please help us know"
    talked = frozenset(said.split()) | frozenset(["an", "is", "name", "the"])
    assert found(index, said, "there is a late fee in the statement", talk=talked)[0].startswith("waiver")
    assert found(index, "name", talk=talked) == ["change of name#0"]


def test_of_two_on_one_thing_the_procedure_and_the_overview_come_first() -> None:
    plain = ("refund by card takes five days", "refund by card takes five days")
    for says in ("for_the_house", "overview"):
        index = index_of(text_of("a", plain[0]), text_of("b", plain[1], **{says: True}))
        assert found(index, "refund by card")[0] == "b#0", says


def test_long_texts_are_ranked_in_parts_and_headings_stand_for_what_is_under_them() -> None:
    many = [f"page {number} of filling" for number in range(UNIT_PASSAGES * 2)]
    many[UNIT_PASSAGES + 3] = "late fees:it is waived once"
    index = index_of(text_of("handbook", *many), text_of("other", "nothing of that"))
    snapshot = index.snapshot()
    assert snapshot.units == 3
    assert found(index, "late fees")[0] == f"handbook#{UNIT_PASSAGES + 3}"
    # Only its title has the words: the beginning says what it is about.
    assert found(index, "handbook")[0] == "handbook#0"


def test_what_is_put_again_or_dropped_is_not_found_any_more() -> None:
    index = index_of(*CARDS)
    index.put(text_of("blue card", "the blue card is gone"))
    assert found(index, "five") == []
    index.drop("letters")
    index.drop("letters")
    assert found(index, "letters") == []
    assert len(index) == 3
    assert found(Index(), "anything") == []
    assert found(index, "") == [] and found(index, "zebra") == []


def test_a_passage_that_has_half_of_what_is_asked_says_so() -> None:
    snapshot = index_of(*CARDS).snapshot()

    def covers(asked: str) -> float:
        return rank(snapshot, Question([words(asked)]), 5)[0].covers

    assert covers("blue card fee") == pytest.approx(1.0)
    assert 0 < covers("blue zebra giraffe") < 0.5


def test_words_instead_are_tried_and_weigh_less() -> None:
    index = index_of(*CARDS)
    assert found(index, "lettres") == []
    assert found(index, "lettres", instead={"letters": 0.8}) == ["letters#0"]
    snapshot = index.snapshot()
    assert snapshot.beginning("l", 5) == ["letters", "light", "lost"][:5] or "letters" in snapshot.beginning(
        "l", 5
    )
    assert snapshot.beginning("zz", 5) == []


@pytest.mark.parametrize(
    ("slip", "right"),
    [
        ("refnd", "refund"),
        ("reufnd", "refund"),
        ("refumd", "refund"),
        ("rrefund", "refund"),
        ("refund", None),
        ("ref", None),
        ("xyzzy", None),
        ("refund1", None),
        ("erfund", "refund"),
        ("mund", None),
        ("nreplaced", None),
        ("ireplac", "replac"),
        ("replacem", "replac"),
    ],
)
def test_slips(slip: str, right: str | None) -> None:
    assert corrected(slip, {"refund": 5, "refuse": 1, "fund": 9, "replac": 2}) == right


def test_reading_what_was_asked() -> None:
    typed = read('refund "late fee" -card -"no way"')
    assert (typed.sentences, typed.phrases, typed.without, typed.typed) == (
        ("refund late fee",),
        ("late fee",),
        ("card", "no way"),
        True,
    )
    said = read("I was charged twice. “Why is that?” he said: I want it back!\n" * 8)
    assert not said.typed and said.phrases == ()
    assert "I was charged twice." in said.sentences and "I want it back!" in said.sentences
    for nothing in ("", "  ", "\x00", "- - -", '""'):
        assert read(nothing).is_empty, nothing
    assert len(read("word. " * 5000).sentences) == MOST
    assert sum(len(one) for one in read("x" * 20_000).sentences) <= LENGTH


def test_words_of_one_meaning_stand_beside_what_was_asked() -> None:
    groups = [["CLI", "credit limit increase"], ["fee", "charge", "cost"]]
    assert widened(["a cli, please", "nothing"], groups) == [
        ["a cli, please", "credit limit increase"],
        ["nothing"],
    ]
    assert widened(["no fees or client"], groups) == [["no fees or client"]]
    assert widened(["fee and charge"], groups) == [["fee and charge", "cost"]]
    assert widened(["(a|b)*"], [["(a|b)*", "c++"]]) == [["(a|b)*", "c++"]]


def test_what_a_title_says() -> None:
    says = title_says("Internal: Opening accounts", "en-GB")
    assert (says.for_the_house, says.overview) == (True, False)
    assert title_says("Blue Account at a glance", "en").overview
    assert not title_says("International transfers", "en").for_the_house
    assert title_says("Interne Anweisung", "fr").for_the_house
    assert not title_says("Internal", "tlh").for_the_house
    assert talk("tlh") == [] and "please" in talk("en")
