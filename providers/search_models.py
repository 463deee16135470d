"""Servers that search asks: one that makes vectors of texts, one that puts passages in order."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from providers.addresses import address_check, encryption_check

# As many as the database can index as half-precision numbers.
DIMENSIONS_MOST = 4_000


class SearchServer(TimeOrderedModel):
    """A model for search on a server of the company's choice. The key is sealed; nothing shows it again.

    It is sent the published passages and what is asked, both without what reads as personal data.
    """

    class Kind(models.TextChoices):
        EMBEDDINGS = "embeddings", _("vectors of texts (OpenAI's /embeddings)")
        RERANK = "rerank", _("order of passages (/rerank)")

    kind = models.CharField(_("what it does"), max_length=12, choices=Kind, default=Kind.EMBEDDINGS)
    name = models.CharField(_("name"), max_length=80, unique=True)
    base_url = models.CharField(
        _("address"),
        max_length=300,
        help_text=_(
            "What comes before /embeddings or /rerank: with its /v1 for vLLM, Ollama, Infinity and hosted services."
        ),
    )
    model = models.CharField(
        _("model"), max_length=200, help_text=_("The name by which the server knows it.")
    )
    dimensions = models.PositiveIntegerField(
        _("dimensions"),
        null=True,
        blank=True,
        validators=[MinValueValidator(2), MaxValueValidator(DIMENSIONS_MOST)],
        help_text=_("How many numbers the model's vectors have. Only for vectors of texts."),
    )
    shorten = models.BooleanField(
        _("ask for so many"),
        default=False,
        help_text=_(
            "Tell the server how many numbers are wanted. Only models that can make them shorter take it."
        ),
    )
    query_prefix = models.CharField(
        _("before a question"),
        max_length=200,
        blank=True,
        default="",
        help_text=_('What some models want to stand there, e.g. "query: ".'),
    )
    passage_prefix = models.CharField(
        _("before a passage"), max_length=200, blank=True, default="", help_text=_('For example "passage: ".')
    )
    deadline_ms = models.PositiveIntegerField(
        _("deadline in ms"),
        default=150,
        validators=[MinValueValidator(20), MaxValueValidator(5_000)],
        help_text=_("A search that has no answer by then goes on without it."),
    )
    active = models.BooleanField(_("active"), default=True, help_text=_("One server of each kind can be."))
    secret_sealed = models.BinaryField(null=True, editable=False)
    secret_version = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("search server")
        verbose_name_plural = _("search servers")
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(
                fields=("kind",),
                condition=Q(active=True),
                name="search_server_active_once",
                violation_error_message=_("Another server of this kind is active already."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_secret(self) -> bool:
        return self.secret_sealed is not None

    @property
    def mark(self) -> str:
        """What vectors depend on: those of another mark cannot be compared with these."""
        return "\n".join((self.base_url, self.model, str(self.dimensions), self.passage_prefix))

    def clean(self) -> None:
        """Raise `ValidationError` for an address that cannot be that of a server, and for missing dimensions."""
        try:
            address_check(self.base_url)
            encryption_check(self.base_url)
        except ValidationError as error:
            raise ValidationError({"base_url": error.messages}) from None
        if self.kind == self.Kind.EMBEDDINGS and not self.dimensions:
            raise ValidationError({"dimensions": _("Say how many numbers the model's vectors have.")})
