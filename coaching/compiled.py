"""Policies ready to run, made once for a set of revisions and shared by every call of this process that goes by it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import structlog

from coaching.models import PolicyRevision
from coaching.selectors import documents_of
from engines.rules.compiled import CompiledPolicies
from engines.rules.reading import parse_policy
from engines.rules.spec import Policy, PolicyError

log = structlog.get_logger(__name__)

KEPT_SETS = 64


@dataclass(frozen=True, slots=True)
class Ready:
    """A compiled set. `refused`: what of it cannot run, as (revision id, rule id), and is left out."""

    policies: CompiledPolicies
    refused: tuple[tuple[str, str], ...] = field(default=())


def part_of(key: str) -> tuple[str, str]:
    """The revision and the rule (behaviour, playbook) that the engine knows by this key; "" where it names none."""
    revision_id, *parts = key.split("/")
    return revision_id, parts[-1] if parts else ""


class _Sets:
    """Compiled sets by the ids of their revisions; the longest unused leaves first."""

    def __init__(self) -> None:
        self._sets: OrderedDict[tuple[str, ...], Ready] = OrderedDict()
        self._lock = Lock()

    def of(self, revisions: Sequence[PolicyRevision]) -> Ready:
        ids = tuple(str(revision.pk) for revision in revisions)
        with self._lock:
            found = self._sets.get(ids)
            if found is not None:
                self._sets.move_to_end(ids)
                return found
        ready = _compile(revisions)
        with self._lock:
            self._sets[ids] = ready
            while len(self._sets) > KEPT_SETS:
                self._sets.popitem(last=False)
        return ready


def _compile(revisions: Sequence[PolicyRevision]) -> Ready:
    found = documents_of(revisions) if revisions else {}
    documents: dict[str, Policy] = {}
    names: dict[str, str] = {}
    refused: list[tuple[str, str]] = []
    for revision in revisions:
        document, called = found[revision.pk]
        try:
            documents[str(revision.pk)] = parse_policy(document)
        except PolicyError:
            # Published under an earlier idea of the language: the call's other policies go on.
            refused.append((str(revision.pk), ""))
        names |= called
    compiled = CompiledPolicies(documents, names)
    for key in compiled.refused:
        revision_id, rule = part_of(key)
        refused.append((revision_id, rule))
    if refused:
        log.warning("policies.refused", rules=refused[:20])
    return Ready(compiled, tuple(refused))


_sets = _Sets()


def compiled_for(revisions: Sequence[PolicyRevision]) -> Ready:
    """The revisions, compiled; the first of them takes precedence. One query where the set is new to this process."""
    return _sets.of(revisions)
