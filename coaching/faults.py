"""What went wrong with rules, counted per revision, rule and day: seen on the policy's page, in no call's way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from django.db import connection
from django.utils import timezone

from accounts.ids import new_id
from coaching.models import RuleFault
from conversations.live.stages import Batch
from moments.live import Failed

Kind = RuleFault.Kind
KEY = RuleFault._meta.get_field("rule_key").max_length or 80
PLACE = RuleFault._meta.get_field("last").max_length or 200


class Faults:
    """What went wrong in one call since it was last written down."""

    def __init__(self) -> None:
        self._new: Counter[tuple[str, str, str]] = Counter()
        self._last: dict[tuple[str, str, str], str] = {}

    def note(self, revision_id: str, rule: str, kind: str, place: str = "", times: int = 1) -> None:
        """Take note of it; `place` says what and where, never an error's message."""
        key = (revision_id, rule[:KEY], kind)
        self._new[key] += times
        self._last[key] = place[:PLACE]

    def note_unheard(self, failed: Failed, asks: Mapping[str, frozenset[str]], first: str) -> None:
        """Take note of moments that could not be looked for: with each revision that asks for one of them, or with the
        `first` where it is not known which they are. `asks`: the keys of the moments that each revision asks for."""
        kind = Kind.LATE if failed.late else Kind.ERROR
        wanted = {revision_id: keys.intersection(failed.keys) for revision_id, keys in asks.items()}
        for revision_id, keys in wanted.items():
            if keys:
                self.note(
                    revision_id, "", kind, ": ".join(filter(None, (", ".join(sorted(keys)), failed.place)))
                )
        if not any(wanted.values()):
            self.note(first, "", kind, failed.place)

    def hand_over(self, batch: Batch) -> None:
        """Have them counted after a batch that is committed anyway, outside its transaction."""
        if not self._new or batch.is_empty:
            return
        counted, last = self._new, self._last
        self._new, self._last = Counter(), {}

        def write(when: datetime) -> None:
            for (revision_id, rule, kind), times in sorted(counted.items()):
                fault_count(
                    revision_id=revision_id,
                    rule=rule,
                    kind=kind,
                    times=times,
                    last=last[revision_id, rule, kind],
                )

        batch.published(write)


def fault_count(*, revision_id: str, rule: str, kind: str, times: int = 1, last: str = "") -> None:
    """Add to today's count."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO coaching_rulefault (id, revision_id, rule_key, kind, day, count, last, last_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT ON CONSTRAINT rule_fault_once_a_day DO UPDATE"
            " SET count = coaching_rulefault.count + excluded.count, last = excluded.last,"
            " last_at = excluded.last_at",
            [new_id(), revision_id, rule, kind, timezone.localdate(), times, last, now],
        )
