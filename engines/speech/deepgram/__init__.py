"""Deepgram, streaming and pre-recorded, by way of its own SDK. Hosted or self-hosted (`base_url`).

`DeepgramProvider` hears calls while they last, over one WebSocket per call; `DeepgramBatchProvider` collects a call
and has it transcribed as a recording. Both keep the contract of `engines.speech.types`. Wire format:
developers.deepgram.com/reference (Listen, live and pre-recorded).
"""

from engines.speech.deepgram.batch import DeepgramBatchProvider
from engines.speech.deepgram.streaming import DeepgramProvider

__all__ = ["DeepgramBatchProvider", "DeepgramProvider"]
