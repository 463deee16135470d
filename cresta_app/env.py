"""Typed reading of the environment. Every variable is read through here, once, with a default that runs.

`REGISTRY` remembers what was asked for, so that a test can hold `.env.example` against it.
"""

from __future__ import annotations

import os
from pathlib import Path

REGISTRY: dict[str, str] = {}


class EnvError(ValueError):
    """A variable is set to something its type does not allow."""


def _raw(name: str, default: object) -> str | None:
    REGISTRY[name] = "" if default is None else str(default)
    value = os.environ.get(name)
    return value if value not in (None, "") else None


def text(name: str, default: str = "") -> str:
    value = _raw(name, default)
    return default if value is None else value


def integer(name: str, default: int, *, minimum: int | None = None) -> int:
    value = _raw(name, default)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise EnvError(f"{name} must be a whole number") from None
    if minimum is not None and number < minimum:
        raise EnvError(f"{name} must be at least {minimum}")
    return number


def decimal(name: str, default: float) -> float:
    value = _raw(name, default)
    if value is None:
        return default
    try:
        return float(value)
    except ValueError:
        raise EnvError(f"{name} must be a number") from None


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of a few words."""
    value = text(name, default).lower()
    if value not in allowed:
        raise EnvError(f"{name} must be one of {', '.join(allowed)}")
    return value


def flag(name: str, default: bool) -> bool:
    value = _raw(name, "true" if default else "false")
    if value is None:
        return default
    lowered = value.lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off"}:
        return False
    raise EnvError(f"{name} must be true or false")


def names(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A comma-separated list."""
    value = _raw(name, ",".join(default))
    if value is None:
        return list(default)
    return [part.strip() for part in value.split(",") if part.strip()]


def folder(name: str, default: Path, *, shown: str) -> Path:
    """A folder; `shown` is the default as `.env.example` writes it, relative to the project."""
    value = _raw(name, shown)
    return default if value is None else Path(value).expanduser().resolve()


def read_file(path: Path) -> None:
    """Load `NAME=value` lines of a `.env` file; what the environment already has wins."""
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text().splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, separator, value = stripped.partition("=")
        if not separator:
            raise EnvError(f"{path.name} line {number} is not NAME=value")
        os.environ.setdefault(name.strip(), value.strip().strip("'\""))
