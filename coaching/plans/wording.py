"""What people write in coaching: words redacted like what is said in calls, and figures and days that can be."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

from conversations.redacted import redacted


def written(model: type[Model], field: str, given: str, *, required: str = "") -> str:
    """`given` as it is stored in this field of a model. Raises `ValidationError`.

    `required`: what is said where nothing was written.
    """
    words = redacted(given)
    most = getattr(model._meta.get_field(field), "max_length", None) or 0
    if required and not words:
        raise ValidationError({field: required})
    if len(words) > most:
        raise ValidationError({field: _("At most %(n)d characters.") % {"n": most}})
    return words


def percent(given: float, field: str) -> float:
    """A figure from 0 to 100. Raises `ValidationError` for others, and for what is no number at all."""
    if not 0 <= given <= 100:
        raise ValidationError({field: _("A target is a number from 0 to 100.")})
    return float(given)


def day_checked(day: date, field: str) -> date:
    """A day of this century. Raises `ValidationError` for others, which nobody means."""
    if not 2000 <= day.year <= 2100:
        raise ValidationError({field: _("Choose a day from 2000 to 2100.")})
    return day
