"""Pages of calibrations: the list, planning one, the room where answers stand side by side, and what came of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, time
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from conversations.access import conversation_for
from conversations.models import Conversation, Utterance
from conversations.redaction.labels import Labels
from conversations.review import quotes
from qa.agreement import PAIRS_MIN
from qa.calibrating import (
    calibration_cancel,
    calibration_close,
    calibration_create,
    calibration_open,
    calibration_people,
    calibration_scoring_close,
    reference_agree,
)
from qa.calibration_access import (
    calibration_for,
    calibration_led,
    calibrations_visible,
    raters_offered,
)
from qa.calibration_files import results_file
from qa.calibration_room import RESULTS_PERIOD, calibration_shown, results_shown
from qa.models import CalibrationSession, ScorecardTemplate
from qa.reporting.responses import file_response
from qa.reporting.tables import FORMS
from qa.selectors import evaluation_choices
from qa.work_views import PAGE, key_of, said, user_of

IDS = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@needs(Permission.EVALUATION_OVERRIDE)
@require_safe
def calibrations_page(request: HttpRequest) -> HttpResponse:
    """Those that this person leads or takes part in, the newest first."""
    user = user_of(request)
    rows = calibrations_visible(user).annotate(
        raters=Count("participants", distinct=True), called=Count("calls", distinct=True)
    )
    if after := key_of(request.GET.get("after", "")):
        rows = rows.filter(pk__lt=after)
    found = list(rows[: PAGE + 1])
    context = {
        "rows": found[:PAGE],
        "next": found[PAGE - 1].pk if len(found) > PAGE else None,
        "manages": user.may(Permission.EVALUATION_MANAGE),
        "now": timezone.now(),
    }
    return render(request, "qa/calibrations.html", context)


@needs(Permission.EVALUATION_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def calibration_new_page(request: HttpRequest) -> HttpResponse:
    """Plan one for a call (`conversation`: its id or its address), and for others like it."""
    user = user_of(request)
    given = request.POST if request.method == "POST" else request.GET
    found = IDS.search(given.get("conversation", ""))
    if found is None:
        return render(request, "qa/calibration_new.html", {"asked": given.get("conversation", "")})
    conversation = conversation_for(user, found[0])
    choices = [
        {**one, "value": f"{one['template'].pk} {one['agent'].pk if one['agent'] else ''}".strip()}
        for one in evaluation_choices(conversation)
    ]
    if request.method == "POST":
        try:
            session = _planned(request, user, conversation)
        except (Conflict, ValidationError) as error:
            messages.error(request, said(error))
        else:
            return redirect("calibration", session.pk)
    people = raters_offered([conversation])
    context = {
        "conversation": conversation,
        "choices": choices,
        "people": people,
        "given": given,
        "rating": given.getlist("participants"),
        "leader": given.get("leader", str(user.pk)),
    }
    return render(request, "qa/calibration_new.html", context)


def _planned(request: HttpRequest, user: User, conversation: Conversation) -> CalibrationSession:
    """What the form says, planned, and opened where it says so (`open`)."""
    given = request.POST
    chosen = IDS.findall(given.get("chosen", ""))
    template = get_object_or_404(ScorecardTemplate, pk=chosen[0] if chosen else None)
    agent = UUID(chosen[1]) if len(chosen) > 1 else None
    calls: list[tuple[Conversation, UUID | None]] = [(conversation, agent)]
    try:
        calls += [(conversation_for(user, one), None) for one in IDS.findall(given.get("others", ""))]
    except Http404:
        raise ValidationError({"calls": _("One of the further calls is not there.")}) from None
    people = _people(given.getlist("participants"))
    reference = _people([given["reference_rater"]]) if given.get("reference_rater") else []
    leader = _people([given["leader"]]) if given.get("leader") else []
    session = calibration_create(
        name=given.get("name", ""),
        template=template,
        calls=calls,
        participants=people,
        leader=leader[0] if leader else user,
        reference_rater=reference[0] if reference else None,
        due_at=_end_of_day(given.get("due", "")),
        actor=user,
    )
    if given.get("do") == "open":
        try:
            calibration_open(session=session, actor=user)
        except Conflict as error:
            # It is planned, and its page says what it lacks.
            messages.error(request, str(error))
    return session


def _people(ids: list[str]) -> list[User]:
    wanted = [key for one in ids if (key := key_of(one)) is not None]
    return list(User.objects.filter(pk__in=wanted, is_active=True))


def _end_of_day(given: str) -> datetime | None:
    try:
        day = parse_date(given) if given else None
    except ValueError:
        day = None
    return timezone.make_aware(datetime.combine(day, time(23, 59))) if day else None


# --- The room -------------------------------------------------------------------------------------------


@needs(Permission.EVALUATION_OVERRIDE)
@require_safe
def calibration_page(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Before: who has submitted. Afterwards: raters side by side, what is agreed, and how far they agree."""
    user = user_of(request)
    session = calibration_for(user, session_id)
    shown = calibration_shown(session, user)
    _quote(shown)
    taking_part = {one["id"] for one in shown["participants"]}
    offered = []
    if shown["leads"] and session.is_blind:
        calls = [one.conversation for one in session.calls.select_related("conversation")]
        offered = [one for one in raters_offered(calls) if str(one.pk) not in taking_part]
    context = {
        "session": session,
        "shown": shown,
        "offered": offered,
        "least": PAIRS_MIN,
        "now": timezone.now(),
        "opened": request.GET.get("at", ""),
        "first": next((one["assignment"] for one in shown["calls"] if one["assignment"]), None),
    }
    return render(request, "qa/calibration.html", context)


def _quote(shown: dict[str, Any]) -> None:
    """Put the words beside the evidence, and times as times. One query for all calls."""
    label = Labels()
    wanted = {
        place["utterance"]
        for call in shown["calls"]
        for criterion in call["criteria"]
        for answer in criterion["answers"]
        for place in answer["evidence"]
        if "utterance" in place
    }
    spoken = {
        str(pk): {"text": text, "start_ms": start_ms}
        for pk, text, start_ms in Utterance.objects.filter(pk__in=wanted).values_list(
            "pk", "text", "start_ms"
        )
    }
    for call in shown["calls"]:
        call["at"] = parse_datetime(call["announced_at"])
        for criterion in call["criteria"]:
            for answer in criterion["answers"]:
                answer["quotes"] = quotes(answer["evidence"], spoken, label)


def _agree(request: HttpRequest, session: CalibrationSession, user: User) -> str:
    call = get_object_or_404(session.calls, pk=key_of(request.POST.get("call", "")))
    key = request.POST.get("criterion", "")
    reference_agree(
        session=session,
        call=call,
        key=key,
        value=request.POST.get("value", ""),
        reason=request.POST.get("reason", ""),
        actor=user,
    )
    return f"?at={call.pk}-{key}#c-{call.pk}-{key}"


def _add(request: HttpRequest, session: CalibrationSession, user: User) -> str:
    calibration_people(session=session, actor=user, add=_people(request.POST.getlist("person")))
    return ""


def _remove(request: HttpRequest, session: CalibrationSession, user: User) -> str:
    gone = session.participants.filter(pk=key_of(request.POST.get("person", "")))
    calibration_people(session=session, actor=user, remove=list(gone))
    return ""


def _step(service: Callable[..., Any]) -> Callable[[HttpRequest, CalibrationSession, User], str]:
    def work(request: HttpRequest, session: CalibrationSession, user: User) -> str:
        service(session=session, actor=user)
        return ""

    return work


WORK = {
    "agree": _agree,
    "add": _add,
    "remove": _remove,
    "open": _step(calibration_open),
    "close_scoring": _step(calibration_scoring_close),
    "close": _step(calibration_close),
    "cancel": _step(calibration_cancel),
}


@needs(Permission.EVALUATION_OVERRIDE)
@require_POST
def calibration_do_page(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """What whoever leads does (`do`): open, close_scoring, agree, close, cancel, add and remove people."""
    user = user_of(request)
    session = calibration_led(user, session_id)
    work = WORK.get(request.POST.get("do", ""))
    if work is None:
        raise Http404("no such thing to do")
    place = ""
    try:
        place = work(request, session, user)
    except (Conflict, ValidationError) as error:
        messages.error(request, said(error))
    answer = redirect("calibration", session.pk)
    answer["Location"] += place
    return answer


# --- What came of them ----------------------------------------------------------------------------------


@needs(Permission.EVALUATION_MANAGE)
@require_safe
def results_page(request: HttpRequest) -> HttpResponse:
    """All calibrations by one scorecard together, and their trend."""
    scorecards, chosen = _chosen(request)
    since = timezone.now() - RESULTS_PERIOD
    shown = results_shown(chosen, since=since) if chosen else None
    for one in shown["trend"] if shown else []:
        one["at"] = parse_datetime(one["closed_at"])
    context = {
        "scorecards": scorecards,
        "chosen": chosen,
        "shown": shown,
        "since": since,
        "least": PAIRS_MIN,
    }
    return render(request, "qa/calibration_results.html", context)


@needs(Permission.EVALUATION_MANAGE)  # type: ignore[arg-type]
@require_safe
def results_file_page(request: HttpRequest, form: str) -> HttpResponseBase:
    """The same as a CSV file or a workbook."""
    _scorecards, card = _chosen(request)
    if form not in FORMS or card is None:
        raise Http404("no such file")
    shown = results_shown(card, since=timezone.now() - RESULTS_PERIOD)
    address = address_of(request) or None
    file, name = results_file(user=user_of(request), card=card, shown=shown, form=form, address=address)
    return file_response(request, file, name, form)


def _chosen(request: HttpRequest) -> tuple[list[ScorecardTemplate], ScorecardTemplate | None]:
    """The scorecards that were calibrated by, and the one that is asked for, or the first."""
    scorecards = list(_calibrated().order_by("name"))
    wanted = key_of(request.GET.get("scorecard", ""))
    first = scorecards[0] if scorecards else None
    return scorecards, next((one for one in scorecards if one.pk == wanted), first)


def _calibrated() -> QuerySet[ScorecardTemplate]:
    sessions = CalibrationSession.objects.filter(state=CalibrationSession.State.CLOSED)
    return ScorecardTemplate.objects.filter(pk__in=sessions.values("revision__template"))
