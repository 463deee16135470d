"""A scripted provider that, when it is loaded, blinds redaction in its process: to show that our leak test can fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engines.redaction.redactor import Redactor
from engines.speech.scripted import ScriptedProvider


class BlindProvider(ScriptedProvider):
    def __init__(self, *script: Any, **options: Any) -> None:
        examined = Redactor.examined

        def examine_nothing(self: Redactor, *args: Any, **kwargs: Any) -> Any:
            return replace(examined(self, *args, **kwargs), spans=[])

        Redactor.examined = examine_nothing  # type: ignore[method-assign]
        super().__init__(*script, **options)
