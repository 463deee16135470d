"""Finds a speech provider by its name, or by where its class lies."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, cast

from engines.speech.channels import PerChannel
from engines.speech.types import ChannelProvider, SpeechProvider

KNOWN = {
    "deepgram": "engines.speech.deepgram:DeepgramProvider",
    "deepgram_batch": "engines.speech.deepgram:DeepgramBatchProvider",
    "pocketsphinx": "engines.speech.sphinx:SphinxProvider",
    "openai_audio": "engines.speech.transcription:OpenAITranscriptionProvider",
    "whisper": "engines.speech.whisper:WhisperProvider",
    "scripted": "engines.speech.scripted:ScriptedProvider",
}


def create(name: str, **options: Any) -> SpeechProvider:
    """Make the provider `name`: one of `KNOWN`, or `module:Class`. It is not started yet.

    A class that hears one channel at a time says so by `per_channel = True` and is wrapped to hear whole calls.
    `options` go to its constructor; `path=...` calls its `from_file` instead, where it has one. Raises
    `ValueError` for a name that leads nowhere, and whatever the constructor raises.
    """
    where = KNOWN.get(name, name)
    module_name, colon, class_name = where.partition(":")
    if not colon:
        raise ValueError(f"unknown speech provider {name!r}: give {', '.join(KNOWN)} or module:Class")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"speech provider {name!r} cannot be loaded: {error}") from error
    make: Callable[..., Any] = getattr(found, "from_file", found) if "path" in options else found
    made = make(**options)
    if getattr(made, "per_channel", False):
        return PerChannel(cast("ChannelProvider", made))
    return cast("SpeechProvider", made)
