"""Answers of a form: the JSON schema that a server is told, and what is said to it where an answer is not of it."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

# Of an answer that is not of the form, so much goes back to the model that wrote it.
_MOST_BACK = 8_000
_MOST_ERRORS = 8
_AGAIN = (
    "That is not of the form that was asked for: {errors}. "
    "Answer again, with one JSON object of that form and nothing else."
)


class NotOfTheForm(Exception):
    """An answer is no JSON, or not what it must be. `words` say what is wrong by names of fields, and quote nothing."""

    def __init__(self, words: str) -> None:
        super().__init__("not of the form")
        self.words = words


@lru_cache(maxsize=256)
def schema_of(form: type[BaseModel]) -> dict[str, Any]:
    """The form as servers want it in their strict mode: each field required, and none beside."""
    name = re.sub(r"[^a-z0-9_-]", "_", form.__name__.lower())[:64]
    return {"name": name, "strict": True, "schema": _made(form)}


@lru_cache(maxsize=256)
def tool_of(name: str, description: str, arguments: type[BaseModel]) -> dict[str, Any]:
    """A tool as it is offered to a model."""
    told = {"name": name, "description": description, "parameters": _made(arguments), "strict": True}
    return {"type": "function", "function": told}


def _made(form: type[BaseModel]) -> dict[str, Any]:
    schema = form.model_json_schema()
    _strict(schema)
    inner = schema.get("$defs", {})
    if inner and not any(f"#/$defs/{name}" in json.dumps(one) for one in inner.values() for name in inner):
        # Not every server follows references.
        del schema["$defs"]
        schema = _inlined(schema, inner)
    return schema


def _inlined(schema: Any, inner: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(one, inner) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return inner[schema["$ref"].removeprefix("#/$defs/")]
    return {name: _inlined(one, inner) for name, one in schema.items()}


def _strict(schema: Any) -> None:
    if isinstance(schema, list):
        for one in schema:
            _strict(one)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        schema["additionalProperties"] = False
        schema["required"] = list(schema["properties"])
    schema.pop("default", None)
    for name, one in schema.items():
        if name == "properties" and isinstance(one, dict):
            for field in one.values():
                _strict(field)
        else:
            _strict(one)


def read(form: type[BaseModel], text: str) -> BaseModel:
    """The answer as what it must be. Raises `NotOfTheForm`."""
    plain = text.strip()
    if plain.startswith("```") and plain.endswith("```"):
        # Models that were not held to the form like to write it down as a listing.
        plain = plain[3:-3].removeprefix("json")
    try:
        return form.model_validate_json(plain.strip())
    except ValidationError as error:
        wrong = [
            f"{'.'.join(str(one) for one in part['loc']) or 'the whole'}: {part['type']}"
            for part in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        raise NotOfTheForm("; ".join(wrong[:_MOST_ERRORS])) from None
    except (ValueError, RecursionError):
        raise NotOfTheForm("it is no JSON") from None


def repair_messages(messages: list[dict[str, Any]], answer: str, wrong: NotOfTheForm) -> list[dict[str, Any]]:
    """The request for another try: the same, the answer, and what is wrong with it."""
    # Servers refuse a turn without words.
    said = [{"role": "assistant", "content": answer[:_MOST_BACK]}] if answer.strip() else []
    return [
        *messages,
        *said,
        {"role": "user", "content": _AGAIN.format(errors=wrong.words)},
    ]
