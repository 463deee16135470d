"""Whose words they are: a channel's, or a speaker's whom the recogniser tells apart within one channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engines.redaction.stream import OpenNumber
from engines.speech.types import Hypothesis, Progress, SpeechProvider


class Speakers:
    """Of one call. `audio_format` as in `CallAudio.as_dict`; its `speakers`, if any, are the roles within a channel.

    `apart`: the recogniser tells speakers apart, so that a hypothesis' channel is a speaker, in the order in which
    they were first heard. A speaker beyond those that are known counts as the last of them.
    """

    def __init__(self, audio_format: dict[str, Any]) -> None:
        self.roles: list[str] = audio_format["roles"]
        self._within: list[str] = audio_format.get("speakers", [])
        self.apart = False

    def tell_apart(self, speech: SpeechProvider) -> bool:
        """Whether `speech` shall be asked to tell the speakers of the one channel apart."""
        self.apart = bool(self._within) and len(self.roles) == 1 and speech.diarises
        return self.apart

    def of(self, heard: Hypothesis | Progress) -> tuple[int, str]:
        """The channel of audio that was heard, and the role of who spoke."""
        if self.apart:
            return 0, self._within[min(heard.channel, len(self._within) - 1)]
        return heard.channel, self.roles[heard.channel]

    def channels(self, number: OpenNumber | None) -> Sequence[str]:
        """Who speaks on each channel, as far as a number is concerned that is still being given."""
        return [number.speaker] if self.apart and number is not None else self.roles
