"""Does a passage say what a sentence says: true and false pairs, and how good the check is at them."""

from __future__ import annotations

import pytest

from engines.retrieval.support import Evidence, support
from engines.retrieval.support_reading import sentences_of
from tests.engines.support_pairs import FALSE, SECOND_FALSE, SECOND_TRUE, TRUE


@pytest.mark.parametrize(
    ("true", "false", "recall"),
    [(TRUE, FALSE, 1.0), (SECOND_TRUE, SECOND_FALSE, 0.9)],
    ids=["first", "second"],
)
def test_how_good_it_is(
    true: list[tuple[str, str, str]],
    false: list[tuple[str, str, str, str]],
    recall: float,
    capsys: pytest.CaptureFixture[str],
) -> None:
    missed = [said for passage, about, said in true if not support(said, passage, context=about).holds]
    wrong = [said for passage, about, said, _why in false if support(said, passage, context=about).holds]
    held = len(true) - len(missed)
    with capsys.disabled():
        print(f"\nsupport: precision {held / (held + len(wrong)):.2f}, recall {held / len(true):.2f}")
    assert wrong == []
    assert held >= recall * len(true), missed


@pytest.mark.parametrize("empty", ["", "  ", "…", "The.", "# ", "[](x)", "\x00", "| --- |"])
def test_what_says_nothing_is_not_supported(empty: str) -> None:
    assert not support(empty, "The fee is £5.").holds
    assert not support("The fee is £5.", empty).holds


def test_words_of_one_meaning_are_the_company_s() -> None:
    passage = "A CLI needs a payslip."
    assert not support("A raise needs a payslip.", passage).holds
    assert support("A raise needs a payslip.", passage, synonyms=[["CLI", "raise"]]).holds


def test_it_says_why() -> None:
    evidence = Evidence("The fee is £5. Gifts are not taken back.", context="Fees")
    assert "6 gbp" in evidence.supports("The fee is £6.").reason
    assert "denies" in evidence.supports("Gifts are taken back.").reason
    assert evidence.supports("The fee is £5.").reason == ""


def test_a_hostile_passage_takes_no_time() -> None:
    long = "not only must the fee be £5 or more " * 3_000
    evidence = Evidence(long + "\n| a " * 2_000)
    assert not evidence.supports("The fee is £6 " * 50).holds


def test_lists_rows_and_wrapped_lines_are_told_apart() -> None:
    body = "One sentence\nover two lines. Another!\n\n- first [link](http://x)\n- **second**\n\n"
    body += "| a | b |\n|---|---|\n| 1 | 2 |"
    assert sentences_of(body) == [
        "One sentence over two lines.",
        "Another!",
        "first link",
        "second",
        "| a | b |",
        "| 1 | 2 |",
    ]
