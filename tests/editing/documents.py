"""Policy documents for the tests of editing them."""

from __future__ import annotations

from typing import Any


def rule(key: str, when: dict[str, Any], *, title: str = "Ask why", **more: Any) -> dict[str, Any]:
    """A rule with one hint."""
    then = more.pop("then", [{"do": "hint", "label": "Say", "title": title}])
    return {"id": key, "name": more.pop("name", key.capitalize()), "when": when, "then": then, **more}


def document(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"format": 1, "rules": list(rules), "behaviours": [], "playbooks": [], **more}


CANCEL = {"phrases": ["cancel* ... (account|service)"], "speaker": "customer"}
OFFER = {"phrases": ["offer you"], "speaker": "agent"}


def moment_make(key: str, **fields: Any) -> Any:
    """Save a moment; phrases by default."""
    from moments.models import MomentDefinition
    from moments.services import moment_save

    values = {"name": key.replace("_", " ").capitalize(), "speaker": "any"} | fields
    definition = MomentDefinition(key=key, **values)
    moment_save(definition=definition, actor=None)
    return definition
