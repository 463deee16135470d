"""Whether live classifiers still hear what they were trained on: tallies of calls summed up, compared, and told.

What a classifier accepted in the last seven days is compared, by how sure it was, with what it accepted of its examples
in cross-validation; the refused share stands beside it. A large drift is shown wherever the classifier is, and written
to the company's admins once a week.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import structlog
from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import Role
from engines.intents import BINS, Drift, drift
from moments.models import Classifier, ClassifierTally
from tenants.scope import current_schema

log = structlog.get_logger(__name__)

LOOKS_BACK = timedelta(days=7)
KEPT = timedelta(days=30)
TELL_AGAIN = timedelta(days=7)


def classifiers_look() -> None:
    """Sum up, compare and tell, for the current company."""
    today = timezone.now().date()
    _sum_up(today)
    for classifier in Classifier.objects.filter(state=Classifier.State.LIVE):
        drift_update(classifier=classifier)


def _sum_up(today: date) -> None:
    """One row a classifier and day that is over; none older than what is kept."""
    ClassifierTally.objects.filter(day__lt=today - KEPT).delete()
    with transaction.atomic():
        days: dict[tuple[Any, date], list[ClassifierTally]] = defaultdict(list)
        loose = ClassifierTally.objects.select_for_update(skip_locked=True).filter(day__lt=today)
        for row in loose.order_by("classifier_id", "day", "id"):
            days[row.classifier_id, row.day].append(row)
        for (classifier_id, day), rows in days.items():
            if len(rows) < 2:
                continue
            total = _total(rows)
            ClassifierTally.objects.filter(pk__in=[row.pk for row in rows]).delete()
            ClassifierTally.objects.create(classifier_id=classifier_id, day=day, summed=True, **total)


def _total(rows: list[ClassifierTally]) -> dict[str, Any]:
    scores = [0] * BINS
    for row in rows:
        for at, count in enumerate(row.scores[:BINS]):
            scores[at] += count
    return {
        "scores": scores,
        "refused": sum(row.refused for row in rows),
        "failed": sum(row.failed for row in rows),
    }


def told_lately(classifier: Classifier) -> dict[str, Any]:
    """What a classifier told in the last seven days: `scores` by bin of what was accepted, `refused`, `failed`."""
    since = timezone.now().date() - LOOKS_BACK
    rows = ClassifierTally.objects.filter(classifier=classifier, day__gte=since)
    if classifier.live_from is not None:
        rows = rows.filter(day__gte=max(since, classifier.live_from.date()))
    return _total(list(rows))


def drift_update(*, classifier: Classifier) -> Classifier:
    """Compare now with training, keep the result, and tell the admins of a large drift. Returns the classifier."""
    told = told_lately(classifier)
    then = classifier.figures.get("accepted_scores") or [0] * BINS
    found = drift(then, told["scores"])
    texts = found.texts + told["refused"]
    classifier.drift = Classifier.Drift(found.verdict.value)
    classifier.drift_figures = {
        "psi": found.psi,
        "ks": found.ks,
        "accepted": found.texts,
        "refused": told["refused"],
        "refused_share": round(told["refused"] / texts, 4) if texts else None,
        "failed": told["failed"],
        "scores": told["scores"],
        "at": timezone.now().isoformat(),
    }
    classifier.save(update_fields=["drift", "drift_figures"])
    if found.verdict == Drift.MUCH and _is_news(classifier):
        log.warning("classifier.drift", classifier=str(classifier.pk), psi=found.psi, ks=found.ks)
        _tell(classifier)
        Classifier.objects.filter(pk=classifier.pk).update(drift_told_at=timezone.now())
    return classifier


def _is_news(classifier: Classifier) -> bool:
    told = classifier.drift_told_at
    return told is None or told < timezone.now() - TELL_AGAIN


def _tell(classifier: Classifier) -> None:
    """Mail the company's admins; no word of anybody."""
    admins = list(User.objects.filter(role=Role.ADMIN, is_active=True).values_list("email", flat=True))
    if not admins:
        return
    figures = classifier.drift_figures
    send_mail(
        subject=_("Intent classifier “%(task)s” drifts") % {"task": classifier.task},
        message=_(
            "What version %(version)d of the intent classifier “%(task)s” hears has moved away from what it was "
            "trained on.\n\nCompany: %(company)s\nPSI: %(psi)s (above 0.25 is large)\nKS: %(ks)s\n"
            "Texts in the last seven days: %(accepted)d accepted, %(refused)d refused\n\n"
            "Look at it in the admin (%(path)s), label examples of now, and train a new version."
        )
        % {
            "version": classifier.version,
            "task": classifier.task,
            "company": current_schema(),
            "psi": figures["psi"],
            "ks": figures["ks"],
            "accepted": figures["accepted"],
            "refused": figures["refused"],
            "path": reverse("admin:moments_classifier_change", args=[classifier.pk]),
        },
        from_email=None,
        recipient_list=admins,
    )
