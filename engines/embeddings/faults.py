"""Why a server gave no vectors."""

from __future__ import annotations

from engines.speech.faults import Fault


class NotEmbedded(Exception):
    """A server gave nothing that can be used. `fault` says why in one word; `dimensions` how long its vectors are
    where they are of another length than they should be. Never what was sent."""

    def __init__(self, fault: Fault, dimensions: int = 0) -> None:
        super().__init__(f"not embedded: {fault}")
        self.fault = fault
        self.dimensions = dimensions
