"""Presidio's analyser, measured beside ours where a company has installed it (`pip install presidio-analyzer`).

With spaCy's `en_core_web_lg` installed it runs as shipped; without, with its pattern recognisers alone. Nothing is
downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from bench.report import Unmeasured
from engines.redaction.presidio import analyzer_made


def finder() -> tuple[Callable[[str], list[tuple[int, int]]], dict[str, str]]:
    """Return a function from a text to offsets, and what it runs on. Raises `Unmeasured` without the package."""
    try:
        engine, model = analyzer_made()
    except ImportError:
        raise Unmeasured("presidio-analyzer is not installed here") from None

    def find(text: str) -> list[tuple[int, int]]:
        return [(found.start, found.end) for found in engine.analyze(text=text, language="en")]

    return find, {
        "presidio-analyzer": version("presidio-analyzer"),
        "language model": model or "none (pattern recognisers alone)",
    }
