"""Has a prompt tried on its evaluation set by a worker, which takes as long as the model does."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.services import audit
from providers.language_figures import cases_of
from providers.models import PromptRevision
from providers.tasks import prompt_evaluate


def evaluation_start(*, revision: PromptRevision, actor: Any) -> None:
    """Have a revision tried soon. Raises `ValidationError` where there are no cases, or its time is over."""
    if not revision.changeable:
        raise ValidationError(_("Only a draft is tried. Write a new revision."))
    if not cases_of(revision.task):
        raise ValidationError(_("There is no evaluation set. Add cases first."))
    with transaction.atomic():
        audit(actor=actor, action="promptrevision.evaluate", thing=revision)
        transaction.on_commit(partial(prompt_evaluate.delay, revision_id=str(revision.pk)))
