"""Presidio's analyser, measured beside ours where a company has installed it (`pip install presidio-analyzer`).

With spaCy's `en_core_web_lg` installed it runs as shipped; without, with its pattern recognisers alone, over a blank
English pipeline. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from bench.report import Unmeasured

_MODEL = "en_core_web_lg"


def finder() -> tuple[Callable[[str], list[tuple[int, int]]], dict[str, str]]:
    """Return a function from a text to offsets, and what it runs on. Raises `Unmeasured` without the package."""
    if find_spec("presidio_analyzer") is None:
        raise Unmeasured("presidio-analyzer is not installed here")
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

    engine: Any
    if find_spec(_MODEL) is not None:
        engine, model = AnalyzerEngine(), _MODEL
    else:
        registry = RecognizerRegistry()
        registry.load_predefined_recognizers(languages=["en"])
        registry.remove_recognizer("SpacyRecognizer")
        engine = AnalyzerEngine(registry=registry, nlp_engine=_blank())
        model = "none (pattern recognisers alone)"

    def find(text: str) -> list[tuple[int, int]]:
        return [(found.start, found.end) for found in engine.analyze(text=text, language="en")]

    return find, {"presidio-analyzer": version("presidio-analyzer"), "language model": model}


def _blank() -> Any:
    """Return an NLP engine that cuts words and knows no names."""
    import spacy
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Blank(SpacyNlpEngine):  # type: ignore[misc]
        """A pipeline without a model."""

        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}

        def is_loaded(self) -> bool:
            return True

    return Blank()
