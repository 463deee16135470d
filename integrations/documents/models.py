"""What was uploaded or is fetched from elsewhere, and what became of each file and page of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from knowledge.models import Collection, Document


class Outcome(models.TextChoices):
    """What a file or a page did to the collection."""

    NONE = "", ""
    NEW = "new", _("new document")
    CHANGED = "changed", _("new version")
    SAME = "same", _("nothing new")
    HELD = "held", _("held back: personal data")


class DocumentUpload(TimeOrderedModel):
    """One request, or one run of the command: who brought which files into which collection, and when."""

    class Source(models.TextChoices):
        PAGE = "page", _("page")
        API = "api", _("API")
        COMMAND = "command", _("command")

    collection = models.ForeignKey(
        Collection, on_delete=models.CASCADE, related_name="+", verbose_name=_("collection")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        verbose_name=_("by"),
        related_name="+",
    )
    source = models.CharField(_("source"), max_length=8, choices=Source)
    # Redacted, as every name that comes with a file is: people put phone numbers into them.
    name = models.CharField(_("name"), max_length=200)
    created_at = models.DateTimeField(_("uploaded"), auto_now_add=True)

    class Meta:
        verbose_name = _("upload of documents")
        verbose_name_plural = _("uploads of documents")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class DocumentFile(TimeOrderedModel):
    """One file of an upload on its way to a document.

    It lies in storage under `storage_key`, sealed under a key of its own; both go once it is read. `error`: in words.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        READING = "reading", _("being read")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    upload = models.ForeignKey(DocumentUpload, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(_("file"), max_length=200)
    origin_key = models.CharField(max_length=100)
    size_bytes = models.PositiveBigIntegerField(_("size"), default=0)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    outcome = models.CharField(
        _("came of it"), max_length=8, choices=Outcome, blank=True, default=Outcome.NONE
    )
    error = models.CharField(_("error"), max_length=300, blank=True, default="")
    document = models.ForeignKey(Document, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    storage_key = models.CharField(max_length=200, blank=True, default="")
    wrapped_key = models.BinaryField(null=True)
    key_version = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("uploaded document")
        verbose_name_plural = _("uploaded documents")
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["due_at"], name="document_file_due", condition=Q(state__in=["waiting", "reading"])
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_over(self) -> bool:
        return self.state in {self.State.DONE, self.State.FAILED}

    @property
    def may_retry(self) -> bool:
        """Whether another try makes sense: it failed, and its file is still here."""
        return self.state == self.State.FAILED and bool(self.storage_key)


class KnowledgeSource(TimeOrderedModel):
    """A site or a service whose documents a collection follows. The secret is sealed; nothing shows it again.

    `settings`: by kind, see `integrations.documents.sources`. `counts`: what the last sync that ended did, by outcome.
    """

    class Kind(models.TextChoices):
        WEBSITE = "website", _("website")
        ZENDESK = "zendesk", _("Zendesk Guide")
        SALESFORCE = "salesforce", _("Salesforce Knowledge")
        FEED = "feed", _("JSON feed")

    class State(models.TextChoices):
        IDLE = "idle", _("up to date")
        DUE = "due", _("waiting")
        RUNNING = "running", _("under way")
        FAILED = "failed", _("failed")

    collection = models.ForeignKey(
        Collection, on_delete=models.CASCADE, related_name="+", verbose_name=_("collection")
    )
    name = models.CharField(_("name"), max_length=120, unique=True)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.WEBSITE)
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    secret_sealed = models.BinaryField(null=True, editable=False)
    secret_version = models.PositiveIntegerField(default=0, editable=False)
    every_hours = models.PositiveSmallIntegerField(
        _("fetch every (hours)"), default=24, help_text=_("0: only when somebody asks for it.")
    )
    active = models.BooleanField(_("active"), default=True)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.IDLE, editable=False)
    error = models.CharField(_("error"), max_length=300, blank=True, default="", editable=False)
    counts = models.JSONField(default=dict, blank=True, editable=False)
    # The fetch that is under way, or was last; where a service's list goes on; how many pages it has seen.
    run = models.UUIDField(null=True, editable=False)
    cursor = models.TextField(blank=True, default="", editable=False)
    progress = models.PositiveIntegerField(default=0, editable=False)
    synced_at = models.DateTimeField(_("last fetched"), null=True, blank=True, editable=False)
    due_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("knowledge source")
        verbose_name_plural = _("knowledge sources")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SourcePage(TimeOrderedModel):
    """A page or an article of a source as it was fetched last: what tells whether it has changed since.

    `key` is the hash of its address or id. `found_run`: the fetch that found it last, `run`: the one that read it last.
    `etag` and `modified` are the server's. `links`: where it led to, for when it has not changed.
    """

    source = models.ForeignKey(KnowledgeSource, on_delete=models.CASCADE, related_name="pages")
    key = models.CharField(max_length=64)
    url = models.CharField(_("address"), max_length=1000)
    etag = models.CharField(max_length=200, blank=True, default="")
    modified = models.CharField(max_length=80, blank=True, default="")
    sha256 = models.CharField(max_length=64, blank=True, default="")
    outcome = models.CharField(
        _("came of it"), max_length=8, choices=Outcome, blank=True, default=Outcome.NONE
    )
    error = models.CharField(_("error"), max_length=300, blank=True, default="")
    links = models.JSONField(default=list, blank=True)
    document = models.ForeignKey(Document, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    found_run = models.UUIDField(null=True)
    run = models.UUIDField(null=True)
    fetched_at = models.DateTimeField(_("fetched"), null=True, blank=True)

    class Meta:
        verbose_name = _("page of a source")
        verbose_name_plural = _("pages of sources")
        ordering = ["url"]
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="source_page_once")]
        indexes = [models.Index(fields=["source", "found_run"], name="source_page_found")]

    def __str__(self) -> str:
        return self.url
