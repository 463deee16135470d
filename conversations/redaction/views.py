"""Pages of privacy: findings to look at, what was found, history read again."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from conversations.models import Conversation, Recording, RedactionReview, RedactionRun, Utterance
from conversations.redaction import again, review
from conversations.redaction.labels import Labels
from conversations.redaction.policy import types_known
from conversations.redaction.report import PERIODS, Row, report
from conversations.review import speaker_names
from engines.language.marking import spans_html, words_html

HEARD_AROUND_MS = 3000
DRAWN_AROUND_MS = 8000
RUNS_SHOWN = 20
BESIDE = ("before", "after", "turn")


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


@needs(Permission.CONVERSATION_REDACT)
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """The first of the pages."""
    return HttpResponseRedirect(reverse("privacy-review"))


# --- Findings to look at --------------------------------------------------------------------------------


@needs(Permission.CONVERSATION_REDACT)
@require_safe
def review_page(request: HttpRequest, review_id: UUID | None = None) -> HttpResponse:
    """The list, and one of it with what was said around it: the first, or the one that is asked for."""
    user, filters = _user(request), _filters(request)
    rows = list(
        review.reviews_open(user, type_name=filters.get("type", ""), because=filters.get("because", ""))[
            : review.QUEUE_SHOWN
        ]
    )
    chosen = next((row for row in rows if row.pk == review_id), None)
    if chosen is None and review_id is not None:
        chosen = review.review_for(user, review_id)
    elif chosen is None and rows:
        chosen = rows[0]
    place = next((number for number, row in enumerate(rows) if chosen and row.pk == chosen.pk), None)
    counts, types, label = review.open_by(user), types_known(), Labels()
    because = dict(RedactionReview.Because.choices)
    context = {
        "rows": [{"row": row, "label": label(row.type), "because": because[row.because]} for row in rows],
        "chosen": _chosen(chosen, types, label) if chosen else None,
        "filters": filters,
        "link": f"?{urlencode(filters)}" if filters else "",
        "total": sum(counts["type"].values()),
        "types": [(name, label(name), count) for name, count in counts["type"].items()],
        "reasons": [(name, because[name], count) for name, count in counts["because"].items()],
        "previous": rows[place - 1].pk if place else None,
        "next": rows[place + 1].pk if place is not None and place + 1 < len(rows) else None,
        "choices": list(types.items()),
        "page": "review",
    }
    return render(request, "conversations/privacy_review.html", context)


def _filters(request: HttpRequest) -> dict[str, str]:
    # In forms "type" says what is hidden.
    given, prefix = (request.POST, "only_") if request.method == "POST" else (request.GET, "")
    filters = {name: given.get(prefix + name, "")[:40] for name in ("type", "because")}
    if filters["because"] not in RedactionReview.Because.values:
        filters["because"] = ""
    return {name: value for name, value in filters.items() if value}


def _chosen(row: RedactionReview, types: Mapping[str, str], label: Labels) -> dict[str, Any]:
    found = review.around(row)
    names = speaker_names(row.conversation)
    recording = Recording.objects.filter(conversation=row.conversation_id).first()

    def shown(turn: Utterance) -> dict[str, Any]:
        own = turn.pk == row.utterance_id
        html = (
            spans_html(turn.text, [(found.start, found.end)], label=label)
            if own and found.end
            else words_html(turn.text, label=label)
        )
        return {
            "row": turn,
            "own": own,
            "name": names.get(turn.speaker, turn.speaker),
            "html": mark_safe(html),  # noqa: S308 escaped there
        }

    sound = None
    if recording is not None:
        first = max(0, found.from_ms - DRAWN_AROUND_MS) // 100
        last = (found.until_ms + DRAWN_AROUND_MS) // 100
        sound = {
            "play": [max(0, found.from_ms - HEARD_AROUND_MS), found.until_ms + HEARD_AROUND_MS],
            "from_ms": first * 100,
            "until_ms": min(recording.duration_ms, last * 100),
            "peaks": [side[first:last] for side in recording.peaks],
            "hidden": [
                one for one in recording.redacted_intervals if one[2] > first * 100 and one[1] < last * 100
            ],
            "channel": row.utterance.channel_index,
            "words": {"play": _("Play around it"), "pause": _("Pause")},
        }
    return {
        "row": row,
        "label": label(row.type),
        "turns": [shown(turn) for turn in found.turns],
        "reason": row.redaction.reason if row.redaction else "",
        "percent": round(100 * row.score),
        "beside": {which: review.beside(row.utterance, found.start, found.end, which) for which in BESIDE},
        "sound": sound,
        "sides": [
            (channel, names.get(speaker, speaker))
            for channel, speaker in sorted({(turn.channel_index, turn.speaker) for turn in found.turns})
        ],
        "hiding": {
            "url": reverse("api-redaction-review-decide", args=[row.pk]),
            "kinds": {f"[{name}]": words for name, words in types.items()},
            "more": {"decision": "more"},
            "words": {
                "hidden_thing": _("hidden: {label}"),
                "hidden": _("Hidden here. The sound follows within a minute."),
                "not_hidden": _("The words could not be hidden. Please try again."),
            },
        },
    }


@needs(Permission.CONVERSATION_REDACT)
@require_POST
def review_decide(request: HttpRequest, review_id: UUID) -> HttpResponse:
    """Take a decision and go on with the next one: `decision` is confirm, false_alarm, more or silence."""
    user = _user(request)
    row = review.review_for(user, review_id)
    filters, address = _filters(request), address_of(request) or None
    decision = request.POST.get("decision", "")
    following = request.POST.get("next", "")
    try:
        if decision in review.DECISIONS:
            review.review_decide(review=row, actor=user, decision=decision, address=address)
        elif decision == "more":
            _hide_beside(request, row, address)
            following = str(row.pk)
        elif decision == "silence":
            _silence(request, row, address)
            following = str(row.pk)
        else:
            raise Http404("no such decision")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        following = str(row.pk)
    except Conflict as error:
        messages.error(request, str(error))
    try:
        path = reverse("privacy-review-one", args=[UUID(following)])
    except ValueError:
        path = reverse("privacy-review")
    return HttpResponseRedirect(path + (f"?{urlencode(filters)}" if filters else ""))


def _hide_beside(request: HttpRequest, row: RedactionReview, address: str | None) -> None:
    which = request.POST.get("which", "")
    finding = row.redaction
    if which not in BESIDE or finding is None:
        raise ValidationError(_("Say what is to be hidden."))
    place = review.beside(row.utterance, finding.start, finding.end, which)
    if place is None:
        raise ValidationError(_("There are no words there."))
    review.review_hide_more(
        review=row,
        actor=_user(request),
        utterance_id=row.utterance_id,
        start=place[0],
        end=place[1],
        type_name=request.POST.get("type", ""),
        revision=row.utterance.revision,
        address=address,
    )
    messages.success(request, _("Hidden in text and sound."))


def _silence(request: HttpRequest, row: RedactionReview, address: str | None) -> None:
    try:
        channel = int(request.POST.get("channel", ""))
        start_ms, end_ms = (round(1000 * float(request.POST.get(name, ""))) for name in ("from", "until"))
    except (ValueError, OverflowError):
        raise ValidationError(_("Say from when until when, in seconds.")) from None
    review.stretch_check(review=row, channel=channel, start_ms=start_ms, end_ms=end_ms)
    review.review_silence(
        review=row, actor=_user(request), channel=channel, start_ms=start_ms, end_ms=end_ms, address=address
    )
    messages.success(request, _("It is silenced within a minute."))


# --- What was found -------------------------------------------------------------------------------------


@needs(Permission.REPORT_READ)
@require_safe
def report_page(request: HttpRequest) -> HttpResponse:
    """Found by type and detector, live, afterwards and by hand; how often that was wrong; checks not done."""
    days = _days(request)
    found, label = report(days=days), Labels()
    context = {
        "periods": PERIODS,
        "days": days,
        "found": found,
        "types": [(row, label(row.type)) for row in found.types],
        "detectors": [(row, label(row.type)) for row in found.detectors],
        "most": max((row.counts.all for row in found.types), default=1) or 1,
        "page": "report",
    }
    return render(request, "conversations/privacy_report.html", context)


def _days(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked in {str(period) for period in PERIODS} else PERIODS[1]


@needs(Permission.REPORT_READ)
@require_safe
def report_csv(request: HttpRequest) -> HttpResponse:
    """The same by type and detector, as a table to take away."""
    file = io.StringIO()
    writer = csv.writer(file)
    columns = ("live", "second", "again", "manual", "confirmed", "false_alarms")
    writer.writerow(["type", "detector", *columns])
    rows: list[Row] = report(days=_days(request)).detectors
    writer.writerows(
        [row.type, row.detector, *(getattr(row.counts, name) for name in columns)] for row in rows
    )
    return HttpResponse(
        file.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="redaction-{timezone.localdate()}.csv"'},
    )


# --- History read again ---------------------------------------------------------------------------------


@needs(Permission.ADMIN_CONFIGURE)
@require_safe
def again_page(request: HttpRequest) -> HttpResponse:
    """How far re-redaction has come, and how to start it."""
    runs = list(RedactionRun.objects.select_related("started_by")[:RUNS_SHOWN])
    running = next((run for run in runs if run.is_open), None)
    context = {
        "runs": runs,
        "running": running,
        "percent": round(100 * running.done / running.total) if running and running.total else 0,
        "still": again.still_to_read(since=None) if running is None else 0,
        "oldest": Conversation.objects.order_by("announced_at")
        .values_list("announced_at", flat=True)
        .first(),
        "page": "again",
    }
    # The part that changes is fetched by itself while a run is under way.
    name = "privacy_again_runs.html" if request.headers.get("HX-Request") else "privacy_again.html"
    return render(request, f"conversations/{name}", context)


@needs(Permission.ADMIN_CONFIGURE)
@require_POST
def again_start(request: HttpRequest) -> HttpResponse:
    """Start to read history again, all of it or from a day on."""
    asked = request.POST.get("since", "")
    try:
        day = parse_date(asked) if asked else None
    except ValueError:
        day = None
    if asked and day is None:
        messages.error(request, _("There is no such day."))
        return HttpResponseRedirect(reverse("privacy-again"))
    since = datetime.combine(day, time.min, tzinfo=UTC) if day else None
    try:
        run = again.run_start(
            actor=_user(request), since=since, reason=_("by hand"), address=address_of(request) or None
        )
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            ngettext("%(n)d conversation is read again.", "%(n)d conversations are read again.", run.total)
            % {"n": run.total},
        )
    return HttpResponseRedirect(reverse("privacy-again"))


@needs(Permission.ADMIN_CONFIGURE)
@require_POST
def again_resume(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Go on with a run that was cancelled, where it was."""
    if not RedactionRun.objects.filter(pk=run_id).exists():
        raise Http404("no such run")
    try:
        again.run_resume(run_id=run_id, actor=_user(request), address=address_of(request) or None)
    except Conflict as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("privacy-again"))


@needs(Permission.ADMIN_CONFIGURE)
@require_POST
def again_cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Stop a run; what is hidden stays hidden."""
    if not RedactionRun.objects.filter(pk=run_id).exists():
        raise Http404("no such run")
    again.run_cancel(run_id=run_id, actor=_user(request), address=address_of(request) or None)
    return HttpResponseRedirect(reverse("privacy-again"))
