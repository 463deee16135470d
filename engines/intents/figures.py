"""How good guesses are, counted: overall, by intent, and which intents are taken for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engines.intents.drift import histogram
from engines.intents.examples import OUT_OF_SCOPE

MIXED_UP = 40  # pairs that are kept
RELIABILITY_BINS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """One text: what it is, what it was taken for before any refusing, how sure that was (0..1), whether refused."""

    intent: str
    guess: str
    score: float
    refused: bool

    @property
    def right(self) -> bool:
        """Whether the guess, refused or not, is the intent."""
        return self.guess == self.intent


def share(part: float, whole: float) -> float | None:
    """A share in 0..1 with four digits; None of nothing."""
    return round(part / whole, 4) if whole else None


def figures_of(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return the figures as JSON.

    `accuracy`: of in-scope texts whose best guess is right, before any refusing. `in_scope_accuracy`: right and not
    refused. `accepted`: in-scope texts that were not refused, and `accepted_accuracy`: how many of these are right.
    `oos_recall`: out-of-scope texts that were refused. `macro_f1` is over intents after refusing.
    """
    inside = [one for one in judged if one.intent != OUT_OF_SCOPE]
    outside = [one for one in judged if one.intent == OUT_OF_SCOPE]
    accepted = [one for one in inside if not one.refused]
    right = sum(one.right for one in accepted)
    per_intent = _per_intent(judged)
    measured = [one["f1"] for one in per_intent if one["f1"] is not None]
    return {
        "texts": len(inside),
        "out_of_scope": len(outside),
        "accuracy": share(sum(one.right for one in inside), len(inside)),
        "in_scope_accuracy": share(right, len(inside)),
        "accepted": share(len(accepted), len(inside)),
        "accepted_accuracy": share(right, len(accepted)),
        "oos_recall": share(sum(one.refused for one in outside), len(outside)),
        "macro_f1": share(sum(measured), len(measured)),
        "per_intent": per_intent,
        "mixed_up": _mixed_up(judged),
        "reliability": _reliability(judged),
        "accepted_scores": histogram(one.score for one in accepted),
        "scores": histogram(one.score for one in inside),
        "oos_scores": histogram(one.score for one in outside),
    }


def _per_intent(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Precision and recall by intent, after refusing; the worst first."""
    labelled: Counter[str] = Counter()
    given: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    for one in judged:
        if one.intent != OUT_OF_SCOPE:
            labelled[one.intent] += 1
        if not one.refused:
            given[one.guess] += 1
            hit[one.intent] += one.right
    rows: list[dict[str, Any]] = []
    for intent in sorted(labelled):
        rows.append(
            {
                "intent": intent,
                "texts": labelled[intent],
                "precision": share(hit[intent], given[intent]),
                "recall": share(hit[intent], labelled[intent]),
                "f1": share(2 * hit[intent], labelled[intent] + given[intent]),
            }
        )
    return sorted(rows, key=lambda row: (row["f1"], row["intent"]))


def _mixed_up(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Which intents were taken for which, the most frequent first. A refused text was taken for nothing (`oos`)."""
    pairs: Counter[tuple[str, str]] = Counter()
    for one in judged:
        taken = OUT_OF_SCOPE if one.refused else one.guess
        if taken != one.intent:
            pairs[one.intent, taken] += 1
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"intent": intent, "guess": guess, "texts": count} for (intent, guess), count in ordered[:MIXED_UP]
    ]


def _reliability(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """By bins of the score: how many texts, how sure on average, how many right. Out of scope is never right."""
    bins: list[list[Judged]] = [[] for _ in range(RELIABILITY_BINS)]
    for one in judged:
        bins[min(RELIABILITY_BINS - 1, int(one.score * RELIABILITY_BINS))].append(one)
    return [
        {
            "texts": len(group),
            "sure": share(sum(one.score for one in group), len(group)),
            "right": share(sum(one.right for one in group), len(group)),
        }
        for group in bins
    ]
