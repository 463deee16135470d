"""Learning a version of the next step: begun, done in parts, cancelled, gone on with.

The dialogues are kept, redacted, until the version is learned. Each part of the trial (`engines.next_step.trial`) is a
message of its own; what it counted is written before the next begins, so that a training whose worker went away goes
on where it was. The last part learns from all dialogues together.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict, error_place
from accounts.models import User
from accounts.services import audit
from coaching.models import NextStepFile, NextStepTraining, NextStepVersion
from coaching.models.next_steps import NEVER
from coaching.next_step_labels import labelled_dialogues
from coaching.next_steps import hidden, playbooks_read
from conversations.redaction.policy import redaction_config
from engines.next_step.dialogue import Dialogue, dialogue_from, dialogues_of, row_of
from engines.next_step.model import PAST, PLAYBOOK, pack, train
from engines.next_step.schema import TaskSchema
from engines.next_step.trial import Count, Piece, pieces
from tenants.locks import held_alone
from tenants.scope import current_schema, schema_scope

log = structlog.get_logger(__name__)

RIGHT = 0.8
# Fewer tell nothing in cross-validation.
FEWEST_DIALOGUES = 10
MOST_DIALOGUES = 20_000
SEED = 20_240_601
# A part takes minutes at most; one that was not heard of for so long was lost with its worker.
LOST_AFTER = timedelta(minutes=30)
# Words are not kept for a training that nobody goes on with.
KEPT_FOR = timedelta(days=7)
State = NextStepVersion.State
Told = Callable[[NextStepVersion], Any]


def next_steps_begin(
    *,
    dialogues: Sequence[Dialogue],
    playbooks: Mapping[str, Mapping[str, Any]],
    source: str,
    sha256: str,
    actor: User | None,
    note: str = "",
    with_labels: bool = False,
    address: str | None = None,
    dispatch: bool = True,
) -> NextStepVersion:
    """Keep the dialogues and begin to learn a new version; minutes for 500 dialogues.

    `with_labels` adds the calls in which agents answered suggestions; they are looked for when learning begins.
    `playbooks` by task: `replies`, `graph` and, if known apart, `responses`. Raises `ValidationError` where nothing
    can be learned, and `Conflict` while another version is being learned.
    """
    training_checked(dialogues, playbooks)
    kept = _packed(dialogues)
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Version numbers are given one after the other.
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{current_schema()}:next_step"]
            )
        _alone()
        version = NextStepVersion.objects.create(
            version=(NextStepVersion.objects.aggregate(newest=Max("version"))["newest"] or 0) + 1,
            state=State.TRAINING,
            source=source[-120:],
            sha256=sha256,
            note=note[:200],
            dialogues=len(dialogues),
            playbooks={task: dict(book) for task, book in playbooks.items()},
            created_by=actor,
        )
        NextStepTraining.objects.create(version=version, dialogues=kept, with_labels=with_labels)
        audit(
            actor=actor,
            action="next_step.train",
            thing=version,
            changes={"version": version.version, "dialogues": len(dialogues)},
            address=address,
        )
        if dispatch:
            _begin(version.pk)
    return version


def training_checked(dialogues: Sequence[Dialogue], playbooks: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise `ValidationError` where nothing can be learned, and `Conflict` while another version is being learned."""
    playbooks_read(playbooks)
    if not FEWEST_DIALOGUES <= len(dialogues) <= MOST_DIALOGUES:
        raise ValidationError(
            _("Give %(least)d to %(most)d dialogues.") % {"least": FEWEST_DIALOGUES, "most": MOST_DIALOGUES}
        )
    if not any(True for dialogue in dialogues for _decision in dialogue.decisions()):
        raise ValidationError(_("No action of an agent is labelled."))
    _alone()


def _alone(but: UUID | None = None) -> None:
    under_way = NextStepVersion.objects.filter(state=State.TRAINING).values_list("pk", flat=True)
    if any(one != but for one in under_way):
        raise Conflict(_("Another version is being trained. Wait for it, or cancel it."))


def _packed(dialogues: Sequence[Dialogue]) -> bytes:
    config = redaction_config()
    plain = (replace(one, events=tuple(hidden(event, config) for event in one.events)) for one in dialogues)
    lines = "".join(json.dumps(row_of(one), ensure_ascii=False) + "\n" for one in plain)
    return lzma.compress(lines.encode(), preset=1)


def next_steps_cancel(*, version_id: UUID, actor: User | None, address: str | None = None) -> NextStepVersion:
    """Stop a training after the part it is at. What is done stays, to go on with. Others stay as they are."""
    with transaction.atomic():
        version = NextStepVersion.objects.select_for_update().get(pk=version_id)
        if version.state == State.TRAINING:
            version.state = State.CANCELLED
            version.save(update_fields=["state"])
            audit(actor=actor, action="next_step.cancel", thing=version, address=address)
    return version


def next_steps_resume(
    *, version_id: UUID, actor: User | None, address: str | None = None, dispatch: bool = True
) -> NextStepVersion:
    """Go on with a training that was cancelled, has failed or is not heard of. Raises `Conflict` for one that is done,
    and while another is under way.
    """
    with transaction.atomic():
        version = NextStepVersion.objects.select_for_update().get(pk=version_id)
        if not NextStepTraining.objects.filter(pk=version_id).exists():
            raise Conflict(_("There is nothing left to learn from. Begin another training."))
        _alone(but=version_id)
        if version.state != State.TRAINING:
            version.state, version.problem, version.seen_at = State.TRAINING, "", None
            version.save(update_fields=["state", "problem", "seen_at"])
            audit(actor=actor, action="next_step.resume", thing=version, address=address)
        if dispatch:
            _begin(version.pk)
    return version


def next_steps_learn(*, version_id: UUID, told: Told | None = None) -> NextStepVersion:
    """Do the next part of a training; with `told`, which hears of each, all that are left.

    What goes wrong is written to the version. Survives running twice at once.
    """
    with held_alone(f"next_step:{version_id}") as mine:
        version = NextStepVersion.objects.get(pk=version_id)
        if not mine or version.state != State.TRAINING:
            return version
        try:
            work = _Work(version)
            while work.step():
                version.refresh_from_db()
                if told is None:
                    break
                told(version)
        except Exception as error:
            # The message may quote a dialogue.
            place = f"{type(error).__name__} at {error_place(error)}"
            log.error("next_step.training_failed", version=str(version_id), error=place)
            NextStepVersion.objects.filter(pk=version_id, state=State.TRAINING).update(
                state=State.FAILED,
                problem=(_("Training broke off: %(place)s") % {"place": place})[:300],
                seen_at=timezone.now(),
            )
    version.refresh_from_db()
    if told is None and version.state == State.TRAINING:
        with transaction.atomic():
            _begin(version.pk)
    return version


class _Work:
    """What is left of one training."""

    def __init__(self, version: NextStepVersion) -> None:
        self._version = version
        kept = NextStepTraining.objects.get(pk=version.pk)
        lines = lzma.decompress(bytes(kept.dialogues)).decode().split("\n")
        self._dialogues = dialogues_of(lines, version.source)
        if kept.with_labels:
            self._add_labels()
        self._schemas: Mapping[str, TaskSchema] = playbooks_read(version.playbooks)
        self._pieces, self._how = pieces(self._dialogues, self._dialogues, seed=SEED)
        self._done: dict[str, Any] = kept.done

    def _add_labels(self) -> None:
        """Add the labelled calls, once: the parts of the trial are the same ones from then on."""
        room = MOST_DIALOGUES - len(self._dialogues)
        self._dialogues += [dialogue_from(row) for row in islice(labelled_dialogues(), room)]
        with transaction.atomic():
            NextStepTraining.objects.filter(pk=self._version.pk).update(
                dialogues=_packed(self._dialogues), with_labels=False
            )
            NextStepVersion.objects.filter(pk=self._version.pk).update(dialogues=len(self._dialogues))

    def step(self) -> bool:
        """Do one part. Returns whether there is more to do: none after the last, nor once it was cancelled."""
        for number, piece in enumerate(self._pieces):
            if str(number) not in self._done:
                return self._part(number, piece)
        self._finish()
        return False

    def _part(self, number: int, piece: Piece) -> bool:
        self._done[str(number)] = piece.done(self._schemas).kept()
        with transaction.atomic():
            NextStepTraining.objects.filter(pk=self._version.pk).update(done=self._done)
            return bool(
                NextStepVersion.objects.filter(pk=self._version.pk, state=State.TRAINING).update(
                    progress=100 * len(self._done) // (len(self._pieces) + 1), seen_at=timezone.now()
                )
            )

    def _finish(self) -> None:
        seen, unseen = Count(), Count()
        for number, piece in enumerate(self._pieces):
            (seen if piece.is_seen else unseen).take(Count.of(self._done[str(number)]))
        data = pack(train(self._dialogues, self._schemas, past=PAST, playbook=PLAYBOOK))
        threshold = sure_from(seen.sure)
        figures = _figures(seen, unseen, threshold) | {"how": self._how, "bytes": len(data)}
        with transaction.atomic():
            if NextStepVersion.objects.filter(pk=self._version.pk, state=State.TRAINING).update(
                state=State.CANDIDATE,
                progress=100,
                threshold=threshold,
                figures=figures,
                seen_at=timezone.now(),
            ):
                NextStepFile.objects.create(
                    version=self._version, sha256=hashlib.sha256(data).hexdigest(), data=data
                )
                NextStepTraining.objects.filter(pk=self._version.pk).delete()


def next_steps_train(
    *,
    dialogues: Sequence[Dialogue],
    playbooks: Mapping[str, Mapping[str, Any]],
    source: str,
    sha256: str,
    actor: User | None,
    note: str = "",
    with_labels: bool = False,
    told: Told = lambda version: None,
) -> NextStepVersion:
    """Learn a new version here and now; as `next_steps_begin`. One that failed says so in its `problem`."""
    version = next_steps_begin(
        dialogues=dialogues,
        playbooks=playbooks,
        source=source,
        sha256=sha256,
        actor=actor,
        note=note,
        with_labels=with_labels,
        dispatch=False,
    )
    return next_steps_learn(version_id=version.pk, told=told)


def next_step_trainings_wake() -> int:
    """Go on with trainings whose worker went away or whose message was lost. Returns how many there were.

    What one was given that was cancelled or failed `KEPT_FOR` ago, and not gone on with, is removed.
    """
    old = timezone.now() - KEPT_FOR
    left = NextStepTraining.objects.filter(version__state__in=[State.CANCELLED, State.FAILED])
    left.filter(
        Q(version__seen_at__lt=old) | Q(version__seen_at__isnull=True, version__created_at__lt=old)
    ).delete()
    quiet = timezone.now() - LOST_AFTER
    unheard = Q(seen_at__lt=quiet) | Q(seen_at__isnull=True, created_at__lt=quiet)
    waiting = list(NextStepVersion.objects.filter(unheard, state=State.TRAINING).values_list("pk", flat=True))
    for version_id in waiting:
        with transaction.atomic():
            _begin(version_id)
    return len(waiting)


def sure_from(sure: Sequence[tuple[float, bool]]) -> float:
    """The lowest probability of which it and all above were right `RIGHT` of the time; `NEVER` where there is none."""
    lowest, right = NEVER, 0
    ordered = sorted(sure, reverse=True)
    for count, (probability, was_right) in enumerate(ordered, 1):
        right += was_right
        # Equal ones are shown together or not at all.
        if count < len(ordered) and ordered[count][0] == probability:
            continue
        if count >= FEWEST_DIALOGUES and right / count >= RIGHT:
            lowest = probability
    return lowest


def _figures(seen: Count, unseen: Count, threshold: float) -> dict[str, Any]:
    shown = [right for probability, right in seen.sure if probability >= threshold]
    return {
        "decisions": len(seen.sure),
        "seen_accuracy": _round(seen.share()),
        "among_three": _round(seen.share(1)),
        "unseen_accuracy": _round(unseen.share()),
        "shown_share": _round(len(shown) / len(seen.sure)) if seen.sure else None,
        "shown_accuracy": _round(sum(shown) / len(shown)) if shown else None,
        "tasks": {task: _round(share) for task, share in seen.by_task().items()},
    }


def _round(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _begin(version_id: UUID) -> None:
    from coaching.tasks import next_step_learn_job

    schema = current_schema()

    def hand_on() -> None:
        with schema_scope(schema):
            try:
                next_step_learn_job.delay(version_id=str(version_id))
            except (OSError, next_step_learn_job.OperationalError) as error:
                log.warning("next_step.broker_away", version=str(version_id), error=type(error).__name__)

    transaction.on_commit(hand_on)
