"""Pages of the work on quality: the lists, the evaluation form beside player and transcript, disputes."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.views import needs
from conversations.access import conversation_for
from conversations.models import Conversation
from conversations.review import review
from conversations.views import player_data
from qa.access import evaluation_for, evaluations_visible
from qa.agreement import AGREEMENT_PERIOD, PAIRS_MIN, agreement
from qa.blind import BLIND
from qa.decisions import criterion_decide
from qa.evaluating import (
    dispute_resolve,
    evaluation_acknowledge,
    evaluation_discard,
    evaluation_dispute,
    evaluation_start,
)
from qa.events import evaluation_shown
from qa.models import Assignment, CriterionDecision, Dispute, Evaluation, ScorecardTemplate
from qa.selectors import evaluation_choices, quality_settings
from qa.work import assignment_drop, assignment_take
from qa.work_access import (
    assignment_for,
    assignments_visible,
    dispute_for,
    disputes_visible,
    draft_for,
    drafts_of,
)

PAGE = 50


def user_of(request: HttpRequest) -> User:
    """Whoever is signed in; `needs` lets nobody else in."""
    return cast(User, request.user)


def _lists(user: User) -> list[tuple[str, str]]:
    """The lists that this person has, by key and name."""
    if not user.may(Permission.EVALUATION_OVERRIDE):
        return [("scores", _("My scores")), ("disputes", _("My disputes"))]
    return [
        ("mine", _("My work")),
        ("free", _("To take")),
        ("unsure", _("Unsure")),
        ("disputes", _("Disputes")),
        ("scores", _("Scores")),
    ]


@needs(Permission.EVALUATION_READ)
@require_safe
def quality_page(request: HttpRequest) -> HttpResponse:
    """One of the lists, fifty rows; the next fifty follow the last one's key."""
    user = user_of(request)
    lists = _lists(user)
    chosen = request.GET.get("list", "")
    if chosen not in dict(lists):
        chosen = lists[0][0]
    rows = _rows(user, chosen, key_of(request.GET.get("after", "")))
    context = {
        "lists": lists,
        "chosen": chosen,
        "rows": rows[:PAGE],
        "next": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "drafts": list(drafts_of(user)[:PAGE]) if chosen == "mine" else [],
        "evaluates": user.may(Permission.EVALUATION_OVERRIDE),
        "manages": user.may(Permission.EVALUATION_MANAGE),
        "now": timezone.now(),
    }
    return render(request, "qa/quality.html", context)


def key_of(given: str) -> UUID | None:
    """The key that somebody's address or form holds; none where it is none."""
    try:
        return UUID(given) if given else None
    except ValueError:
        return None


def _rows(user: User, chosen: str, after: UUID | None) -> list[Any]:
    """One more than a page, so that one sees whether there are more."""
    if chosen in {"mine", "free"}:
        rows: Any = assignments_visible(user).order_by("pk")
        rows = rows.filter(assignee=user) if chosen == "mine" else rows.filter(assignee__isnull=True)
        rows = rows.filter(pk__gt=after) if after else rows
    elif chosen == "disputes":
        rows = disputes_visible(user).order_by("-pk")
        if user.may(Permission.EVALUATION_OVERRIDE):
            rows = rows.filter(resolved_at__isnull=True)
        rows = rows.filter(pk__lt=after) if after else rows
    else:
        rows = evaluations_visible(user).exclude(state=Evaluation.State.DRAFT)
        rows = rows.prefetch_related(None).select_related(
            "conversation__customer", "agent", "revision", "evaluator"
        )
        rows = rows.order_by("-pk")
        if chosen == "unsure":
            rows = rows.filter(needs_person=True)
        rows = rows.filter(pk__lt=after) if after else rows
    return list(rows[: PAGE + 1])


# --- The form -------------------------------------------------------------------------------------------


@needs(Permission.EVALUATION_OVERRIDE)
@require_http_methods(["GET", "HEAD", "POST"])
def evaluation_start_page(request: HttpRequest) -> HttpResponse:
    """Choose by which scorecard to evaluate a conversation, and begin; or begin what was assigned (`assignment`)."""
    user = user_of(request)
    if request.method != "POST":
        conversation = conversation_for(user, request.GET.get("conversation", ""))
        choices = evaluation_choices(conversation)
        manages = user.may(Permission.EVALUATION_MANAGE)
        context = {"conversation": conversation, "choices": choices, "manages": manages}
        return render(request, "qa/start.html", context)
    back = redirect("quality")
    try:
        if given := key_of(request.POST.get("assignment", "")):
            assignment = assignment_take(assignment=assignment_for(user, given), user=user)
            row = evaluation_start(
                conversation=assignment.conversation,
                template=assignment.template,
                user=user,
                assignment=assignment,
            )
        else:
            conversation = conversation_for(user, request.POST.get("conversation", ""))
            back = redirect(f"{reverse('conversation', args=[conversation.pk])}?tab=score")
            template = get_object_or_404(ScorecardTemplate, pk=key_of(request.POST.get("scorecard", "")))
            agent = key_of(request.POST.get("agent", ""))
            row = evaluation_start(conversation=conversation, template=template, user=user, agent_id=agent)
    except (Conflict, ValidationError) as error:
        messages.error(request, said(error))
        return back
    return redirect("evaluate", row.pk)


@needs(Permission.EVALUATION_OVERRIDE)
@require_safe
def evaluate_page(request: HttpRequest, evaluation_id: UUID) -> HttpResponse:
    """The form right of player and transcript."""
    user = user_of(request)
    evaluation = draft_for(user, evaluation_id)
    conversation = get_object_or_404(
        Conversation.objects.select_related("agent", "customer", "queue", "disposition"),
        pk=evaluation.conversation_id,
    )
    blind = evaluation.kind in BLIND
    shown = review(user=user, conversation=conversation)
    context = {
        "evaluation": evaluation,
        "conversation": conversation,
        "review": shown,
        "player": player_data(user, shown),
        "form": form_data(evaluation, show_automatic=not blind and quality_settings().show_automatic),
        "blind": blind,
        "calibrated": evaluation.kind == Evaluation.Kind.CALIBRATION,
    }
    return render(request, "qa/evaluate.html", context)


def form_data(evaluation: Evaluation, *, show_automatic: bool) -> dict[str, Any]:
    """What the form's script draws: criteria with their conditions, answers, where it writes, its words."""
    criteria = {one["key"]: one for one in evaluation.revision.spec["criteria"]}
    shown = evaluation_shown(evaluation)
    rows = []
    for answer in shown["answers"]:
        spec = criteria[answer["key"]]
        row = {
            **{name: answer[name] for name in ("key", "section", "question", "guideline", "kind", "weight")},
            **{name: answer[name] for name in ("auto_fail", "value", "comment", "choices", "coaching_tip")},
            **{name: spec[name] for name in ("good_example", "bad_example", "depends_on", "depends_values")},
            "allow_na": spec["allow_na"],
            "evidence": answer["evidence"],
        }
        if show_automatic:
            row |= {name: answer[name] for name in ("automatic", "automatic_label", "sureness", "reason")}
        rows.append(row)
    url = reverse("api-score-detail", args=[evaluation.pk])
    back, over, is_calibration = reverse("quality"), False, evaluation.kind == Evaluation.Kind.CALIBRATION
    if is_calibration:
        given = Assignment.objects.select_related("calibration").filter(evaluation=evaluation).first()
        over = given is None or given.state == Assignment.State.DROPPED
        if given is not None and given.calibration is not None:
            back = reverse("calibration", args=[given.calibration.session_id])
    return {
        "id": str(evaluation.pk),
        "draft": evaluation.state == Evaluation.State.DRAFT and not over,
        "total": shown["total"],
        "auto_failed": shown["auto_failed"],
        "comment": evaluation.comment,
        "criteria": rows,
        "urls": {"answer": f"{url}answer/", "submit": f"{url}submit/", "back": back},
        "words": {
            "of": _("{n} of {all} answered"),
            "automatic": _("Automatic: {answer}"),
            "sure": _("sure"),
            "less_sure": _("less sure"),
            "check": _("check it"),
            "evidence_for": _("Evidence for {n}"),
            "remove": _("Remove this evidence"),
            "comment": _("Comment"),
            "comment_for": _("For the discussion")
            if is_calibration
            else _("What the agent should know about this answer"),
            "weight": _("Weight {n}"),
            "auto_fail": _("auto-fail"),
            "good": _("Good:"),
            "bad": _("Not so:"),
            "searched": _("searched up to {to} for “{what}”, not heard"),
            "not_applicable": _("does not apply"),
            "saved": _("Saved at {time}"),
            "not_saved": _("Not saved. Your answer stays here; try again."),
            "failed": _("auto-failed"),
            "number": _("A number"),
            "criteria": _("Criteria"),
        },
    }


@needs(Permission.EVALUATION_OVERRIDE)
@require_POST
def evaluation_discard_page(request: HttpRequest, evaluation_id: UUID) -> HttpResponse:
    """Throw one's draft away."""
    user = user_of(request)
    try:
        evaluation_discard(evaluation=draft_for(user, evaluation_id), user=user)
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("quality")


@needs(Permission.EVALUATION_OVERRIDE)
@require_POST
def assignment_drop_page(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    """Take an assignment off the list."""
    user = user_of(request)
    try:
        assignment_drop(assignment=assignment_for(user, assignment_id), actor=user)
    except Conflict as error:
        messages.error(request, str(error))
    return redirect(f"{reverse('quality')}?list={request.POST.get('list', '')[:10]}")


@needs(Permission.EVALUATION_MANAGE)
@require_safe
def agreement_page(request: HttpRequest) -> HttpResponse:
    """How far automatic answers and people agree, by criterion of one scorecard."""
    scorecards = list(ScorecardTemplate.objects.filter(revisions__isnull=False).distinct().order_by("name"))
    wanted = key_of(request.GET.get("scorecard", ""))
    chosen = next((one for one in scorecards if one.pk == wanted), scorecards[0] if scorecards else None)
    since, bar = timezone.now() - AGREEMENT_PERIOD, quality_settings().kappa_percent / 100
    context = {
        "scorecards": scorecards,
        "chosen": chosen,
        "rows": agreement(chosen, since=since, bar=bar) if chosen else [],
        "since": since,
        "bar": bar,
        "least": PAIRS_MIN,
        "decisions": CriterionDecision.Decision.choices,
    }
    return render(request, "qa/agreement.html", context)


@needs(Permission.EVALUATION_MANAGE)
@require_POST
def criterion_decide_page(request: HttpRequest, scorecard_id: UUID) -> HttpResponse:
    """Decide whether a criterion stays automatic, from the page that warns of it."""
    template = get_object_or_404(ScorecardTemplate, pk=scorecard_id)
    try:
        criterion_decide(
            template=template,
            key=request.POST.get("criterion", ""),
            decision=request.POST.get("decision", ""),
            reason=request.POST.get("reason", ""),
            actor=user_of(request),
        )
        messages.success(request, _("It is decided."))
    except ValidationError as error:
        messages.error(request, said(error))
    return redirect(f"{reverse('agreement')}?scorecard={template.pk}")


# --- What agents say ------------------------------------------------------------------------------------


@needs(Permission.EVALUATION_ANSWER)
@require_POST
def score_answer_page(request: HttpRequest, evaluation_id: UUID) -> HttpResponse:
    """The agent has read their score (`do=acknowledge`), or disputes it or one answer of it (`do=dispute`)."""
    user = user_of(request)
    evaluation = evaluation_for(user, evaluation_id)
    try:
        if request.POST.get("do") == "dispute":
            evaluation_dispute(
                evaluation=evaluation,
                user=user,
                reason=request.POST.get("reason", ""),
                answer_id=key_of(request.POST.get("answer", "")),
            )
            messages.success(request, _("Your dispute is on its way. You see here what comes of it."))
        elif request.POST.get("do") == "acknowledge":
            evaluation_acknowledge(evaluation=evaluation, user=user)
        else:
            raise Http404("no such thing to do")
    except (Conflict, ValidationError) as error:
        messages.error(request, said(error))
    return redirect(f"{reverse('conversation', args=[evaluation.conversation_id])}?tab=score")


@needs(Permission.EVALUATION_OVERRIDE)
@require_POST
def dispute_resolve_page(request: HttpRequest, dispute_id: UUID) -> HttpResponse:
    """Decide a dispute."""
    user = user_of(request)
    dispute: Dispute = dispute_for(user, dispute_id)
    try:
        dispute_resolve(
            dispute=dispute,
            user=user,
            accept=request.POST.get("accept") == "yes",
            reason=request.POST.get("reason", ""),
            value=request.POST.get("value") or None,
        )
        messages.success(request, _("It is decided, and the agent sees why."))
    except (Conflict, ValidationError) as error:
        messages.error(request, said(error))
    return redirect(f"{reverse('conversation', args=[dispute.evaluation.conversation_id])}?tab=score")


def said(error: Conflict | ValidationError) -> str:
    """What a service refused, in words for the page."""
    return str(error) if isinstance(error, Conflict) else " ".join(error.messages)
