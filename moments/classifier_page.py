"""What the page of one classifier shows: figures in words and bars, confusions, drift."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from engines.intents import BINS, OUT_OF_SCOPE
from moments.models import Classifier

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
        "reliability": [row for row in figures.get("reliability", []) if row["texts"]],
        "then": _bars(figures.get("accepted_scores") or []),
        "now": _bars(now.get("scores") or []),
        "drift": now,
        "wide": WIDE * BINS,
        "high": HIGHEST,
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
