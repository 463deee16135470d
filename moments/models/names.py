"""What a company calls things: its products, and who else there is, with how callers and recognition write them."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel


class ListedName(TimeOrderedModel):
    """One name of the list of products, or of competitors, that moments listen for."""

    class Kind(models.TextChoices):
        PRODUCT = "product", _("product")
        COMPETITOR = "competitor", _("competitor")

    kind = models.CharField(_("what it is"), max_length=12, choices=Kind, default=Kind.COMPETITOR)
    name = models.CharField(_("name"), max_length=60)
    spellings = models.JSONField(
        _("other spellings"),
        default=list,
        blank=True,
        help_text=_(
            "One a line: nicknames, and what recognition takes it for. Case, accents, joined or split words, endings "
            "and spoken numbers need none: “Plan 5” is heard in “plan five’s”."
        ),
    )
    exact = models.BooleanField(
        _("only as written"),
        default=False,
        help_text=_("Words are neither joined nor split: for “InTouch”, which is not “keep in touch”."),
    )
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("name to listen for")
        verbose_name_plural = _("names to listen for")
        ordering = ["kind", "name", "id"]
        constraints = [
            models.UniqueConstraint(
                "kind",
                Lower("name"),
                name="listed_name_once",
                violation_error_message=_("This name is on the list already."),
            )
        ]

    def __str__(self) -> str:
        return self.name
