"""What a backtest came to: how often each rule would act, where, how much noise, and how often it was right.

Right and wrong come from two places: what agents did with the same guidance when it was really shown in those calls
(used or accepted: right; dismissed or marked: wrong), and what people say of an example. A person's word goes before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.http import Http404
from django.urls import reverse

from accounts.models import User
from accounts.services import audit
from coaching.models import OUTCOME, Backtest, BacktestHit, Guidance, RuleLabel
from conversations.access import conversations_visible
from conversations.models import Utterance
from engines.rules.explain import clock
from engines.rules.reading import read_policy
from engines.rules.spec import Policy, moment_keys
from moments.selectors import asked_of_model

LAST_CHOICES = (100, 1_000, 5_000)
EXAMPLES_SHOWN = 50
# What was shown live and what a replay shows of the same words may lie so far apart.
SAME_MS = 5_000
Side = BacktestHit.Side
_RIGHT = frozenset({Guidance.Outcome.USED, Guidance.Outcome.ACCEPTED})
_WRONG = frozenset({Guidance.Outcome.DISMISSED})


@dataclass(frozen=True, slots=True)
class Noise:
    """Things shown per call, before the desk's own limits."""

    p50: int
    p95: int
    most: int
    mean: float


@dataclass(slots=True)
class RuleFigures:
    """One rule, behaviour or playbook. `new`: calls in which only the draft acts; `gone`: only what is published.

    `not_tried`: names of moments that it asks for and that a model would have to be asked about, which no backtest
    does: what needs them did not act, in whichever call.
    """

    key: str
    name: str
    part: str
    fires: int = 0
    calls: int = 0
    before: int = 0
    before_calls: int = 0
    new: int = 0
    gone: int = 0
    right: int = 0
    wrong: int = 0
    share: float = 0.0
    in_draft: bool = True
    not_tried: list[str] = field(default_factory=list)

    @property
    def labelled(self) -> int:
        return self.right + self.wrong

    @property
    def precision(self) -> float | None:
        return self.right / self.labelled if self.labelled else None


@dataclass(slots=True)
class Report:
    """A whole run so far."""

    rules: list[RuleFigures]
    noise: Noise
    before: Noise | None
    new_calls: int = 0
    gone_calls: int = 0
    right: int = 0
    wrong: int = 0
    calls_per_second: float | None = field(default=None)

    @property
    def precision(self) -> float | None:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None


def backtest_report(run: Backtest) -> Report:
    """The figures of a run, finished or not. Up to seven queries."""
    figures = _figures(run)
    where: dict[tuple[str, str], set[UUID]] = defaultdict(set)
    acted: dict[str, set[UUID]] = defaultdict(set)
    rows = (
        run.hits.order_by()
        .values("side", "rule_key", "conversation_id")
        .annotate(times=Count("pk"))
        .values_list("side", "rule_key", "conversation_id", "times")
    )
    for side, key, conversation_id, times in rows:
        one = figures.setdefault(key, RuleFigures(key, key, "", in_draft=False))
        where[side, key].add(conversation_id)
        acted[side].add(conversation_id)
        if side == Side.DRAFT:
            one.fires += times
        else:
            one.before += times
    for key, one in figures.items():
        draft, before = where[Side.DRAFT, key], where[Side.PUBLISHED, key]
        one.calls, one.before_calls = len(draft), len(before)
        one.new, one.gone = len(draft - before), len(before - draft)
        one.share = len(draft) / run.calls if run.calls else 0.0
    _not_tried(run, figures)
    for (rule_key, _call, _sequence), right in _labels(run).items():
        if rule_key in figures:
            figures[rule_key].right += right
            figures[rule_key].wrong += not right
    shown = [one for one in figures.values() if one.in_draft or one.before]
    return Report(
        rules=shown,
        noise=_noise(run.hints.get(Side.DRAFT, {})),
        before=_noise(run.hints.get(Side.PUBLISHED, {})) if run.against_id else None,
        new_calls=len(acted[Side.DRAFT] - acted[Side.PUBLISHED]),
        gone_calls=len(acted[Side.PUBLISHED] - acted[Side.DRAFT]),
        right=sum(one.right for one in shown),
        wrong=sum(one.wrong for one in shown),
        calls_per_second=run.done / run.seconds if run.seconds else None,
    )


def _figures(run: Backtest) -> dict[str, RuleFigures]:
    found = {
        str(one["id"]): RuleFigures(str(one["id"]), str(one.get("name") or one["id"]), part)
        for part, one in _parts(run.document)
    }
    for part, one in _parts(run.against.document if run.against else {}):
        key = str(one["id"])
        if key not in found:
            found[key] = RuleFigures(key, str(one.get("name") or key), part, in_draft=False)
    return found


def _not_tried(run: Backtest, figures: Mapping[str, RuleFigures]) -> None:
    names = asked_of_model()
    documents = [run.document, *([run.against.document] if run.against else [])]
    for document in documents if names else ():
        policy, _wrong = read_policy(document)
        parts = [
            *((one.id, Policy(rules=(one,))) for one in policy.rules),
            *((one.id, Policy(behaviours=(one,))) for one in policy.behaviours),
            *((one.id, Policy(playbooks=(one,))) for one in policy.playbooks),
        ]
        for key, part in parts:
            asked = sorted(names[moment] for moment in moment_keys(part) & names.keys())
            if key in figures and not figures[key].not_tried:
                figures[key].not_tried = asked


def _parts(document: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for part in ("rules", "behaviours", "playbooks"):
        for one in document.get(part, ()):
            yield part, one


def _noise(counts: Mapping[str, int]) -> Noise:
    """`counts`: how many calls had so many things shown."""
    ordered = sorted((int(shown), calls) for shown, calls in counts.items())
    total = sum(calls for _shown, calls in ordered)
    if not total:
        return Noise(0, 0, 0, 0.0)

    def at(share: float) -> int:
        # The smallest number that at least this share of the calls do not exceed.
        seen = 0
        for shown, calls in ordered:
            seen += calls
            if seen >= share * total:
                return shown
        return ordered[-1][0]

    return Noise(at(0.5), at(0.95), ordered[-1][0], sum(shown * calls for shown, calls in ordered) / total)


def report_data(report: Report) -> dict[str, Any]:
    """A report as JSON."""
    return {
        "noise": asdict(report.noise),
        "noise_published": asdict(report.before) if report.before else None,
        "new_calls": report.new_calls,
        "gone_calls": report.gone_calls,
        "precision": report.precision,
        "labelled": report.right + report.wrong,
        "rules": [
            {**asdict(one), "precision": one.precision, "labelled": one.labelled} for one in report.rules
        ],
    }


# --- Right and wrong ------------------------------------------------------------------------------------

_Place = tuple[str, UUID, int]


def _labels(run: Backtest, rule_key: str | None = None) -> dict[_Place, bool]:
    """Whether the draft was right, by (rule, conversation, utterance), where anything is known of it. Three queries."""
    hits = run.hits.filter(side=Side.DRAFT)
    if rule_key is not None:
        hits = hits.filter(rule_key=rule_key)
    places: dict[tuple[str, UUID], list[tuple[int, int]]] = defaultdict(list)
    for key, conversation_id, sequence, at_ms in hits.order_by().values_list(
        "rule_key", "conversation_id", "sequence", "at_ms"
    ):
        places[key, conversation_id].append((sequence or 0, at_ms))
    known: dict[_Place, bool] = {}
    calls = {conversation_id for _key, conversation_id in places}
    keys = {key for key, _conversation_id in places}
    shown = (
        Guidance.objects.filter(conversation__in=calls, rule_key__in=keys)
        .annotate(became=OUTCOME)
        .filter(Q(became__in=[*_RIGHT, *_WRONG]) | Q(wrong_at__isnull=False))
        .values_list("rule_key", "conversation_id", "at_ms", "became", "wrong_at")
    )
    for key, conversation_id, at_ms, became, wrong_at in shown:
        near = [
            (abs(hit_ms - at_ms), sequence)
            for sequence, hit_ms in places.get((key, conversation_id), ())
            if abs(hit_ms - at_ms) <= SAME_MS
        ]
        if near:
            known[key, conversation_id, min(near)[1]] = wrong_at is None and became in _RIGHT
    said = RuleLabel.objects.filter(conversation__in=calls, rule_key__in=keys)
    for key, conversation_id, sequence, right in said.values_list(
        "rule_key", "conversation_id", "sequence", "right"
    ):
        if any(sequence == one for one, _at in places.get((key, conversation_id), ())):
            known[key, conversation_id, sequence] = right
    return known


def rule_label(*, run: Backtest, rule_key: str, hit_id: str, right: bool | None, actor: User) -> None:
    """Say whether a rule was right at one example; None takes the word back. `Http404` where there is none."""
    try:
        hit = run.hits.filter(pk=UUID(hit_id), rule_key=rule_key).first()
    except ValueError:
        hit = None
    if hit is None or not conversations_visible(actor).filter(pk=hit.conversation_id).exists():
        raise Http404("no such example")
    place: dict[str, Any] = {
        "rule_key": rule_key,
        "conversation_id": hit.conversation_id,
        "sequence": hit.sequence or 0,
    }
    if right is None:
        RuleLabel.objects.filter(**place).delete()
    else:
        RuleLabel.objects.update_or_create(**place, defaults={"right": right, "labelled_by": actor})
    audit(
        actor=actor,
        action="policy.label",
        thing=run.policy,
        changes={"rule": rule_key, "right": right, "conversation": str(hit.conversation_id)},
    )


# --- Examples -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Example:
    """One place where a rule would act, or does by what is published. `right`: None where nobody has said."""

    id: UUID
    conversation_id: UUID
    url: str
    when: Any
    agent: str
    at: str
    speaker: str
    text: str
    right: bool | None
    only: str


def backtest_examples(run: Backtest, rule_key: str, user: User, only: str = "") -> dict[str, Any]:
    """Examples of one rule, newest call first. `only`: new, gone, or "" for all of the draft. Up to seven queries.

    Those of calls that the user may not read are counted, not shown.
    """
    names = {str(one["id"]): str(one.get("name") or one["id"]) for _part, one in _parts(run.document)}
    if run.against:
        names = {
            str(one["id"]): str(one.get("name") or one["id"]) for _part, one in _parts(run.against.document)
        } | names
    side, other = (Side.PUBLISHED, Side.DRAFT) if only == "gone" else (Side.DRAFT, Side.PUBLISHED)
    rows = run.hits.filter(rule_key=rule_key, side=side)
    elsewhere = run.hits.filter(rule_key=rule_key, side=other).values("conversation_id")
    if only in {"new", "gone"}:
        rows = rows.exclude(conversation__in=elsewhere)
    total = rows.count()
    mine = rows.filter(conversation__in=conversations_visible(user))
    hits = list(
        mine.select_related("conversation__agent").order_by("-conversation_id", "at_ms")[:EXAMPLES_SHOWN]
    )
    calls = {hit.conversation_id for hit in hits}
    both = set(elsewhere.filter(conversation__in=calls).values_list("conversation_id", flat=True))
    places = {hit.sequence for hit in hits if hit.sequence is not None}
    spoken = Utterance.objects.filter(conversation__in=calls, sequence__in=places)
    said = {(one.conversation_id, one.sequence): one for one in spoken}
    known = _labels(run, rule_key) if side == Side.DRAFT else {}

    def example(hit: BacktestHit) -> Example:
        words = said.get((hit.conversation_id, hit.sequence or 0))
        call = hit.conversation
        return Example(
            hit.pk,
            hit.conversation_id,
            reverse("conversation", args=[hit.conversation_id]),
            call.started_at or call.announced_at,
            call.agent.name if call.agent else "",
            clock(words.start_ms if words else hit.at_ms),
            words.speaker if words else "",
            words.text if words else "",
            known.get((rule_key, hit.conversation_id, hit.sequence or 0)),
            ""
            if hit.conversation_id in both or not run.against_id
            else ("gone" if side == Side.PUBLISHED else "new"),
        )

    return {
        "name": names.get(rule_key, rule_key),
        "rule_key": rule_key,
        "examples": [example(hit) for hit in hits],
        "total": total,
        "gone": side == Side.PUBLISHED,
    }
