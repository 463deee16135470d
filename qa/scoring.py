"""Scoring of ended conversations by themselves: each agent's part by each scorecard that is for it, once.

Judges look and answer outside of any transaction; what they found is written only if the words they saw are still
the words, otherwise they look again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.errors import error_place
from conversations.models import Conversation
from conversations.outbox import jobs_announce
from conversations.services import call_lock
from qa.answers import NA, applying, score_of, total_of
from qa.events import evaluation_rows
from qa.judging import FAILED, NOT_ASKED, PERSON, Judged, judges
from qa.judging.material import Material
from qa.judging.quotes import checked
from qa.materials import materials_of_each, stamp_of
from qa.models import Answer, Evaluation, QualitySettings, ScorecardRevision
from qa.parts import Part, machine_flagged, segments_of, unscored_why
from qa.scorecards import is_for
from qa.selectors import quality_settings, retry_at, scoring_revisions, teams_then_each, unsure
from qa.services import SCORED, evaluation_shown_tell

log = structlog.get_logger(__name__)

# Words that change while judges look: after so many times the outbox tries again later.
LOOKS = 3


class WordsMoved(Exception):
    """Words or moments changed each time that judges had looked."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What one part came to by one revision: answers by the criterion's key, or why there is no score.

    `material`: what was judged, where there is a score.
    """

    part: Part
    revision: ScorecardRevision
    team_id: UUID | None
    answers: dict[str, Judged] = field(default_factory=dict)
    unscored: str = ""
    judged_by: dict[str, str] = field(default_factory=dict)
    material: Material | None = None

    def total(self) -> Any:
        """0-100, or None."""
        return total_of((one, self._value(one["key"])) for one in self.revision.spec["criteria"])[0]

    def _value(self, key: str) -> str:
        judged = self.answers.get(key)
        return judged.value if judged else ""


def conversation_score(*, conversation_id: UUID) -> list[Evaluation]:
    """Judge an ended conversation by each scorecard in use that is for it; returns what was newly judged.

    An agent's part is judged once by each. One that cannot be scored gets an evaluation that says why.
    """
    conversation = Conversation.objects.select_related("queue").filter(pk=conversation_id).first()
    if conversation is None or conversation.is_live:
        return []
    revisions = scoring_revisions()
    if not revisions:
        return []
    settings = quality_settings()
    for _look in range(LOOKS):
        stamp = stamp_of(conversation_id)
        drafts = drafts_of(conversation, revisions, settings)
        with transaction.atomic():
            # One worker at a time.
            call_lock(conversation_id)
            found = Conversation.objects.select_for_update(no_key=True).filter(pk=conversation_id).first()
            if found is None:
                return []
            if stamp_of(conversation_id) != stamp:
                continue
            present = set(
                Evaluation.objects.filter(
                    conversation=conversation, kind=Evaluation.Kind.AUTOMATIC, replaced_at__isnull=True
                ).values_list("revision__template_id", "agent_id")
            )
            fresh = [d for d in drafts if (d.revision.template_id, d.part.agent_id) not in present]
            written = drafts_write([(conversation, one) for one in fresh], settings)
            if any(not one.unscored for one in written):
                jobs_announce(event=SCORED, conversation_id=conversation_id)
            return written
    raise WordsMoved


def conversation_score_job(conversation_id: UUID) -> None:
    """Handler of the outbox."""
    conversation_score(conversation_id=conversation_id)


def drafts_of(
    conversation: Conversation, revisions: Sequence[ScorecardRevision], settings: QualitySettings
) -> list[Draft]:
    """Judge each part by each revision that is for it. Nothing is written; judges may ask other servers."""
    return drafts_judged(readings_of([conversation])[0], revisions, settings)


@dataclass(frozen=True, slots=True)
class Reading:
    """A conversation as it is judged: each agent's part, and the team that each agent was in then."""

    conversation: Conversation
    parts: list[tuple[Part, Material]]
    teams: Mapping[UUID, UUID | None]


def readings_of(conversations: Sequence[Conversation]) -> list[Reading]:
    """Read conversations, in their order. Ten queries however many; each is to have its `queue` at hand."""
    parts = materials_of_each(conversations)
    agents = {
        call: {part.agent_id for part, _material in some if part.agent_id is not None}
        for call, some in parts.items()
    }
    teams = teams_then_each(agents)
    return [Reading(one, parts[one.pk], teams[one.pk]) for one in conversations]


def drafts_judged(
    reading: Reading,
    revisions: Sequence[ScorecardRevision],
    settings: QualitySettings,
    *,
    leave: AbstractSet[str] = frozenset(),
    known: Callable[[Part, Material], Mapping[str, Judged]] | None = None,
) -> list[Draft]:
    """The same of one that was read. Judges in `leave` are not asked, and answers that are `known` of a part stand."""
    conversation, parts, teams = reading.conversation, reading.parts, reading.teams
    queue = conversation.queue.key if conversation.queue else None
    flagged = machine_flagged(conversation.metadata)
    found = []
    for part, material in parts:
        team_id = teams.get(part.agent_id) if part.agent_id else None
        why = unscored_why(
            material,
            shortest_ms=settings.shortest_seconds * 1000,
            gap_share=settings.gap_percent / 100,
            flagged=flagged,
        )
        for revision in revisions:
            criteria = revision.spec["criteria"]
            if all(one["method"] == PERSON for one in criteria):
                continue
            if not is_for(revision.spec, team_id=team_id, queue=queue, channel=conversation.channel):
                continue
            if why is not None:
                found.append(Draft(part, revision, team_id, unscored=why))
                continue
            told = judged(criteria, material, leave=leave, known=known(part, material) if known else None)
            by = judged_by(criteria, told)
            found.append(Draft(part, revision, team_id, told, judged_by=by, material=material))
    return found


def judged_by(criteria: Sequence[dict[str, Any]], told: Mapping[str, Judged]) -> dict[str, str]:
    """What answered, by method; of a language model with the model that answered first."""
    by = {key: judges()[key].revision for key in _methods(criteria) if key in judges()}
    for one in criteria:
        judge = told[one["key"]].judge
        if one["method"] in by and by[one["method"]] == judges()[one["method"]].revision and judge:
            by[one["method"]] = judge
    return by


def _methods(criteria: Iterable[dict[str, Any]]) -> list[str]:
    return sorted({one["method"] for one in criteria} - {PERSON})


def judged(
    criteria: Sequence[dict[str, Any]],
    material: Material,
    *,
    leave: AbstractSet[str] = frozenset(),
    known: Mapping[str, Judged] | None = None,
) -> dict[str, Judged]:
    """Answers to all criteria by their key: open ("") what people answer, and what could not be told.

    A judge that fails leaves its criteria open, and the others go on. What a condition excludes is N/A. Judges in
    `leave` are not asked, and answers that are `known` stand.
    """
    before = known or {}
    found = {one["key"]: before.get(one["key"], Judged("")) for one in criteria}
    for method in _methods(criteria):
        judge = judges().get(method)
        own = [one for one in criteria if one["method"] == method and one["key"] not in before]
        if judge is None or not own:
            continue
        keys = {one["key"] for one in own}
        try:
            told = (
                dict.fromkeys(keys, Judged("", open_why=NOT_ASKED))
                if method in leave
                else judge.answers(own, material)
            )
        except Exception as error:
            # Whatever is wrong with one judge: people see to its answers, and the others stand.
            log.error("qa.judge_failed", judge=method, error=error_place(error))
            told = dict.fromkeys(keys, Judged("", open_why=FAILED))
        for key, one in told.items():
            if key in keys:
                answer = checked(one, material)
                found[key] = answer if answer.judge else replace(answer, judge=judge.revision)
    applies = applying(criteria, {key: one.value for key, one in found.items()})
    return {key: one if key in applies else Judged(NA, [], 1.0) for key, one in found.items()}


def drafts_write(
    drafts: Sequence[tuple[Conversation, Draft]],
    settings: QualitySettings,
    *,
    seen: AbstractSet[tuple[UUID, UUID | None]] = frozenset(),
) -> list[Evaluation]:
    """Write evaluations, within the caller's transaction and the calls' locks; tell of those that agents see.

    `seen`: conversation and agent of parts whose last score the agent has seen, who then see the new one, too. The
    caller announces that the conversations were scored.
    """
    now = timezone.now()
    rows: list[Evaluation] = []
    answers: list[Answer] = []
    for conversation, draft in drafts:
        row, own = draft_rows(conversation, draft, settings)
        row.submitted_at = now
        shown = (
            settings.release == QualitySettings.Release.AT_ONCE or (row.conversation_id, row.agent_id) in seen
        )
        if shown and not draft.unscored:
            row.released_at = now
        rows.append(row)
        answers += own
    Evaluation.objects.bulk_create(rows)
    Answer.objects.bulk_create(answers)
    released = [one.pk for one in rows if one.released_at is not None]
    for row in evaluation_rows().filter(pk__in=released) if released else ():
        evaluation_shown_tell(row)
    return rows


def draft_rows(
    conversation: Conversation, draft: Draft, settings: QualitySettings
) -> tuple[Evaluation, list[Answer]]:
    """An evaluation and its answers as rows that are not saved."""
    row = Evaluation(
        conversation=conversation,
        revision=draft.revision,
        agent_id=draft.part.agent_id,
        team_id=draft.team_id,
        segments=segments_of(draft.part),
        unscored=draft.unscored,
        counts=not draft.unscored,
        judges=draft.judged_by,
    )
    if draft.unscored:
        return row, []
    criteria = draft.revision.spec["criteria"]
    answers = [
        Answer(
            evaluation=row,
            criterion_key=criterion["key"],
            position=position,
            value=one.value,
            automatic=one.value,
            score=score_of(criterion, one.value),
            confidence=None if one.confidence is None else round(one.confidence, 4),
            evidence=one.evidence,
            reason=one.reason,
            judge=one.judge,
            open_why=one.open_why,
        )
        for position, (criterion, one) in enumerate(
            (criterion, draft.answers[criterion["key"]]) for criterion in criteria
        )
    ]
    row.total, row.auto_failed = total_of(
        (criterion, answer.value) for criterion, answer in zip(criteria, answers, strict=True)
    )
    row.retry_at = retry_at(answers, row.tries)
    least = settings.unsure_percent / 100
    row.needs_person = any(unsure(c, a, least) for c, a in zip(criteria, answers, strict=True))
    return row, answers
