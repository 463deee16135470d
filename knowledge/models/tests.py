"""Test sets of collections: questions with the documents that should be found, and how well each run found them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import MD5
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from knowledge.models.documents import Collection, Document


class SearchTest(TimeOrderedModel):
    """A question, and the documents that search should find for it. `passage`: words that the one found should have."""

    collection = models.ForeignKey(
        Collection, on_delete=models.CASCADE, related_name="tests", verbose_name=_("collection")
    )
    question = models.CharField(_("question"), max_length=10_000)
    documents = models.ManyToManyField(
        Document, related_name="tests", verbose_name=_("documents"), blank=True
    )
    passage = models.CharField(_("words of the passage"), max_length=400, blank=True, default="")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        verbose_name = _("search test")
        verbose_name_plural = _("search tests")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint("collection", MD5("question"), name="search_test_question_once")
        ]

    def __str__(self) -> str:
        return self.question[:80]


class SearchTestRun(TimeOrderedModel):
    """One run over a collection's tests. The four figures are means from 0 to 1, None until it is done.

    `fingerprint`: what search could find then (`tests_running.fingerprint`). `worse` and `better`: how many questions
    fared so against the run before. `heard_at`: when the job last said that it is at it.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("under way")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    class Cause(models.TextChoices):
        CHANGE = "change", _("after a change")
        PERSON = "person", _("asked for")
        COMMAND = "command", _("command")

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="test_runs")
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    cause = models.CharField(_("why"), max_length=8, choices=Cause)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    fingerprint = models.CharField(max_length=64, blank=True, default="")
    total = models.PositiveIntegerField(default=0)
    progress = models.PositiveIntegerField(default=0)
    recall_at_5 = models.FloatField(null=True)
    recall_at_10 = models.FloatField(null=True)
    hit_at_10 = models.FloatField(null=True)
    mrr = models.FloatField(null=True)
    worse = models.PositiveIntegerField(default=0)
    better = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    heard_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("run of search tests")
        verbose_name_plural = _("runs of search tests")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["collection"], name="search_test_run_waits_once", condition=Q(state="waiting")
            )
        ]

    def __str__(self) -> str:
        return f"{self.collection_id} {self.created_at}"

    @property
    def is_over(self) -> bool:
        return self.state in {self.State.DONE, self.State.FAILED}

    @property
    def percent(self) -> int:
        return 100 * self.progress // self.total if self.total else 0


class SearchTestResult(TimeOrderedModel):
    """How one question fared in a run.

    `rank`: the place of the first document that was expected, from 1; `passage_rank`: of one with the test's words in
    the passage found. None where it was not among the ten. `before`: `rank` in the run before. `found`: the first five
    that came, `[document id, title, path]` each, for those who look why.
    """

    class Change(models.TextChoices):
        SAME = "", _("as before")
        WORSE = "worse", _("worse")
        BETTER = "better", _("better")
        NEW = "new", _("new")

    run = models.ForeignKey(SearchTestRun, on_delete=models.CASCADE, related_name="results")
    test = models.ForeignKey(SearchTest, on_delete=models.CASCADE, related_name="results")
    rank = models.PositiveSmallIntegerField(null=True)
    passage_rank = models.PositiveSmallIntegerField(null=True)
    before = models.PositiveSmallIntegerField(null=True)
    change = models.CharField(max_length=6, choices=Change, blank=True, default=Change.SAME)
    recall_at_5 = models.FloatField()
    recall_at_10 = models.FloatField()
    found = models.JSONField(default=list)

    class Meta:
        verbose_name = _("result of a search test")
        verbose_name_plural = _("results of search tests")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "test"], name="search_test_result_once")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.test_id}"


class SearchTested(models.Model):
    """What search could find when the sweep last looked at a collection's tests: they run once it has come to rest."""

    collection = models.OneToOneField(
        Collection, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    fingerprint = models.CharField(max_length=64)

    def __str__(self) -> str:
        return str(self.collection_id)
