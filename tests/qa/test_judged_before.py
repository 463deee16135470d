"""What was judged before criteria had kinds: the migration gives it what it lacks, and may be cut off and run again."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from qa.models import Answer, Evaluation, ScorecardRevision
from qa.scorecards import scorecard_spec
from qa.services import answer_override, scorecard_publish
from tests.past_calls import past_call

migration = import_module("qa.migrations.0003_judged_before")
OLD = (
    *("key", "section", "question", "guideline", "weight", "auto_fail", "expect", "moment", "moment_name"),
    *("missing", "applies_after", "applies_after_name"),
)


@pytest.fixture
def before(northwind, monkeypatch):
    """Three scored calls as they were stored then, one of them judged already by the time it runs again."""
    monkeypatch.setattr(migration, "BATCH", 2)
    past = [past_call(agent=northwind.people["agent"]) for _call in range(3)]
    revision = ScorecardRevision.objects.get()
    revision.spec = {
        "name": revision.spec["name"],
        "criteria": [{name: one[name] for name in OLD} for one in revision.spec["criteria"]],
    }
    revision.save()
    Answer.objects.update(score=None)
    Evaluation.objects.update(agent=None, team=None, released_at=None, submitted_at=None)
    return past


def test_what_was_judged_before_stays_what_it_was(northwind, before):
    totals = dict(Evaluation.objects.values_list("pk", "total"))
    migration.fill(apps, None)
    migration.fill(apps, None)
    agent = northwind.people["agent"]
    for row in Evaluation.objects.all():
        assert (row.agent, row.team, row.released_at) == (agent, northwind.team, row.created_at)
        assert (row.total, row.kind, row.counts) == (totals[row.pk], "automatic", True)
    assert set(Answer.objects.values_list("value", "score")) == {("yes", 100.0), ("no", 0.0)}
    # The revision is, to the letter, what would be published of the scorecard today.
    revision = ScorecardRevision.objects.get()
    assert revision.spec == scorecard_spec(revision.template)
    assert scorecard_publish(template=revision.template, actor=None) == revision
    row = answer_override(
        answer=Answer.objects.filter(value="no").first(),
        user=northwind.people["admin"],
        value="yes",
        reason="Heard.",
    )
    assert row.total == 100
