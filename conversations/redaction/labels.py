"""What types of information are called where people read: the house's translated, a company's own as its admin said."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from conversations.models import CustomInformation
from engines.redaction.vocabulary import TYPES, kind


class Labels:
    """The words of a type by its name. Own types are read, once, when the first one is met: most texts hold none.

    Types that the policy has no more keep the words they had, since what they hid stays hidden.
    """

    def __init__(self) -> None:
        self._own: Mapping[str, str] | None = None

    def __call__(self, name: str) -> str:
        """The words for a type. Raises `ValueError` for what can be no type's name."""
        known = TYPES.get(name)
        if known is not None:
            return _(known.label)
        if self._own is None:
            newest_last = CustomInformation.objects.order_by("policy__revision")
            self._own = dict(newest_last.values_list("name", "label"))
        return self._own.get(name) or kind(name).label
