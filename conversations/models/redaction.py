"""What a company hides and how: its redaction policy, in revisions that are kept, and pauses while cards are given."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models.calls import Conversation


class RedactionPolicy(TimeOrderedModel):
    """One revision of the company's policy, with its rules and own types. Never changed: the highest one counts.

    `tightens`: it hides more than the one before, so that what is kept from before may hold what it would hide;
    `history_done_at`: when that was gone through.
    """

    class Profile(models.TextChoices):
        CARDS_AND_SECRETS = "cards_and_secrets", _("cards and secrets")
        STANDARD = "standard", _("standard")
        STRICT = "strict", _("strict")

    revision = models.PositiveIntegerField(_("revision"), unique=True)
    profile = models.CharField(_("starts from"), max_length=20, choices=Profile, default=Profile.STANDARD)
    regions = ArrayField(models.CharField(max_length=2), verbose_name=_("countries of phone numbers"))
    may_see = ArrayField(
        models.CharField(max_length=12), verbose_name=_("who sees what is kept"), default=list, blank=True
    )
    pci_hears = models.BooleanField(_("transcribe during a card pause"), default=False)
    pci_auto = models.BooleanField(_("pause by itself while a card is given"), default=False)
    pci_minutes = models.PositiveSmallIntegerField(
        _("longest card pause (minutes)"),
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
    )
    tightens = models.BooleanField(_("hides more than before"), default=False)
    history_done_at = models.DateTimeField(_("history gone through"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=300)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("changed by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(_("changed"), auto_now_add=True)

    class Meta:
        verbose_name = _("redaction policy")
        verbose_name_plural = _("redaction policy")
        ordering = ["-revision"]

    def __str__(self) -> str:
        return str(_("Redaction policy, revision %(number)d") % {"number": self.revision})


class RedactionRule(TimeOrderedModel):
    """What a revision says of one type where that differs from its profile: whether it is hidden, and how.

    `may_see`: the roles that see what is kept of it; NULL: those of the revision, as for all other types.
    """

    class Action(models.TextChoices):
        MASK = "mask", _("hide")
        LAST_FOUR = "last_four", _("keep the last four")
        HASH = "hash", _("code that only says whether two are the same")
        KEEP = "keep", _("keep for those who may see it")

    policy = models.ForeignKey(RedactionPolicy, on_delete=models.CASCADE, related_name="rules")
    type = models.CharField(_("type"), max_length=32)
    enabled = models.BooleanField(_("on"), default=True)
    action = models.CharField(_("action"), max_length=10, choices=Action, default=Action.MASK)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    may_see = ArrayField(
        models.CharField(max_length=12), verbose_name=_("who sees what is kept"), null=True, blank=True
    )

    class Meta:
        verbose_name = _("redaction rule")
        verbose_name_plural = _("redaction rules")
        ordering = ["type"]
        constraints = [models.UniqueConstraint(fields=["policy", "type"], name="redaction_rule_once")]

    def __str__(self) -> str:
        return f"{self.type}: {self.action if self.enabled else 'off'}"


class CustomInformation(TimeOrderedModel):
    """A type of the company's own in one revision. `examples`: list of [text, start, end], made up by an admin."""

    policy = models.ForeignKey(RedactionPolicy, on_delete=models.CASCADE, related_name="custom")
    name = models.CharField(_("name"), max_length=32)
    label = models.CharField(_("words for people"), max_length=60)
    patterns = models.JSONField(_("patterns"), default=list, blank=True)
    words = models.JSONField(_("words"), default=list, blank=True)
    examples = models.JSONField(_("examples"), default=list, blank=True)

    class Meta:
        verbose_name = _("own type of information")
        verbose_name_plural = _("own types of information")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["policy", "name"], name="custom_information_once")]

    def __str__(self) -> str:
        return self.name


class PciPause(TimeOrderedModel):
    """From `from_ms` of the call to `to_ms` a card was being given: nothing of the sound is recorded.

    `to_ms` None: it goes on, at the longest to `until_ms`. `hears`: transcribed all the same.
    """

    class Source(models.TextChoices):
        AGENT = "agent", _("the agent")
        SUPERVISOR = "supervisor", _("a supervisor")
        API = "api", _("another system")
        TELEPHONY = "telephony", _("the telephony")
        AUTO = "auto", _("by itself")
        LIMIT = "limit", _("by itself, after the longest time")
        END = "end", _("the end of the call")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="pci_pauses")
    from_ms = models.PositiveIntegerField(_("from"))
    to_ms = models.PositiveIntegerField(_("to"), null=True, blank=True)
    until_ms = models.PositiveIntegerField(_("at the longest to"))
    hears = models.BooleanField(_("transcribed"), default=False)
    source = models.CharField(_("paused by"), max_length=12, choices=Source)
    ended_by = models.CharField(_("resumed by"), max_length=12, choices=Source, blank=True, default="")
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    resumed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    paused_at = models.DateTimeField(_("paused"))
    resumed_at = models.DateTimeField(_("resumed"), null=True, blank=True)
    due_at = models.DateTimeField(_("at the longest until"))

    class Meta:
        verbose_name = _("card pause")
        verbose_name_plural = _("card pauses")
        ordering = ["conversation", "from_ms"]
        constraints = [
            # One at a time: a pause that is asked for twice is one. The call's own comes and goes beside it.
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(to_ms__isnull=True) & ~Q(source="auto"),
                name="pci_pause_one_open",
            ),
            models.CheckConstraint(
                condition=Q(to_ms__isnull=True) | Q(to_ms__gte=F("from_ms")), name="pci_pause_in_order"
            ),
        ]
        indexes = [models.Index(fields=["due_at"], name="pci_pause_due", condition=Q(to_ms__isnull=True))]

    def __str__(self) -> str:
        return f"{self.conversation_id} from {self.from_ms} ms"
