"""Writes to classifiers: learn from labelled examples, promote, roll back, retire.

Examples are redacted by the company's policy before they are kept, as live words are: a classifier sees in training
what it will see in calls. Learning is a Celery job that tells how far it is; a worker that goes away leaves a
version that says so, and the live one stays live.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.errors import Conflict, error_place
from accounts.models import User
from accounts.services import audit
from conversations.redaction.policy import redaction_config
from engines.intents import (
    OUT_OF_SCOPE,
    Complaint,
    Example,
    Examples,
    UnusableFile,
    check_examples,
    read_examples,
)
from engines.intents.training import Settings, Trained, Untrainable, train
from engines.redaction.redactor import RedactionConfig, redact
from engines.redaction.text import RawText
from moments.models import Classifier, IntentExample, StoredModel, TrainingSet
from moments.vectors import NotEmbedded, server_of_vectors, space_of, texts_vectors
from providers.speech import fault_words
from tenants.locks import held_alone
from tenants.scope import current_schema, schema_scope

log = structlog.get_logger(__name__)

State = Classifier.State
# A training that was not heard of for so long was lost with its worker.
LOST_AFTER = timedelta(minutes=15)
TELL_EVERY_S = 2.0
MOST_VERSIONS_TRAINING = 2
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
AT_ONCE = 1_000
NO_SERVER = gettext_lazy(
    "The company has no active server for vectors of texts. Set one up under Search servers."
)


def classifier_train(
    *,
    task: str,
    data: bytes,
    source: str,
    actor: User | None,
    note: str = "",
    refuse_cost: float = 0.007,
    with_vectors: bool = False,
    strict: bool = False,
    address: str | None = None,
    dispatch: bool = True,
) -> Classifier:
    """Keep the examples of a file and begin to learn a new version of the task's classifier.

    `with_vectors`: learn from the vectors of the company's server besides. `strict` refuses a file with any line that
    cannot be used; otherwise such lines are left out and reported in the training set. Raises `ValidationError`, line
    by line, for a file of which nothing can be learned, and `Conflict` while other versions of this task are being
    learned.
    """
    if not SLUG.fullmatch(task):
        raise ValidationError({"task": _("A task is a short name of small letters, digits, - and _.")})
    if not 0.0 <= refuse_cost <= 0.2:
        raise ValidationError({"refuse_cost": _("Give a share from 0 to 0.2.")})
    if with_vectors and server_of_vectors() is None:
        raise ValidationError({"with_vectors": NO_SERVER})
    found = examples_read(data)
    wrong = check_examples(found.usable)
    if wrong or (strict and found.bad):
        raise ValidationError({"file": [complaint_words(one) for one in [*wrong, *found.complaints]]})
    examples = _redacted(found.usable)
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Version numbers of a task are given one after the other.
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
                [f"{current_schema()}:classifier:{task}"],
            )
        known = Classifier.objects.filter(task=task)
        if known.filter(state=State.TRAINING).count() >= MOST_VERSIONS_TRAINING:
            raise Conflict(_("Versions of this task are being trained already. Wait for them."))
        kept = TrainingSet.objects.create(
            task=task,
            source=source[-120:],
            sha256=hashlib.sha256(data).hexdigest(),
            examples=len(examples),
            intents=len(found.counts.keys() - {OUT_OF_SCOPE}),
            complaints=[[one.line, one.sentence] for one in found.complaints],
            created_by=actor,
        )
        IntentExample.objects.bulk_create(
            [
                IntentExample(training_set=kept, line=one.line, text=one.text, intent=one.intent)
                for one in examples
            ],
            batch_size=AT_ONCE,
        )
        classifier = Classifier.objects.create(
            task=task,
            version=(known.aggregate(newest=Max("version"))["newest"] or 0) + 1,
            training_set=kept,
            refuse_cost=refuse_cost,
            with_vectors=with_vectors,
            note=note[:200],
            created_by=actor,
        )
        audit(
            actor=actor,
            action="classifier.train",
            thing=classifier,
            changes={"task": task, "version": classifier.version, "examples": len(examples)},
            address=address,
        )
        if dispatch:
            _begin(classifier.pk)
    return classifier


def examples_read(data: bytes) -> Examples:
    """The examples of a file. Raises `ValidationError` for one that is none."""
    try:
        return read_examples(data)
    except UnusableFile as error:
        raise ValidationError({"file": str(error)}) from None


def complaint_words(complaint: Complaint) -> str:
    """A complaint as one sentence, with its line."""
    if not complaint.line:
        return complaint.sentence
    return _("Line %(line)d: %(problem)s") % {"line": complaint.line, "problem": complaint.sentence}


def _redacted(examples: list[Example]) -> list[Example]:
    config = redaction_config()
    return [Example(_hidden(one.text, config), one.intent, one.line, one.split) for one in examples]


def _hidden(text: str, config: RedactionConfig) -> str:
    return redact(RawText(text), config).text


def classifier_learn(*, classifier_id: UUID, told: Callable[[float], Any] | None = None) -> Classifier:
    """Learn a version whose training has begun; what goes wrong is written to it. Survives running twice at once."""
    with held_alone(f"classifier:{classifier_id}") as mine:
        classifier = Classifier.objects.select_related("training_set").get(pk=classifier_id)
        if not mine or classifier.state != State.TRAINING:
            return classifier
        try:
            trained = _learn(classifier, told)
        except Untrainable as error:
            _failed(classifier, str(error))
        except Exception as error:
            # The message may quote an example.
            place = f"{type(error).__name__} at {error_place(error)}"
            log.error("classifier.training_failed", classifier=str(classifier_id), error=place)
            _failed(classifier, _("Training broke off: %(place)s") % {"place": place})
        else:
            _keep(classifier, trained)
    classifier.refresh_from_db()
    return classifier


def _learn(classifier: Classifier, told: Callable[[float], Any] | None) -> Trained:
    rows = classifier.training_set.rows.values_list("text", "intent", "line").order_by("line")
    examples = [Example(text, intent, line) for text, intent, line in rows.iterator(chunk_size=5_000)]
    last = 0.0

    def tell(share: float) -> None:
        nonlocal last
        if told is not None:
            told(share)
        if monotonic() - last >= TELL_EVERY_S:
            last = monotonic()
            Classifier.objects.filter(pk=classifier.pk).update(
                progress=min(99, int(share * 100)), seen_at=timezone.now()
            )

    tell(0.0)
    settings = Settings(refuse_cost=classifier.refuse_cost)
    if not classifier.with_vectors:
        return train(examples, settings, tell)
    server = server_of_vectors()
    if server is None:
        raise Untrainable(str(NO_SERVER))
    try:
        vectors = texts_vectors(server, [one.text for one in examples], lambda share: tell(share * 0.3))
    except NotEmbedded as error:
        raise Untrainable(fault_words(error.fault)) from error
    return train(
        examples, settings, lambda share: tell(0.3 + share * 0.7), vectors=vectors, space=space_of(server)
    )


def _keep(classifier: Classifier, trained: Trained) -> None:
    data = trained.model.to_bytes()
    now = timezone.now()
    with transaction.atomic():
        StoredModel.objects.create(classifier=classifier, sha256=hashlib.sha256(data).hexdigest(), data=data)
        Classifier.objects.filter(pk=classifier.pk).update(
            state=State.CANDIDATE,
            figures=trained.figures | {"bytes": len(data)},
            progress=100,
            problem="",
            seen_at=now,
            trained_at=now,
        )


def _failed(classifier: Classifier, problem: str) -> None:
    Classifier.objects.filter(pk=classifier.pk).update(
        state=State.FAILED, problem=problem[:300], seen_at=timezone.now()
    )


def classifier_promote(*, classifier_id: UUID, actor: User | None, address: str | None = None) -> Classifier:
    """Make a version the live one of its task; what was live is retired. Calls that begin from now on use it.

    Raises `Conflict` for a version that has not been trained.
    """
    with transaction.atomic():
        classifier = _locked(classifier_id)
        if classifier.state == State.LIVE:
            return classifier
        if classifier.state not in (State.CANDIDATE, State.RETIRED):
            raise Conflict(_("Only a version that has been trained can go live."))
        _swap(classifier)
        audit(
            actor=actor,
            action="classifier.promote",
            thing=classifier,
            changes={"task": classifier.task, "version": classifier.version},
            address=address,
        )
    return classifier


def classifier_roll_back(*, task: str, actor: User | None, address: str | None = None) -> Classifier:
    """Put back the version that was live before the one that is. Raises `Conflict` when there was none."""
    with transaction.atomic():
        rows = list(Classifier.objects.select_for_update().filter(task=task).order_by("version"))
        before = [row for row in rows if row.state == State.RETIRED and row.live_from is not None]
        if not before:
            raise Conflict(_("No other version of this task has been live."))
        classifier = max(before, key=lambda row: (row.retired_at, row.version))
        _swap(classifier)
        audit(
            actor=actor,
            action="classifier.roll_back",
            thing=classifier,
            changes={"task": task, "version": classifier.version},
            address=address,
        )
    return classifier


def classifier_retire(*, classifier_id: UUID, actor: User | None, address: str | None = None) -> Classifier:
    """Take a version out of use: calls that begin from now on tell no intents of its task, if it was live."""
    with transaction.atomic():
        classifier = _locked(classifier_id)
        if classifier.state not in (State.LIVE, State.CANDIDATE):
            return classifier
        classifier.state, classifier.retired_at = State.RETIRED, timezone.now()
        classifier.save(update_fields=["state", "retired_at"])
        audit(
            actor=actor,
            action="classifier.retire",
            thing=classifier,
            changes={"task": classifier.task, "version": classifier.version},
            address=address,
        )
    return classifier


def _locked(classifier_id: UUID) -> Classifier:
    """The version, with all of its task locked in one order: two people promote one after the other."""
    task = Classifier.objects.values_list("task", flat=True).get(pk=classifier_id)
    rows = Classifier.objects.select_for_update().filter(task=task).order_by("version")
    return next(row for row in rows if row.pk == classifier_id)


def _swap(classifier: Classifier) -> None:
    now = timezone.now()
    Classifier.objects.filter(task=classifier.task, state=State.LIVE).update(
        state=State.RETIRED, retired_at=now
    )
    classifier.state, classifier.live_from, classifier.retired_at = State.LIVE, now, None
    classifier.drift, classifier.drift_figures, classifier.drift_told_at = Classifier.Drift.UNKNOWN, {}, None
    classifier.save(
        update_fields=["state", "live_from", "retired_at", "drift", "drift_figures", "drift_told_at"]
    )


def trainings_wake() -> int:
    """Begin trainings again whose message was lost; say of those that fell silent that they are lost.

    Returns how many there were.
    """
    quiet = timezone.now() - LOST_AFTER
    under_way = Classifier.objects.filter(state=State.TRAINING)
    lost = under_way.filter(seen_at__lt=quiet).update(
        state=State.FAILED, problem=_("The worker went away. Train again.")
    )
    waiting = list(under_way.filter(seen_at__isnull=True, created_at__lt=quiet).values_list("pk", flat=True))
    for classifier_id in waiting:
        with transaction.atomic():
            _begin(classifier_id)
    return lost + len(waiting)


def _begin(classifier_id: UUID) -> None:
    from moments.tasks import classifier_learn_job

    schema = current_schema()

    def hand_on() -> None:
        with schema_scope(schema):
            try:
                classifier_learn_job.delay(classifier_id=str(classifier_id))
            except (OSError, classifier_learn_job.OperationalError) as error:
                log.warning(
                    "classifier.broker_away", classifier=str(classifier_id), error=type(error).__name__
                )

    transaction.on_commit(hand_on)
