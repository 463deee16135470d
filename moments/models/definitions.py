"""What to listen for (definitions, in revisions) and where it was heard (occurrences)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models import Conversation, Utterance


class MomentDefinition(TimeOrderedModel):
    """Something to listen for. Each change makes a new revision; conversations use the newest at their start."""

    class Kind(models.TextChoices):
        PHRASE = "phrase", _("phrase")
        PATTERN = "pattern", _("pattern")
        ENTITY = "entity", _("something named")
        ABSENCE = "absence", _("something missing")
        INTENT = "intent", _("intent")
        EXAMPLES = "examples", _("meaning, by examples")
        QUESTION = "question", _("question asked of a model")
        SENTIMENT = "sentiment", _("customer’s sentiment")
        METADATA = "metadata", _("field of the call")

    class Entity(models.TextChoices):
        AMOUNT = "amount", _("amount of money")
        DATE = "date", _("date or day")
        PRODUCT = "product", _("product of your list")
        COMPETITOR = "competitor", _("competitor of your list")

    class Mood(models.TextChoices):
        BELOW = "below", _("is below a level")
        ABOVE = "above", _("is above a level")
        FALLING = "falling", _("falls by so much")
        RISING = "rising", _("rises by so much")

    class FieldTest(models.TextChoices):
        IS = "is", _("is one of")
        IS_NOT = "is_not", _("is none of")
        ABOVE = "above", _("is greater than")
        BELOW = "below", _("is less than")
        PRESENT = "present", _("is known")

    class Who(models.TextChoices):
        AGENT = "agent", _("agent")
        CUSTOMER = "customer", _("customer")
        ANY = "any", _("anyone")

    key = models.SlugField(_("key"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.PHRASE)
    speaker = models.CharField(_("who says it"), max_length=8, choices=Who, default=Who.ANY)
    phrases = models.JSONField(
        _("phrases"),
        default=list,
        blank=True,
        help_text=_("One a line. cancel* takes any ending, (a|b) either, ... up to three words between."),
    )
    pattern = models.CharField(_("pattern"), max_length=400, blank=True, default="")
    entity = models.CharField(_("what is named"), max_length=12, blank=True, default="", choices=Entity)
    reject_negated = models.BooleanField(_("not when negated"), default=True)
    expected = models.ForeignKey(
        "self",
        verbose_name=_("what is missing"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="missing_as",
    )
    after = models.ForeignKey(
        "self",
        verbose_name=_("after"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="watched_by",
        help_text=_("Empty: after the start of the conversation."),
    )
    within_seconds = models.PositiveIntegerField(_("within seconds"), null=True, blank=True)
    task = models.SlugField(
        _("classifier"),
        max_length=60,
        blank=True,
        default="",
        help_text=_("The task whose live classifier tells the intent."),
    )
    intent = models.CharField(_("intent"), max_length=80, blank=True, default="")
    least_score = models.FloatField(
        _("at least this sure"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_("0 to 1. Empty: whatever the classifier does not refuse, or the model says yes to."),
    )
    question = models.CharField(
        _("question"),
        max_length=300,
        blank=True,
        default="",
        help_text=_(
            "One that is answered with yes or no: “Has the customer said that they are moving house?” Yes means that "
            "the moment came up."
        ),
    )
    mood = models.CharField(_("their mood"), max_length=8, blank=True, default="", choices=Mood)
    turns = models.PositiveSmallIntegerField(
        _("over their last utterances"),
        default=3,
        help_text=_(
            "How many of the customer’s utterances count. A change compares them with as many before."
        ),
    )
    field = models.CharField(
        _("field of the call"),
        max_length=80,
        blank=True,
        default="",
        help_text=_("queue, channel, language, product, customer.segment, or metadata.NAME as CRM names it."),
    )
    field_test = models.CharField(_("which"), max_length=8, blank=True, default="", choices=FieldTest)
    values = models.JSONField(_("values"), default=list, blank=True, help_text=_("One a line."))
    limit = models.FloatField(
        _("limit"),
        null=True,
        blank=True,
        help_text=_("Of a mood: its level, -1 (furious) to 1 (delighted), or by how much it changes."),
    )
    examples = models.JSONField(
        _("must be heard in"),
        default=list,
        blank=True,
        help_text=_("Sentences, one a line. Saving checks that the moment is heard in each."),
    )
    counter_examples = models.JSONField(
        _("must not be heard in"),
        default=list,
        blank=True,
        help_text=_("Near misses, one a line. Saving checks that it is heard in none."),
    )
    active = models.BooleanField(_("active"), default=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("moment")
        verbose_name_plural = _("moments")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class MomentRevision(TimeOrderedModel):
    """A definition as it stood: `spec` is what the engine was given. Never edited."""

    definition = models.ForeignKey(MomentDefinition, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    spec = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("moment revision")
        verbose_name_plural = _("moment revisions")
        ordering = ["definition", "-number"]
        constraints = [models.UniqueConstraint(fields=["definition", "number"], name="moment_revision_once")]

    def __str__(self) -> str:
        return f"{self.definition} revision {self.number}"


class StoredMeaning(models.Model):
    """What a revision of the kind “examples” has learned of them: plain arrays and JSON, and what they can do.

    `figures`: how many of its own examples and of ordinary sentences it takes, each judged by what was learned of
    the others.
    """

    revision = models.OneToOneField(
        MomentRevision, primary_key=True, on_delete=models.CASCADE, related_name="meaning"
    )
    sha256 = models.CharField(max_length=64)
    data = models.BinaryField()
    figures = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("learned meaning")
        verbose_name_plural = _("learned meanings")

    def __str__(self) -> str:
        return f"{self.revision_id}"


class MomentOccurrence(TimeOrderedModel):
    """Where a moment was heard: `start`/`end` in the utterance's text, or, for an absence, the stretch searched."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="moments")
    definition = models.ForeignKey(MomentDefinition, on_delete=models.PROTECT, related_name="occurrences")
    revision = models.ForeignKey(MomentRevision, on_delete=models.PROTECT)
    utterance = models.ForeignKey(Utterance, null=True, on_delete=models.CASCADE, related_name="moments")
    start = models.PositiveIntegerField(null=True)
    end = models.PositiveIntegerField(null=True)
    searched_from_ms = models.PositiveIntegerField(null=True)
    searched_to_ms = models.PositiveIntegerField(null=True)
    at_ms = models.PositiveIntegerField()
    # Of an intent and a question how sure the classifier or the model was, of examples how near, all 0..1; of a mood
    # its level or change.
    score = models.FloatField(null=True)
    # Of a product or a competitor: which, as the company's list has it.
    names = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("moment heard")
        verbose_name_plural = _("moments heard")
        ordering = ["conversation", "at_ms"]

    def __str__(self) -> str:
        return f"{self.definition_id} at {self.at_ms} ms"
