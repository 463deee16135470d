"""Collections of documents, their versions, and the passages they are cut into."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel


class Channel(models.TextChoices):
    """By what customers reach the company; as conversations have it."""

    VOICE = "voice", _("voice")
    CHAT = "chat", _("chat")
    EMAIL = "email", _("e-mail")


class Collection(TimeOrderedModel):
    """Documents that belong together: for whom they are, when they hold, who looks after them.

    `teams`, `queues`, `channels` and `languages` are the audience; what is empty leaves nobody out. `language` is what
    the documents are written in.
    """

    class OnPrivate(models.TextChoices):
        HOLD = "hold", _("wait until somebody has looked at it")
        PUBLISH = "publish", _("be found at once, and be marked")

    name = models.CharField(_("name"), max_length=120, unique=True)
    language = models.CharField(_("language"), max_length=12, default="en")
    teams = models.ManyToManyField("accounts.Team", verbose_name=_("teams"), blank=True, related_name="+")
    queues = models.ManyToManyField("accounts.Queue", verbose_name=_("queues"), blank=True, related_name="+")
    channels = ArrayField(
        models.CharField(max_length=8, choices=Channel), verbose_name=_("channels"), default=list, blank=True
    )
    languages = ArrayField(
        models.CharField(max_length=12), verbose_name=_("customers' languages"), default=list, blank=True
    )
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_to = models.DateField(_("valid to"), null=True, blank=True)
    on_private = models.CharField(
        _("a text with personal data should"), max_length=8, choices=OnPrivate, default=OnPrivate.HOLD
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("owner"),
    )
    review_on = models.DateField(_("review on"), null=True, blank=True)
    cards = models.BooleanField(
        _("come up in calls by itself"),
        default=True,
        help_text=_("Where the company has knowledge brought up by itself when a customer asks."),
    )

    class Meta:
        verbose_name = _("collection")
        verbose_name_plural = _("collections")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Document(TimeOrderedModel):
    """One text of the company, in Markdown. Saving it through the service cuts its passages anew.

    `title`, `body` and `version` are what is published; version 0 has nothing published yet, and a document that was
    withdrawn has no passages. `origin_key` is what the place it came from calls it, once in a collection; "" for what
    people wrote here.
    """

    collection = models.ForeignKey(
        Collection, on_delete=models.CASCADE, related_name="documents", verbose_name=_("collection")
    )
    title = models.CharField(_("title"), max_length=200)
    body = models.TextField(_("text"))
    version = models.PositiveIntegerField(_("version"), default=1)
    sha256 = models.CharField(max_length=64, editable=False)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_to = models.DateField(_("valid to"), null=True, blank=True)
    origin_key = models.CharField(max_length=100, blank=True, default="", editable=False)
    origin_url = models.CharField(_("from"), max_length=1000, blank=True, default="", editable=False)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True, editable=False)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering = ["title"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "title"], name="document_title_once"),
            models.UniqueConstraint(
                fields=["collection", "origin_key"], name="document_origin_once", condition=~Q(origin_key="")
            ),
        ]

    def __str__(self) -> str:
        return self.title


class DocumentVersion(TimeOrderedModel):
    """A text as it was at a time. A published one is never edited: what was cited can be opened again.

    One that was discarded has no text any more.
    `private`: what reads as personal data, `[[type, start, end], …]` with offsets in `body`, at most 200 of them.
    `steering`: paragraphs that speak to a model and not to readers, `[[how, start, end], …]`; nothing is answered from
    them.
    """

    class State(models.TextChoices):
        PUBLISHED = "published", _("published")
        HELD = "held", _("held back")
        DISCARDED = "discarded", _("discarded")

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    title = models.CharField(_("title"), max_length=200)
    body = models.TextField(_("text"))
    sha256 = models.CharField(max_length=64)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PUBLISHED)
    private = models.JSONField(_("personal data"), default=list, blank=True)
    steering = models.JSONField(_("speaks to a model"), default=list, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        ordering = ["document", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="document_version_once"),
            models.UniqueConstraint(
                fields=["document"], name="document_version_held_once", condition=Q(state="held")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.number})"


class ConfigField(models.Field):
    """The database's name for how it cuts and stems a language (`knowledge.text.lexing`)."""

    def db_type(self, connection: Any) -> str:
        return "regconfig"

    @classmethod
    def named(cls, config: str) -> Cast:
        """A name to compare with: a plain text is none to the database."""
        return Cast(models.Value(config), cls())


class Chunk(TimeOrderedModel):
    """A passage of a document: `text` is `document.body[start:end]`, found under its path of headings.

    `config` follows the collection's language.
    """

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks")
    document_version = models.PositiveIntegerField()
    position = models.PositiveIntegerField()
    heading_path = models.CharField(max_length=400, blank=True, default="")
    text = models.TextField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    config = ConfigField(default="english", editable=False)
    search = models.GeneratedField(
        expression=SearchVector("heading_path", weight="A", config=F("config"))
        + SearchVector("text", weight="B", config=F("config")),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        verbose_name = _("passage")
        verbose_name_plural = _("passages")
        ordering = ["document", "position"]
        constraints = [models.UniqueConstraint(fields=["document", "position"], name="chunk_position_once")]
        indexes = [GinIndex(fields=["search"], name="chunk_search")]

    def __str__(self) -> str:
        return f"{self.document_id} {self.position}"
