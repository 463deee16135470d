"""Which findings people should look at: those that were a close call, came late, or were named differently."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from conversations.models import Redaction, RedactionReview
from engines.redaction.vocabulary import TYPES, Group

# Below these scores a finding is looked at. Digits that end a turn score 0.4 by design: they are hidden to be sure,
# and nobody learns from looking at each. What points at nobody by itself may be a little less certain.
_BELOW = {"NUMBER": 0.35, "CREDIT_CARD": 0.8, "SSN": 0.7}
_BELOW_CONTEXT, _BELOW_OTHERS = 0.55, 0.6
_RUN = re.compile(r"(.)\1{3,}")
_SHAPE = RedactionReview._meta.get_field("shape").max_length or 80


def review_below(type_name: str) -> float:
    """Findings of a type that score less than this are uncertain."""
    kind = TYPES.get(type_name)
    others = _BELOW_CONTEXT if kind is not None and kind.group is Group.CONTEXT else _BELOW_OTHERS
    return _BELOW.get(type_name, others)


def shape_of(words: str) -> str:
    """What `words` looked like without being them: "4111 Elm" is "dddd Aaa". Four of a kind stand for more."""
    kinds = "".join(
        "d"
        if one.isdigit()
        else "A"
        if one.isupper()
        else "a"
        if one.isalpha()
        else " "
        if one.isspace()
        else one
        for one in words
    )
    return _RUN.sub(lambda run: run.group(1) * 4, kinds)[:_SHAPE]


def reviews_note(*, conversation_id: UUID, made: Sequence[tuple[Redaction, str, bool]]) -> int:
    """Put findings on the list of those to look at, each once. Returns how many came to it.

    `made` are those of this reading, with the words that they hid and whether detectors disagreed; of earlier ones
    the uncertain are taken, too. What history holds more of under a stricter policy was asked for, and is looked at
    only where it is uncertain.
    """
    because = RedactionReview.Because
    told: dict[UUID, tuple[str, str]] = {}
    for redaction, words, disputed in made:
        if disputed:
            told[redaction.pk] = (because.DISPUTED, shape_of(words))
        elif redaction.found_in == Redaction.Pass.SECOND:
            told[redaction.pk] = (because.SECOND, shape_of(words))
        else:
            told[redaction.pk] = ("", shape_of(words))
    rows = []
    findings = Redaction.objects.filter(utterance__conversation=conversation_id, review__isnull=True)
    for one in findings.exclude(found_in=Redaction.Pass.MANUAL):
        why, shape = told.get(one.pk, ("", ""))
        if not why and one.score < review_below(one.type):
            why = because.UNCERTAIN
        if why:
            rows.append(
                RedactionReview(
                    redaction=one,
                    utterance_id=one.utterance_id,
                    conversation_id=conversation_id,
                    type=one.type,
                    score=one.score,
                    detector=one.detector,
                    found_in=one.found_in,
                    because=why,
                    shape=shape,
                )
            )
    RedactionReview.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)
