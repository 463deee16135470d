"""The makers of recognisers that a company may have accounts with: what each can do and what can be set about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from engines.speech.providers import create


class Vendor(models.TextChoices):
    DEEPGRAM = "deepgram", gettext_lazy("Deepgram")
    OPENAI_AUDIO = "openai_audio", gettext_lazy("OpenAI-compatible transcription server")
    WHISPER = "whisper", gettext_lazy("Whisper, in our own processes")


@dataclass(frozen=True)
class Ability:
    """What a vendor does. `live`, `upload`: the name of its engine for the task, "" where it cannot.

    Options by name with their type; those in `live_only` and `upload_only` go to that engine alone.
    """

    live: str
    upload: str
    address: bool
    key: bool
    options: Mapping[str, type]
    live_only: frozenset[str] = frozenset()
    upload_only: frozenset[str] = frozenset()

    def engine(self, *, live: bool) -> str:
        return self.live if live else self.upload

    def options_for(self, options: Mapping[str, Any], *, live: bool) -> dict[str, Any]:
        """The part of an account's options that is for this task."""
        others = self.upload_only if live else self.live_only
        return {name: value for name, value in options.items() if name in self.options and name not in others}


ABILITIES: dict[str, Ability] = {
    Vendor.DEEPGRAM: Ability(
        live="deepgram",
        upload="deepgram_batch",
        address=True,
        key=True,
        options={
            "model": str,
            "smart_format": bool,
            "mip_opt_out": bool,
            "redact": list,
            "extra": dict,
            "endpointing_ms": int,
            "utterance_end_ms": int,
            "max_rate": float,
            "piece_seconds": int,
            "request_seconds": float,
        },
        live_only=frozenset({"endpointing_ms", "utterance_end_ms", "max_rate"}),
        upload_only=frozenset({"piece_seconds", "request_seconds"}),
    ),
    Vendor.OPENAI_AUDIO: Ability(
        live="",
        upload="openai_audio",
        address=True,
        key=True,
        options={
            "model": str,
            "response_format": str,
            "timeout_s": float,
            "retries": int,
            "parallel": int,
            "piece_ms": int,
        },
    ),
    Vendor.WHISPER: Ability(
        live="whisper",
        upload="whisper",
        address=False,
        key=False,
        options={"model": str, "beam_size": int, "partials_ms": int},
    ),
}


def arguments(
    vendor: str, *, base_url: str, secret: str, options: Mapping[str, Any], live: bool
) -> dict[str, Any]:
    """What the engine's constructor gets."""
    ability = ABILITIES[vendor]
    given = ability.options_for(options, live=live)
    if ability.address:
        given["base_url"] = base_url
    if ability.key:
        given["api_key"] = secret
    return given


def options_check(vendor: str, *, base_url: str, has_secret: bool, options: Any) -> None:
    """Raise `ValidationError`, with words for who filled in the form, for what the vendor's engine would not take."""
    ability = ABILITIES[vendor]
    if not isinstance(options, dict):
        raise ValidationError({"options": _("Options are an object of names and values.")})
    for name, value in options.items():
        kind = ability.options.get(name)
        if kind is None:
            known = ", ".join(ability.options)
            raise ValidationError(
                {
                    "options": _("There is no option %(name)s; there are: %(known)s.")
                    % {"name": name, "known": known}
                }
            )
        fits = isinstance(value, kind) and not (kind is not bool and isinstance(value, bool))
        if not fits and not (kind is float and type(value) is int):
            raise ValidationError(
                {
                    "options": _("The option %(name)s must be of type %(type)s.")
                    % {"name": name, "type": kind.__name__}
                }
            )
    if vendor == Vendor.WHISPER and options.get("model", "") not in settings.SPEECH_WHISPER_MODELS:
        offered = ", ".join(settings.SPEECH_WHISPER_MODELS) or _("none")
        raise ValidationError(
            {"options": _("“model” must be one that this installation offers: %s.") % offered}
        )
    if base_url and not ability.address:
        raise ValidationError({"base_url": _("This vendor has no address.")})
    for live in (True, False):
        engine = ability.engine(live=live)
        if engine:
            given = arguments(
                vendor,
                base_url=base_url,
                secret="given" if has_secret else "",
                options=options,
                live=live,
            )
            try:
                create(engine, **given)
            except (ValueError, TypeError) as error:
                raise ValidationError({"options": str(error)}) from None
