"""Policies as files: out of one company and into another, as JSON or YAML.

A file names people by e-mail, teams by name and queues by key, because ids mean nothing elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import yaml
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.models import Team, User
from coaching.models import SCOPED, Policy, PolicyRevision
from coaching.revisions import PARTS

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
# Of a scope: what is named otherwise in a file, the model, its field here.
_NAMED: tuple[tuple[str, Any, str], ...] = (("agents", User, "email"), ("teams", Team, "name"))


def policy_file(policy: Policy, revision: PolicyRevision | None = None) -> dict[str, Any]:
    """What a file says of a policy: its draft, or one of its revisions. Up to two queries."""
    source: Policy | PolicyRevision = revision or policy
    document = revision.document if revision else policy.draft
    scope = dict(source.scope)
    for name, model, field in _NAMED:
        if scope.get(name):
            known = {
                str(pk): value
                for pk, value in model.objects.filter(pk__in=scope[name]).values_list("pk", field)
            }
            scope[name] = [known.get(one, one) for one in scope[name]]
    blank = Policy()
    usual = {name: getattr(blank, name) for name in SCOPED}
    said: dict[str, Any] = {"format": document.get("format", 1), "name": policy.name}
    if scope:
        said["scope"] = scope
    for name in SCOPED[1:]:
        value = getattr(source, name)
        if value != usual[name]:
            said[name] = value.isoformat() if isinstance(value, datetime) else value
    return said | {part: document[part] for part in PARTS if document.get(part)}


def write(said: Mapping[str, Any], form: str) -> str:
    """The file's text; `form` is "json" or "yaml"."""
    if form == "json":
        return json.dumps(said, indent=2, ensure_ascii=False) + "\n"
    text: str = yaml.safe_dump(dict(said), sort_keys=False, allow_unicode=True, width=100)
    return text


class _Loader(yaml.SafeLoader):
    """Plain data without aliases: a short file with aliases of aliases would unfold into gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ValueError(_("The file uses aliases (*name): write things out."))
        return super().compose_node(parent, index)


# Times stay texts, as in JSON.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str | bytes) -> dict[str, Any]:
    """The data of a file; JSON is YAML, too. Raises `ValidationError` in words."""
    if len(text) > MAX_BYTES:
        raise ValidationError(_("The file is larger than a megabyte."))
    try:
        said = yaml.load(text, Loader=_Loader)  # noqa: S506 — a SafeLoader, stricter still
        if not isinstance(said, dict):
            raise ValueError(_("A policy's file is an object with a name and rules."))
        _check(said, 0)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = _(" (line %(line)d)") % {"line": mark.line + 1} if mark is not None else ""
        words = str(error) if isinstance(error, ValueError) else _("The file cannot be read")
        raise ValidationError(words + where) from None
    return said


def _check(value: Any, depth: int) -> None:
    """Only what JSON has, and not too deep."""
    if depth > MAX_DEPTH:
        raise ValueError(_("The file is nested too deep."))
    if isinstance(value, dict):
        for key, one in value.items():
            if not isinstance(key, str):
                # YAML reads a bare `on`, `no` or 12 as something else than a text.
                raise ValueError(_("“%(key)s” must be in quotation marks.") % {"key": key})
            _check(one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            _check(one, depth + 1)
    elif value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError(_("The file holds something that is neither text nor number."))


def fields_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """What `policy_create` and `policy_draft_save` take, of a file's data. Raises `ValidationError`. Two queries."""
    unknown = sorted(set(said) - {"format", "name", *SCOPED, *PARTS})
    if unknown:
        raise ValidationError(_("A policy has no “%(name)s”.") % {"name": unknown[0][:40]})
    name = said.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ValidationError(_("The file does not say what the policy is called (name)."))
    fields: dict[str, Any] = {
        "name": name,
        "document": {"format": said.get("format", 1), **{part: said.get(part) or [] for part in PARTS}},
    }
    scope = said.get("scope") or {}
    if isinstance(scope, dict):
        fields["scope"] = _scope_here(scope)
    for field in SCOPED[1:]:
        if field in said:
            fields[field] = _time(said[field]) if field.endswith("_at") else said[field]
    return fields


def _scope_here(scope: Mapping[str, Any]) -> dict[str, Any]:
    here = dict(scope)
    for name, model, field in _NAMED:
        wanted = here.get(name)
        if not isinstance(wanted, list) or not wanted:
            continue
        known = {
            str(value).lower(): str(pk)
            for pk, value in model.objects.filter(
                **{f"{field}__in": [str(one) for one in wanted]}
            ).values_list("pk", field)
        }
        missing = [str(one) for one in wanted if str(one).lower() not in known]
        if missing:
            raise ValidationError({"scope": _("There is no “%(name)s” here.") % {"name": missing[0][:80]}})
        here[name] = [known[str(one).lower()] for one in wanted]
    return here


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        at = parse_datetime(str(value))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValidationError(_("Write times with their zone, as 2026-11-21T09:00:00Z."))
    return at
