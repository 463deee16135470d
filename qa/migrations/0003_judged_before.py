"""What was judged before: whose it was, that its agent has seen it, what each answer is worth; revisions in full."""

from __future__ import annotations

from typing import Any

from django.db import migrations, transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

BATCH = 2_000
# What criteria of the first kind are in the words of today.
CRITERION: dict[str, Any] = {
    "good_example": "",
    "bad_example": "",
    "coaching_tip": "",
    "allow_na": True,
    "kind": "yes_no",
    "options": [],
    "low": None,
    "high": None,
    "depends_on": None,
    "depends_values": [],
    "method": "moment",
    "behaviour": "",
    "figure": "",
    "figure_test": "at_most",
    "limit": None,
    "task": "",
    "intent": "",
    "least_score": None,
}
AUDIENCE: dict[str, Any] = {"teams": [], "queues": [], "channels": []}


def fill(apps: Any, schema_editor: Any) -> None:
    """Runs again where it was cut off: what is done is passed by."""
    for revision in apps.get_model("qa", "ScorecardRevision").objects.all():
        if "audience" not in revision.spec:
            criteria = [{**CRITERION, **one} for one in revision.spec["criteria"]]
            revision.spec = {**revision.spec, "audience": AUDIENCE, "criteria": criteria}
            revision.save(update_fields=["spec"])
    Evaluation, Answer = apps.get_model("qa", "Evaluation"), apps.get_model("qa", "Answer")
    Conversation, User = apps.get_model("conversations", "Conversation"), apps.get_model("accounts", "User")
    agent = Conversation.objects.filter(pk=OuterRef("conversation_id")).values("agent_id")[:1]
    team = User.objects.filter(pk=OuterRef("agent_id")).values("team_id")[:1]
    waiting = Evaluation.objects.filter(submitted_at__isnull=True).order_by("pk")
    last = None
    while True:
        rows = waiting if last is None else waiting.filter(pk__gt=last)
        ids = list(rows.values_list("pk", flat=True)[:BATCH])
        if not ids:
            return
        last = ids[-1]
        with transaction.atomic():
            batch = Evaluation.objects.filter(pk__in=ids)
            batch.filter(evaluator__isnull=False).update(kind="person")
            batch.update(agent_id=Subquery(agent))
            batch.update(team_id=Subquery(team), released_at=Coalesce("released_at", "created_at"))
            answers = Answer.objects.filter(evaluation__in=ids, score__isnull=True)
            answers.filter(value="yes").update(score=100)
            answers.filter(value="no").update(score=0)
            # Last, because it says that the batch is done.
            batch.update(submitted_at=Coalesce("submitted_at", "created_at"))


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("qa", "0002_scorecards_and_parts"), ("accounts", "0001_initial")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
