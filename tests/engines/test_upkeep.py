"""What contradicts, what stands twice, and which questions are alike: pure Python over texts."""

from __future__ import annotations

import pytest

from engines.upkeep.contradictions import contradictions
from engines.upkeep.duplicates import duplicates
from engines.upkeep.questions import groups, middle
from engines.upkeep.statements import Passage
from engines.upkeep.values import values_in


def passage(document: str, title: str, text: str, headings: str = "") -> Passage:
    return Passage(document, document, title, f"{title} › {headings}" if headings else title, text)


@pytest.mark.parametrize(
    ("text", "kind", "low", "high"),
    [
        ("it costs £1,250.50 a year", "amount £", 1250.5, 1250.5),
        ("it costs 20 pounds", "amount £", 20, 20),
        ("within two weeks", "time", 14 * 86_400, 14 * 86_400),
        ("takes three to five working days", "working days", 3, 5),
        ("in 24 hours", "time", 86_400, 86_400),
        ("a rate of 2.5 percent", "share", 2.5, 2.5),
        ("from 1 March 2026 on", "date", 20_260_301, 20_260_301),
        ("by 2026-03-01", "date", 20_260_301, 20_260_301),
        ("we open at 9:30 am", "clock", 570, 570),
        ("after 3 attempts it locks", "count attempt", 3, 3),
        ("nach zwei Wochen", "time", 14 * 86_400, 14 * 86_400),
    ],
)
def test_values_are_read_in_units_that_compare(text: str, kind: str, low: float, high: float) -> None:
    (value,) = values_in(text)
    assert (value.kind, value.low, value.high) == (kind, low, high)


def contradicting(left: Passage, right: Passage) -> list[tuple[str, str, str]]:
    return [
        (one.kind, left.text[slice(*one.left_marks[0])] if one.left_marks else "",
         right.text[slice(*one.right_marks[0])] if one.right_marks else "")
        for one in contradictions([left, right])
    ]  # fmt: skip


def test_another_figure_for_the_same_matter_contradicts() -> None:
    left = passage("a", "Refunds", "Say sorry first.\n\nRefunds to the card take three to five working days.")
    right = passage("b", "Refunds 2026 (updated)", "Refunds to the card take 10 working days. Say when.")
    assert contradicting(left, right) == [("working days", "three to five working days", "10 working days")]
    # The same, said in another unit or within the range, contradicts nothing.
    for same in (
        "Refunds to the card take four working days.",
        "Refunds to the card take 3-5 business days.",
    ):
        assert contradicting(left, passage("b", "Refunds", same)) == []


def test_one_denies_what_the_other_says() -> None:
    left = passage("a", "Late fees", "A late fee may be waived for loyal customers.")
    right = passage("b", "Late fees (updated)", "A late fee may never be waived for loyal customers.")
    assert contradicting(left, right) == [("denial", "", "never")]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        # Two cards, two fees.
        (("Gold card", "The yearly fee is £50 a card."), ("Silver card", "The yearly fee is £20 a card.")),
        # One title is a longer name.
        (("Gold account", "The daily deposit limit is £50."), ("Gold Plus account", "The daily deposit limit is £90.")),
        # Which of two limits.
        (("Limits", "The minimum transfer amount is £5."), ("Limits", "The maximum transfer amount is £500.")),
        # Several figures in a sentence are of several things.
        (("Plans", "Basic costs £5 and Plus costs £9 monthly."), ("Plans", "Basic costs £6 and Plus £8 monthly.")),
        # Other units.
        (("Returns", "Returns are free within 14 days."), ("Returns", "Returns are free within 10 working days.")),
    ],
)  # fmt: skip
def test_what_is_of_two_matters_does_not(left: tuple[str, str], right: tuple[str, str]) -> None:
    assert contradicting(passage("a", *left), passage("b", *right)) == []


NOTICE = (
    "When a customer was charged twice, check that both payments have settled, refund the second payment in full and "
    "tell the customer on which date the money will be there. Note it in the case and close it."
)


def test_duplicates_are_of_two_documents_and_not_made_after_one_pattern() -> None:
    (twins,) = duplicates(
        [
            passage("a", "Refunds", NOTICE),
            passage("b", "Double charges", NOTICE.replace("Note it", "Write it")),
            passage("b", "Double charges", NOTICE),
        ]
    )
    assert (twins.left, twins.right, twins.share) == ("a", "b", 0.5) or twins.share > 0.4
    of_gold, of_silver = (
        passage(name, f"{name} card", NOTICE.replace("customer", f"{name} customer"))
        for name in ("Gold", "Silver")
    )
    assert duplicates([of_gold, of_silver]) == []
    figure = passage("c", "Refunds", NOTICE + " It takes 5 days to arrive.")
    assert duplicates([figure, passage("d", "Refunds", NOTICE + " It takes 9 days to arrive.")]) == []


def test_groups_of_questions_keep_their_number_as_they_grow() -> None:
    asked = [
        "can I pay in crypto",
        "do you accept crypto payment",
        "is it possible to pay with crypto currency",
        "where is my parcel",
        "my parcel has not arrived where is it",
        "do you sponsor football clubs",
    ]
    first = groups(asked, [None] * len(asked))
    assert first[0] == first[1] == first[2] is not None
    assert first[3] == first[4] is not None and first[3] != first[0]
    assert first[5] is None, "one question is no gap"
    more = groups([*asked, "paying by crypto?", "why is the parcel not here"], [*first, None, None])
    assert more[: len(asked)] == first
    assert more[6] == first[0] and more[7] == first[3]
    assert asked[middle(asked[:3])] in asked[:3]
    assert groups(["", "of the"], [None, None]) == [None, None]
