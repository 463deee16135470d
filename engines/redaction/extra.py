"""Detectors that a company plugs in beside the house's own, by name: `RedactionConfig.extra`.

A plug-in is registered once per process, before the first configuration that names it. It must be without state, as
one instance serves all threads, and it may only add: what others found stays found.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Lock

from engines.redaction.context import Detector
from engines.redaction.presidio import installed_analyzer

_LOCK = Lock()
_MAKERS: dict[str, Callable[[], Detector]] = {"presidio": installed_analyzer}
_MADE: dict[str, Detector] = {}


def register(name: str, detector: Detector) -> None:
    """Have `RedactionConfig.extra` know `detector` as `name`; one registered before under that name is replaced.

    Configurations in use keep what they began with.
    """
    with _LOCK:
        _MAKERS[name] = partial(_as_it_is, detector)
        _MADE.pop(name, None)


def known() -> frozenset[str]:
    """Return the names that a configuration may use."""
    return frozenset(_MAKERS)


def plugged_in(name: str) -> Detector:
    """Return the plug-in called `name`. Raises ValueError if there is none, or if it is not installed."""
    with _LOCK:
        maker = _MAKERS.get(name)
        if maker is None:
            raise ValueError(f"unknown plug-in: {name}")
        if name not in _MADE:
            _MADE[name] = maker()
        return _MADE[name]


def _as_it_is(detector: Detector) -> Detector:
    return detector
