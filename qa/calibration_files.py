"""What came of calibrations, in rows, for files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.utils.translation import gettext as _

from accounts.models import User
from qa.models import ScorecardTemplate
from qa.reporting.figures import rounded
from qa.reporting.tables import Row, table_file


def results_file(
    *, user: User, card: ScorecardTemplate, shown: Mapping[str, Any], form: str, address: str | None = None
) -> tuple[IO[bytes], str]:
    """Write `calibration_room.results_shown` as "csv" (from one to the next) or "xlsx" (criteria and raters, too).

    Notes who took it. Returns it, to be read from its start, and its name.
    """
    file = table_file(
        user=user,
        report="calibrations",
        form=form,
        sheets=[
            (_("From one to the next"), _trend(shown)),
            (_("Criteria"), _criteria(shown)),
            (_("Raters"), _raters(shown)),
        ],
        params={"scorecard": str(card.pk)},
        address=address,
    )
    return file, f"calibrations-{str(shown['since'])[:10]}.{form}"


def _trend(shown: Mapping[str, Any]) -> Iterator[Row]:
    yield [_("Calibration"), _("Closed"), *_heads(_("People")), *_heads(_("Automatic"))]
    for one in shown["trend"]:
        yield [one["name"], one["closed_at"][:10], *_agreed(one["people"]), *_agreed(one["automatic"])]


def _criteria(shown: Mapping[str, Any]) -> Iterator[Row]:
    yield [_("Criterion"), *_heads(_("People")), *_heads(_("Automatic")), _("Alpha"), _("Raters")]
    for one in shown["criteria"]:
        agreed = [*_agreed(one["people"]), *_agreed(one["automatic"])]
        yield [one["question"], *agreed, rounded(one["alpha"]), one["raters"]]


def _raters(shown: Mapping[str, Any]) -> Iterator[Row]:
    yield [_("Rater"), *_heads(_("The same"))]
    for one in shown["raters"]:
        yield [_("Automatic") if one["automatic"] else one["person"]["name"], *_agreed(one)]


def _heads(who: str) -> Row:
    return [f"{who}, %", _("Of"), _("Points off"), _("Kappa")]


def _agreed(one: Mapping[str, Any] | None) -> Row:
    if one is None or not one["n"]:
        return [None, 0, None, None]
    return [rounded(one["percent"]), one["n"], rounded(one["points"]), rounded(one["kappa"])]
