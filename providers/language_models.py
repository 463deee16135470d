"""Models' work of a company: who does which task, revisions of prompts and what they were tried on, calls, budgets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_email
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _gettext
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from engines.language.registry import TASKS
from engines.language.tasks import BOUNDARY, PLACE

# What is asked for is ours to say: a route cannot make a request another one.
OWN_PARAMETERS = frozenset(
    {"model", "messages", "stream", "response_format", "tools", "tool_choice", "functions", "n"}
)
_HEADERS = frozenset({"extra_headers", "extra_query", "timeout"})
PROMPT_LENGTH = 20_000


def task_check(name: str) -> None:
    """Raise `ValidationError` unless there is a task of this name."""
    if name not in TASKS:
        raise ValidationError(_gettext("There is no task of this name."))


class Price(models.DecimalField):  # type: ignore[type-arg]
    """Of a million tokens, in the company's own currency."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 10, "decimal_places": 4} | kwargs)


class LanguageRoute(TimeOrderedModel):
    """One choice for a task of language models. Several are asked in the order of their positions.

    Without any, the server that does every task is asked. A server outside the trust boundary may be named for tasks
    that are given nothing but redacted text.
    """

    task = models.CharField(_("task"), max_length=40, validators=[task_check])
    position = models.PositiveSmallIntegerField(
        _("position"), default=1, help_text=_("1 is asked first; the next when it fails.")
    )
    server = models.ForeignKey(
        "providers.ChatServer",
        models.CASCADE,
        related_name="language_routes",
        verbose_name=_("server"),
    )
    model = models.CharField(
        _("model or adapter"),
        max_length=200,
        blank=True,
        help_text=_("Empty: the server's. A LoRA adapter by the name that the server gives it."),
    )
    parameters = models.JSONField(
        _("parameters"),
        default=dict,
        blank=True,
        help_text=_('For example {"temperature": 0.2, "seed": 7}; null leaves one out.'),
    )
    deadline_ms = models.PositiveIntegerField(
        _("deadline in ms"),
        null=True,
        blank=True,
        validators=[MinValueValidator(100), MaxValueValidator(600_000)],
        help_text=_("For this choice; the next one has the rest of the task's time."),
    )
    price_in = Price(
        _("price in"),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("Of a million tokens that are sent. Empty: the server's."),
    )
    price_out = Price(
        _("price out"),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("Of a million tokens that are answered. Empty: the server's."),
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("model route")
        verbose_name_plural = _("model routes")
        ordering = ("task", "position")
        constraints = [
            models.UniqueConstraint(
                fields=("task", "position"),
                name="language_route_position_once",
                violation_error_message=_("Another route for this task has this position."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.position}"

    def clean(self) -> None:
        """Raise `ValidationError` for parameters that are none, and for a server that this task may not go to."""
        if not isinstance(self.parameters, dict):
            raise ValidationError({"parameters": _gettext("Parameters are names with values.")})
        wrong = (OWN_PARAMETERS | _HEADERS).intersection(self.parameters)
        if wrong:
            words = _gettext("These cannot be set here: %s.") % ", ".join(sorted(wrong))
            raise ValidationError({"parameters": words})
        task = TASKS.get(self.task)
        if task is not None and task.inside and self.server_id and not self.server.inside:
            raise ValidationError(
                {"server": _gettext("This task goes to servers inside the trust boundary only.")}
            )


class PromptRevision(TimeOrderedModel):
    """A company's own words for a task. Its words do not change any more once it is published.

    The published one with a share of 100 is what the task goes by; those with less are tried on their share of calls.
    Without a published one, the words in the code hold: revision 0.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        EVALUATED = "evaluated", _("evaluated")
        PUBLISHED = "published", _("published")
        RETIRED = "retired", _("retired")
        ROLLED_BACK = "rolled_back", _("rolled back")

    task = models.CharField(_("task"), max_length=40, validators=[task_check])
    number = models.PositiveIntegerField(_("revision"), editable=False)
    system = models.TextField(
        _("instructions"),
        max_length=PROMPT_LENGTH,
        help_text=_("What the model is told. {{name}} is the place of a variable."),
    )
    user = models.TextField(_("material"), max_length=PROMPT_LENGTH, help_text=_("What the model is given."))
    note = models.CharField(_("what is new"), max_length=300, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.DRAFT, editable=False)
    share = models.PositiveSmallIntegerField(
        _("share in %"),
        default=100,
        editable=False,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
    )
    replaced = models.ForeignKey(
        "self", models.SET_NULL, null=True, editable=False, related_name="+", verbose_name=_("replaced")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )
    published_at = models.DateTimeField(_("published"), null=True, editable=False)

    class Meta:
        verbose_name = _("prompt revision")
        verbose_name_plural = _("prompt revisions")
        ordering = ("task", "-number")
        constraints = [
            models.UniqueConstraint(fields=("task", "number"), name="prompt_revision_number_once"),
            models.UniqueConstraint(
                fields=("task",),
                condition=Q(state="published", share=100),
                name="prompt_revision_whole_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.number}"

    @property
    def changeable(self) -> bool:
        """Whether its words may still change."""
        return self.state in {self.State.DRAFT, self.State.EVALUATED}

    def clean(self) -> None:
        """Raise `ValidationError` for words that leave out what they must hold, or name what nobody gives."""
        task = TASKS.get(self.task)
        if task is None:
            return
        named, known = frozenset(PLACE.findall(self.system + self.user)), task.prompt.names
        if missing := known - named:
            words = _gettext("Nothing stands in the place of %s.") % _places(missing)
            raise ValidationError({"user": words})
        if strange := named - known - {BOUNDARY}:
            words = _gettext("Nobody gives %s.") % _places(strange)
            raise ValidationError({"user": words})
        if task.fenced and BOUNDARY not in named:
            words = _gettext("Say that what stands between lines with <<{{boundary}} is data.")
            raise ValidationError({"system": words})


def _places(names: frozenset[str]) -> str:
    return ", ".join(f"{{{{{name}}}}}" for name in sorted(names))


class EvaluationCase(TimeOrderedModel):
    """A row of a task's evaluation set: what it is given, redacted, and what is expected of the answer.

    `source`: somebody made it, or it came about by itself as somebody corrected what a model, or we, had written.
    """

    class Source(models.TextChoices):
        PERSON = "person", _("a person")
        EDITS = "edits", _("agents’ edits")

    task = models.CharField(_("task"), max_length=40, validators=[task_check])
    variables = models.JSONField(
        _("variables"),
        help_text=_("What stands in the places of the prompt, by name. It is redacted when it is saved."),
    )
    expectation = models.JSONField(
        _("expectation"),
        help_text=_(
            'Of text: {"contains": [...], "lacks": [...]}. Of a form: {"equals": {"field": value}} as well.'
        ),
    )
    note = models.CharField(_("note"), max_length=300, blank=True)
    source = models.CharField(_("from"), max_length=8, choices=Source, default=Source.PERSON, editable=False)
    active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("evaluation case")
        verbose_name_plural = _("evaluation cases")
        ordering = ("task", "created_at")

    def __str__(self) -> str:
        return self.note or f"{self.task} {self.pk}"


class PromptEvaluation(TimeOrderedModel):
    """What a prompt reached on its evaluation set. `revision` is null for the words in the code.

    `set_mark` and `prompt_mark` say what was tried on what: figures of another set, or of other words, do not compare.
    """

    task = models.CharField(_("task"), max_length=40)
    revision = models.ForeignKey(
        PromptRevision, models.CASCADE, null=True, related_name="evaluations", verbose_name=_("revision")
    )
    prompt_mark = models.CharField(max_length=64)
    set_mark = models.CharField(max_length=64)
    model = models.CharField(_("model"), max_length=200)
    cases = models.PositiveIntegerField(_("cases"))
    failed = models.PositiveIntegerField(_("without an answer"))
    score = models.FloatField(_("score"))
    p50_ms = models.PositiveIntegerField(_("time, median, ms"), null=True)
    tokens = models.PositiveBigIntegerField(_("tokens"))
    cost = models.DecimalField(_("cost"), max_digits=18, decimal_places=8)
    at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        verbose_name = _("prompt evaluation")
        verbose_name_plural = _("prompt evaluations")
        ordering = ("-at",)


class ModelCall(TimeOrderedModel):
    """One route that was asked for a task, or that could not be: what it took, and no words of anybody.

    `server` is a `ChatServer`'s id, which may be gone by now.
    """

    task = models.CharField(_("task"), max_length=40)
    server = models.UUIDField(_("server"), null=True)
    model = models.CharField(_("model"), max_length=200)
    revision = models.PositiveIntegerField(_("prompt revision"), default=0)
    outcome = models.CharField(_("outcome"), max_length=20)
    tokens_in = models.PositiveIntegerField(_("tokens in"), default=0)
    tokens_out = models.PositiveIntegerField(_("tokens out"), default=0)
    estimated = models.BooleanField(_("tokens estimated"), default=False)
    cost = models.DecimalField(_("cost"), max_digits=18, decimal_places=8, default=Decimal(0))
    took_ms = models.PositiveIntegerField(_("took ms"), default=0)
    first_ms = models.PositiveIntegerField(_("first token ms"), null=True)
    attempts = models.PositiveSmallIntegerField(_("requests"), default=0)
    cut = models.BooleanField(_("cut off"), default=False)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("model call")
        verbose_name_plural = _("model calls")
        ordering = ("-id",)
        indexes = [
            BrinIndex(fields=["at"], name="model_call_at_brin"),
            models.Index(fields=["task", "at"], name="model_call_task_at"),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.outcome}"


class ModelSpend(models.Model):
    """What a task has taken in a month, all told: it stays when the calls that it is made of are removed."""

    month = models.DateField(_("month"))
    task = models.CharField(_("task"), max_length=40)
    calls = models.PositiveBigIntegerField(_("calls"), default=0)
    tokens = models.PositiveBigIntegerField(_("tokens"), default=0)
    cost = models.DecimalField(_("cost"), max_digits=20, decimal_places=8, default=Decimal(0))

    class Meta:
        constraints = [models.UniqueConstraint(fields=("month", "task"), name="model_spend_once")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.task}"


class ModelBudget(TimeOrderedModel):
    """What models may cost in a month: a mail at a share of it, and at all of it the tasks go on without a model."""

    task = models.CharField(
        _("task"), max_length=40, blank=True, unique=True, help_text=_("Empty: all tasks together.")
    )
    monthly_cost = models.DecimalField(
        _("cost in a month"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("In the currency of the prices."),
    )
    monthly_tokens = models.PositiveBigIntegerField(
        _("tokens in a month"), null=True, blank=True, help_text=_("For servers that cost nothing a token.")
    )
    alert_percent = models.PositiveSmallIntegerField(
        _("mail at %"), default=80, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    alert_to = models.CharField(
        _("mail to"),
        max_length=300,
        blank=True,
        help_text=_("Addresses, with commas between. Empty: nobody."),
    )
    alerted_at = models.PositiveSmallIntegerField(default=0, editable=False)
    alerted_month = models.DateField(null=True, editable=False)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("model budget")
        verbose_name_plural = _("model budgets")
        ordering = ("task",)

    def __str__(self) -> str:
        return self.task or _gettext("all tasks")

    @property
    def addresses(self) -> list[str]:
        return [one.strip() for one in self.alert_to.split(",") if one.strip()]

    def clean(self) -> None:
        """Raise `ValidationError` for a task that is none, addresses that are none, and a budget of nothing."""
        if self.task:
            task_check(self.task)
        if self.monthly_cost is None and self.monthly_tokens is None:
            raise ValidationError(_gettext("Say what may be spent: a cost, or tokens."))
        try:
            for one in self.addresses:
                validate_email(one)
        except ValidationError as error:
            raise ValidationError({"alert_to": error.messages}) from None
