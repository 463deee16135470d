"""What the page of one classifier shows: figures in words and bars, confusions, drift."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.utils.translation import gettext as _

from engines.intents import BINS, OUT_OF_SCOPE
from moments.models import Classifier

# More intents than this are a wall of figures: those that are confused most are shown.
GRID = 12
HIGHEST = 60  # of a bar, in the chart's own units
WIDE = 12


def page_of_classifier(classifier: Classifier) -> dict[str, Any]:
    """The context of `admin/moments/classifier.html`. One query, for the version that is live."""
    figures = classifier.figures
    live = (
        Classifier.objects.filter(task=classifier.task, state=Classifier.State.LIVE)
        .exclude(pk=classifier.pk)
        .first()
    )
    now = classifier.drift_figures
    return {
        "classifier": classifier,
        "training_set": classifier.training_set,
        "complaints": classifier.training_set.complaints,
        "live": live,
        "is_training": classifier.state == Classifier.State.TRAINING,
        "cards": _cards(classifier, live) if figures else [],
        "figures": figures,
        "per_intent": figures.get("per_intent", []),
        "mixed_up": [
            row | {"shown": _("refused") if row["guess"] == OUT_OF_SCOPE else row["guess"]}
            for row in figures.get("mixed_up", [])
        ],
        "grid": _grid(figures),
        "reliability": [row for row in figures.get("reliability", []) if row["texts"]],
        "then": _bars(figures.get("accepted_scores") or []),
        "now": _bars(now.get("scores") or []),
        "drift": now,
        "wide": WIDE * BINS,
        "high": HIGHEST,
    }


def _grid(figures: dict[str, Any]) -> dict[str, Any]:
    """What is taken for what, as rows and columns; of many intents only those that are confused most."""
    texts = {row["intent"]: row["texts"] for row in figures.get("per_intent", [])}
    pairs = {(row["intent"], row["guess"]): row["texts"] for row in figures.get("mixed_up", [])}
    blamed: Counter[str] = Counter()
    for pair, count in pairs.items():
        for one in pair:
            # Weighed by how many texts there are, so that rare intents are seen as well.
            blamed[one] += count
    chosen = sorted(texts, key=lambda one: (-blamed[one], one))[:GRID]
    if len(texts) > GRID:
        chosen = [one for one in chosen if blamed[one]]
    names = sorted(chosen)
    rows = []
    for intent in [*names, OUT_OF_SCOPE]:
        counts = {guess: pairs.get((intent, guess), 0) for guess in [*names, OUT_OF_SCOPE]}
        if intent == OUT_OF_SCOPE:
            if not any(counts.values()):
                continue
            counts.pop(OUT_OF_SCOPE)
        else:
            recall = next(row["recall"] for row in figures["per_intent"] if row["intent"] == intent)
            counts[intent] = round((recall or 0) * texts[intent])
        whole = texts.get(intent) or sum(counts.values())
        shown = _("out of scope") if intent == OUT_OF_SCOPE else intent
        rows.append(
            {
                "name": shown,
                "cells": [_cell(shown, guess, intent, counts, whole) for guess in [*names, OUT_OF_SCOPE]],
            }
        )
    return {"names": [*names, _("refused")], "rows": rows, "left_out": len(texts) - len(names)}


def _cell(shown: str, guess: str, intent: str, counts: dict[str, int], whole: int) -> dict[str, Any]:
    texts = counts.get(guess, 0)
    if guess == intent:
        return {"texts": texts, "mark": "same", "title": ""}
    share = texts / whole if whole else 0
    level = 0 if not texts else 1 if share < 0.03 else 2 if share < 0.1 else 3
    taken = _("refused") if guess == OUT_OF_SCOPE else guess
    title = (
        _("%(intent)s, taken for %(guess)s: %(texts)d of %(all)d")
        if guess != OUT_OF_SCOPE
        else _("%(intent)s, %(guess)s: %(texts)d of %(all)d")
    )
    return {
        "texts": texts,
        "mark": f"l{level}" if level else "",
        "title": title % {"intent": shown, "guess": taken, "texts": texts, "all": whole} if texts else "",
    }


def _cards(classifier: Classifier, live: Classifier | None) -> list[dict[str, Any]]:
    """The figures that count, each with what the live version has, if that is another."""
    shown = [
        ("accuracy", _("right"), _("of texts in scope, before any is refused")),
        ("in_scope_accuracy", _("right and accepted"), _("of texts in scope")),
        ("oos_recall", _("out of scope, refused"), _("of texts labelled oos")),
        ("accepted_accuracy", _("right among the accepted"), _("how far an intent can be believed")),
        ("macro_f1", _("F1, mean of intents"), _("rare intents count as much as frequent ones")),
    ]
    return [
        {
            "label": label,
            "value": classifier.figures.get(key),
            "live": live.figures.get(key) if live else None,
            "words": words,
        }
        for key, label, words in shown
    ]


def _bars(counts: list[int]) -> list[dict[str, float]]:
    """Bars of a chart, `WIDE` apart, the highest `HIGHEST`."""
    most = max(counts, default=0)
    if not most:
        return []
    return [
        {
            "x": at * WIDE,
            "y": round(HIGHEST * (1 - count / most), 1),
            "height": round(HIGHEST * count / most, 1),
            "count": count,
            "from": round(at / len(counts), 2),
        }
        for at, count in enumerate(counts)
    ]
