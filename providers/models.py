"""Which server does which task for this company, in which order, and which words it should know."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _gettext
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from providers.addresses import address_check, encryption_check
from providers.language_models import (
    EvaluationCase,
    LanguageRoute,
    ModelBudget,
    ModelCall,
    ModelSpend,
    Price,
    PromptEvaluation,
    PromptRevision,
)
from providers.vendors import ABILITIES, Vendor, options_check

# BCP 47 as far as recognisers go: a language, perhaps a script, perhaps a region.
LANGUAGE = RegexValidator(
    r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$", _("A language is like en or en-GB.")
)


class ProviderAccount(TimeOrderedModel):
    """An account with a vendor, or a server of our own. The secret is sealed; nothing shows it again."""

    vendor = models.CharField(_("vendor"), max_length=20, choices=Vendor)
    name = models.CharField(_("name"), max_length=80, unique=True)
    base_url = models.CharField(
        _("address"),
        max_length=300,
        blank=True,
        help_text=_(
            "Of a server that is not the vendor's own, e.g. a self-hosted Deepgram. Empty: the vendor's."
        ),
    )
    options = models.JSONField(
        _("options"),
        default=dict,
        blank=True,
        help_text=_('For example {"model": "nova-3"}; docs/speech.md names them for each vendor.'),
    )
    active = models.BooleanField(_("active"), default=True)
    secret_sealed = models.BinaryField(null=True, editable=False)
    secret_version = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("provider account")
        verbose_name_plural = _("provider accounts")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def has_secret(self) -> bool:
        return self.secret_sealed is not None

    def clean(self) -> None:
        """Raise `ValidationError` for what the vendor's engine would not take."""
        if self.vendor in ABILITIES:
            try:
                address_check(self.base_url)
            except ValidationError as error:
                raise ValidationError({"base_url": error.messages}) from None
            # A key that is given together with the rest is sealed after this.
            has_secret = self.has_secret or getattr(self, "secret_comes", False)
            options_check(self.vendor, base_url=self.base_url, has_secret=has_secret, options=self.options)


class Route(TimeOrderedModel):
    """One choice for a task. Several for a task and language are tried in the order of their positions.

    A row for a language comes before one for all. No row at all: the installation's default. A company chooses from
    what the installation offers and can name nothing else: a provider is code that runs.
    """

    class Task(models.TextChoices):
        SPEECH_LIVE = "speech_live", _("live speech to text")
        SPEECH_UPLOAD = "speech_upload", _("speech to text of uploads")

    class Provider(models.TextChoices):
        POCKETSPHINX = "pocketsphinx", _("pocketsphinx, embedded (English)")
        DEFAULT = "default", _("the installation's default")

    task = models.CharField(_("task"), max_length=20, choices=Task)
    language = models.CharField(
        _("language"),
        max_length=15,
        blank=True,
        validators=[LANGUAGE],
        help_text=_("Like en or en-GB. Empty: every language."),
    )
    position = models.PositiveSmallIntegerField(
        _("position"), default=1, help_text=_("1 is asked first; the next when it fails.")
    )
    account = models.ForeignKey(
        ProviderAccount,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="routes",
        verbose_name=_("account"),
    )
    provider = models.CharField(
        _("without an account"),
        max_length=40,
        choices=Provider,
        blank=True,
        help_text=_("What needs no account. As the last position it is the last resort."),
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("provider route")
        verbose_name_plural = _("provider routes")
        ordering = ("task", "language", "position")
        constraints = [
            models.UniqueConstraint(
                fields=("task", "language", "position"),
                name="route_position_once",
                violation_error_message=_("Another route for this task and language has this position."),
            ),
            models.CheckConstraint(
                condition=Q(account__isnull=True) ^ Q(provider=""),
                name="route_account_or_provider",
                violation_error_message=_("Choose an account, or what needs none: one of them."),
            ),
        ]

    def __str__(self) -> str:
        chosen = self.account.name if self.account is not None else self.get_provider_display()
        return f"{self.get_task_display()} {self.language} {self.position}: {chosen}"

    def clean(self) -> None:
        """Raise `ValidationError` for an account whose vendor cannot do the task."""
        if self.account is not None and self.task:
            live = self.task == self.Task.SPEECH_LIVE
            if not ABILITIES[self.account.vendor].engine(live=live):
                raise ValidationError(
                    {"account": _gettext("This vendor hears recordings, not calls that are going on.")}
                )


class Keyterm(TimeOrderedModel):
    """A word or name of the company's own that recognisers would not expect: products, places, people."""

    term = models.CharField(_("word or name"), max_length=100)
    language = models.CharField(
        _("language"),
        max_length=15,
        blank=True,
        validators=[LANGUAGE],
        help_text=_("Like en or en-GB. Empty: every language."),
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("keyterm")
        verbose_name_plural = _("keyterms")
        ordering = ("term",)
        constraints = [
            models.UniqueConstraint(
                fields=("term", "language"),
                name="keyterm_once",
                violation_error_message=_("This word is there already."),
            )
        ]

    def __str__(self) -> str:
        return self.term

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.term = " ".join(self.term.split())
        super().save(*args, **kwargs)


class ChatServer(TimeOrderedModel):
    """A chat model on a server that speaks OpenAI's chat completions. The key is sealed; nothing shows it again.

    It is sent words of calls only if somebody of the company has said that this address is inside its trust boundary.
    That holds for the address it was said of: another one must be vouched for again.
    """

    name = models.CharField(_("name"), max_length=80, unique=True)
    base_url = models.CharField(
        _("address"),
        max_length=300,
        help_text=_("Of a server that speaks OpenAI's API, e.g. vLLM or Ollama, with its /v1."),
    )
    model = models.CharField(
        _("model"), max_length=200, help_text=_("The name by which the server knows it.")
    )
    characters = models.PositiveIntegerField(
        _("characters at once"),
        default=5000,
        validators=[MinValueValidator(1000), MaxValueValidator(100_000)],
        help_text=_(
            "Of a call in one request; longer calls go in several. 5,000 need a context of 4,096 tokens, "
            "which the server must really have."
        ),
    )
    price_in = Price(
        _("price in"),
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("Of a million tokens that are sent, in your own currency."),
    )
    price_out = Price(
        _("price out"),
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("Of a million tokens that are answered."),
    )
    most_at_once = models.PositiveSmallIntegerField(
        _("requests at once"), default=0, help_text=_("0: as many as there are.")
    )
    per_minute = models.PositiveIntegerField(
        _("requests in a minute"), default=0, help_text=_("0: as many as there are.")
    )
    active = models.BooleanField(
        _("does every task"),
        default=True,
        help_text=_("Each task that no route names goes to it. One server can."),
    )
    inside_url = models.CharField(max_length=300, blank=True, default="", editable=False)
    inside_at = models.DateTimeField(_("inside since"), null=True, editable=False)
    inside_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("said by"),
    )
    secret_sealed = models.BinaryField(null=True, editable=False)
    secret_version = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("chat server")
        verbose_name_plural = _("chat servers")
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(
                fields=("active",),
                condition=Q(active=True),
                name="chat_server_active_once",
                violation_error_message=_("Another server is active already."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_secret(self) -> bool:
        return self.secret_sealed is not None

    @property
    def inside(self) -> bool:
        """Whether somebody has vouched for the server at this very address."""
        return self.inside_at is not None and self.inside_url == self.base_url

    def clean(self) -> None:
        """Raise `ValidationError` for an address that cannot be one of a server for this."""
        try:
            address_check(self.base_url)
            encryption_check(self.base_url)
        except ValidationError as error:
            raise ValidationError({"base_url": error.messages}) from None


from providers.search_models import SearchServer  # noqa: E402  Django looks for models here

__all__ = [
    "ChatServer",
    "EvaluationCase",
    "Keyterm",
    "LanguageRoute",
    "ModelBudget",
    "ModelCall",
    "ModelSpend",
    "PromptEvaluation",
    "PromptRevision",
    "ProviderAccount",
    "Route",
    "SearchServer",
]
