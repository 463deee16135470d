"""How far the vectors of a company's passages are, in words for those who look after knowledge."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from knowledge.models import VectorState
from knowledge.models.vectors import ONLY
from knowledge.search.vectors import DIMENSIONS, NO_PGVECTOR, OLD_PGVECTOR
from providers.models import SearchServer
from providers.selectors import search_servers
from providers.speech import fault_words


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the vectors are. `state`: off, filling, ready or failing; `fault`: why there is no more just now."""

    state: str
    server: str = ""
    model: str = ""
    done: int = 0
    total: int = 0
    fault: str = ""
    words: str = ""


def vectors_progress() -> Progress:
    """How far the current company's vectors are. Two queries, one where there is no server."""
    server = search_servers().get(SearchServer.Kind.EMBEDDINGS)
    if server is None:
        return Progress("off", words=_("Found by words alone: no server for vectors is set."))
    row = VectorState.objects.filter(pk=ONLY).first() or VectorState()
    ours = row.mark == server.mark
    done = row.done if ours else 0
    told = {"done": done, "total": row.total, "model": server.model}
    if row.fault:
        state, words = "failing", _fault_words(row, server)
    elif ours and row.complete_at is not None:
        state, words = (
            "ready",
            _("Found by meaning, too: %(done)d of %(total)d passages have a vector of %(model)s."),
        )
    else:
        state = "filling"
        words = _(
            "Found by words until all have a vector of %(model)s: %(done)d of %(total)d passages so far."
        )
    # Another server's fault may have a per cent sign in it.
    said = words if row.fault else words % told
    return Progress(state, server.name, server.model, done, row.total, row.fault, said)


def _fault_words(row: VectorState, server: SearchServer) -> str:
    if row.fault == NO_PGVECTOR:
        why = _(
            "The database has no pgvector. Install it and run CREATE EXTENSION vector in the schema public."
        )
    elif row.fault == OLD_PGVECTOR:
        why = _("The database's pgvector is older than 0.8, or lies in a schema that is not searched.")
    elif row.fault == DIMENSIONS:
        words = _("Its vectors have %(has)d numbers, and %(wanted)d are set. Set %(has)d.")
        why = words % {"has": row.fault_number, "wanted": server.dimensions or 0}
    else:
        why = fault_words(row.fault)
    if row.fault in {NO_PGVECTOR, OLD_PGVECTOR}:
        return _("Found by words. %(why)s") % {"why": why}
    return _("Found by words. %(server)s: %(why)s") % {"server": server.name, "why": why}
